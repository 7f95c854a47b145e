"""Logs by structlog: one line an event, with request, chat and run id. No message text, no secrets.

Lines go to standard error, and with a folder to files too (log_files.py). What other libraries log goes the same way.
"""

import contextlib
import json
import logging
import re
import sys
from io import StringIO
from pathlib import Path
from typing import TextIO

import msgspec
import stamina
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from chatkeep.telemetry.log_files import LogFiles
from chatkeep.telemetry.masks import mask_secrets, mask_text

_QUIET = (
    "aiohttp", "asyncio", "hpack", "httpcore", "httpx", "limits", "litestar", "opentelemetry", "requests", "urllib3",
    "websockets",
)  # fmt: skip

# U+0085 and its like end a line for some readers, ESC begins a command for terminals.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}

_encoder = msgspec.json.Encoder(enc_hook=repr)


def configure_logging(level: str, *, as_json: bool | None, folder: Path | None = None) -> None:
    """Send this process's logs to standard error, and to files in `folder`; a later call takes the place of this one.

    `as_json` None: JSON lines unless standard error is a terminal. Raises: ChatkeepError when `folder` cannot be used.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    for earlier in root.handlers:
        if isinstance(earlier, _Foreign):
            earlier.close()
    output = _Output(sys.stderr, LogFiles(folder) if folder is not None else None, as_json=as_json)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            output.render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_name: output,
        cache_logger_on_first_use=True,
    )
    root.handlers = [_Foreign(output)]
    root.setLevel(number)
    # Why never below info: what some write then holds headers, frames and paths with what people searched for.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if number < logging.INFO else max(number, logging.WARNING))
    logging.getLogger("uvicorn.access").setLevel(max(number, logging.WARNING))
    # Why info: it tells of start and stop.
    server = logging.getLogger("uvicorn.error")
    server.setLevel(max(number, logging.INFO))
    server.addFilter(_is_told)
    # Why: its line for each retry repeats what the provider said, which may repeat what people wrote. Ours does not.
    stamina.instrumentation.set_on_retry_hooks([])


class _Output:
    """Where structlog sends finished lines. A line that cannot be written is lost, and harms nobody."""

    def __init__(self, stream: TextIO, files: LogFiles | None, *, as_json: bool | None) -> None:
        self._stream = stream
        self._files = files
        if not stream.isatty() if as_json is None else as_json:
            self._console: Processor | None = None
        else:
            self._console = structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=_indented_traceback
            )

    def render(self, logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[str, str | None], EventDict]:
        """The last processor: the line for standard error, and the one for the files when there are any."""
        if self._console is None:
            line = _json_line(event)
            return (line, line), {}
        shown = self._console(logger, method, {name: _on_one_line(value) for name, value in event.items()})
        return (str(shown), _json_line(event) if self._files else None), {}

    def info(self, shown: str, kept: str | None, level: int = logging.INFO) -> None:
        """Write a line."""
        # A full disk, a closed pipe, a terminal that went away.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{shown}\n")
            self._stream.flush()
        if self._files is not None and kept is not None:
            self._files.put(level, kept)

    debug = warning = info

    def error(self, shown: str, kept: str | None) -> None:
        """Write a line that `error.log` takes too."""
        self.info(shown, kept, logging.ERROR)

    critical = error

    def close(self) -> None:
        """Write what waits for the files."""
        if self._files is not None:
            self._files.stop()
            self._files = None


class _Foreign(logging.Handler):
    """What other libraries log by the standard library, as lines of ours. Closed by it when the process ends."""

    def __init__(self, output: _Output) -> None:
        super().__init__()
        self._output = output
        self._log = structlog.get_logger("foreign")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit the text are the library's mistake
            text = str(record.msg)
        more = {"exc_info": record.exc_info} if record.exc_info and record.exc_info[0] else {}
        level = max(logging.DEBUG, min(record.levelno // 10 * 10, logging.CRITICAL))  # there may be some between
        self._log.log(level, text, logger=record.name, **more)

    def close(self) -> None:
        """Close the files too."""
        self._output.close()
        super().close()


# Why not with the variables of every frame, as is the default: they hold messages and keys.
_exceptions = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def _is_told(record: logging.LogRecord) -> bool:
    """False for what uvicorn says of each WebSocket, its path with the query, and of answers that are cut.

    An answer without its last chunk is cut on purpose (api/run_stream.py), and why, its run has logged.
    """
    said = str(record.msg)
    return '"WebSocket %s"' not in said and said != "ASGI callable returned without completing response."


def _json_line(event: EventDict) -> str:
    """`event` on one line, whatever is in it."""
    if "exc_info" in event:
        event = mask_secrets(None, "", _exceptions(None, "", event))
    try:
        line = _encoder.encode(event).decode()
    except (UnicodeEncodeError, OverflowError):  # half of a surrogate pair; a number without end
        line = json.dumps(event, default=repr)
    return line if line.isascii() else line.translate(_LINE_ENDS)


def _on_one_line(value: object) -> object:
    """A text without what begins a new line or steers a terminal."""
    if isinstance(value, str):
        return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
    return value


def _indented_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """The traceback in lines that cannot be taken for log lines."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    for line in plain.getvalue().split("\n"):
        if line:
            out.write(f"\n    {_on_one_line(mask_text(line))}")
