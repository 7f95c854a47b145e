"""Logs by structlog: one line an event, with request, chat and run id. No message text, no secrets."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET = ("authorization", "api_key", "cookie", "password", "token")
_QUIET = ("uvicorn.access", "aiohttp", "asyncio", "httpx", "httpcore")


def configure_logging(level: str, *, as_json: bool | None) -> None:
    """Send this process's logs to standard error. `as_json` None: JSON lines unless that is a terminal."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(as_json=not sys.stderr.isatty() if as_json is None else as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what stands under a name that sounds like a secret."""
    for name in event:
        if any(part in name.lower() for part in _SECRET):
            event[name] = "***"
    return event


def _renderers(*, as_json: bool) -> list[Processor]:
    # Why not the defaults of both: they show the variables of every frame, and those hold messages and keys.
    if as_json:
        without_variables = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(without_variables), structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
