"""The parts of a look: a TLS handshake, a stream that is read, and what an answer says of itself."""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from chatkeep.doctor.seen import EventSeen, ProbeStream, StreamSeen, TlsSeen
from chatkeep.providers.sse import LineDecoder

CONNECT_S = 10.0

_HEADERS = ("server", "via", "cf-ray", "alt-svc")
_OWN_TYPE = "urn:chatkeep:problem:"


class Unreachable(Exception):
    """Nobody answers at that address; the text says why. Look at the name, the port, and whether the server runs."""


class _Problem(msgspec.Struct, frozen=True):
    """The part of a problem document that is shown, and the type that tells ours from others'."""

    type: str
    detail: str
    code: str


class _Health(msgspec.Struct, frozen=True):
    """What only chatkeep's /health has."""

    providers: dict[str, str]
    version: str


class _Probe(msgspec.Struct, frozen=True):
    """The data of a test stream's event."""

    sent_ms: float
    is_last: bool


async def handshake(base_url: str) -> TlsSeen | None:
    """How a TLS handshake that offers HTTP/2 goes; None for an address without TLS. Raises: Unreachable."""
    parts = urlsplit(base_url)
    if parts.scheme != "https":
        return None
    offered = httpx.create_ssl_context(trust_env=True)
    offered.set_alpn_protocols(["h2", "http/1.1"])
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=offered)
    except ssl.SSLCertVerificationError as exc:
        return TlsSeen(is_valid=False, failure=exc.verify_code, detail=exc.verify_message)
    except ssl.SSLError as exc:
        return TlsSeen(is_valid=False, detail=(exc.reason or str(exc)).replace("_", " ").lower())
    except (ConnectionResetError, ssl.SSLEOFError) as exc:
        return TlsSeen(is_valid=False, detail=f"the other side hangs up ({type(exc).__name__})")
    except (TimeoutError, OSError) as exc:
        raise Unreachable(why(exc)) from exc
    session: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = session.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    writer.close()
    return TlsSeen(
        is_valid=True,
        version=session.version() or "",
        protocol=session.selected_alpn_protocol() or "http/1.1",
        days_left=(datetime.fromtimestamp(ends, UTC) - datetime.now(UTC)).days,
    )


class StreamReading:
    """One test stream while it is read. What is there when the connection breaks is kept."""

    def __init__(self, name: ProbeStream, silence_s: float) -> None:
        self._name = name
        self._silence_s = silence_s
        self._began = time.perf_counter()
        self._lines = LineDecoder()
        self._events: list[EventSeen] = []
        self._pings = 0
        self._is_whole = False
        self._status = 0
        self._encoding = ""
        self.detail = ""

    async def read(self, response: httpx.Response) -> None:
        """Read to the end. Raises: httpx.HTTPError."""
        self._status = response.status_code
        self._encoding = response.headers.get("content-encoding", "")
        if response.status_code != httpx.codes.OK:
            await response.aread()
            _, self.detail = problem_of(response)
            return
        async for chunk in response.aiter_bytes():
            self._take(chunk)

    def seen(self) -> StreamSeen:
        """What there is so far."""
        return StreamSeen(
            stream=self._name,
            status=self._status,
            content_encoding=self._encoding,
            events=self._events,
            pings=self._pings,
            is_whole=self._is_whole,
            elapsed_ms=self._elapsed_ms(),
            silence_s=self._silence_s,
            detail=self.detail,
        )

    def _take(self, chunk: bytes) -> None:
        arrived_ms = self._elapsed_ms()  # Why once: what is read together arrived together
        for line in self._lines.feed(chunk):
            if line.startswith(b":"):
                self._pings += 1
            elif line.startswith(b"data: "):
                event = msgspec.json.decode(line[6:], type=_Probe)
                self._is_whole = event.is_last
                if not event.is_last:
                    self._events.append(EventSeen(event.sent_ms, arrived_ms, len(line)))

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000


def shown_headers(response: httpx.Response) -> dict[str, str]:
    """The headers of an answer that tell of a proxy."""
    return {name: response.headers[name][:500] for name in _HEADERS if name in response.headers}


def problem_of(response: httpx.Response) -> tuple[str, str]:
    """The code and the words of chatkeep's problem document, empty when the answer is none."""
    try:
        found = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        return "", ""
    return (found.code, found.detail) if found.type.startswith(_OWN_TYPE) else ("", "")


def is_health(content: bytes) -> bool:
    """Whether this is what chatkeep's /health answers."""
    try:
        msgspec.json.decode(content, type=_Health)
    except msgspec.DecodeError:
        return False
    return True


def why(exc: BaseException) -> str:
    """What went wrong, in the words of its cause."""
    cause = exc
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    words = (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or str(exc)
    return (words or type(exc).__name__).strip().rstrip(".") + "."
