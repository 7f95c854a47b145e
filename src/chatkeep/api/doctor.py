"""The doctor: what a proxy in front of this server does to it, tried out from where the user is.

The page, and the routes that it and `chatkeep doctor` try. Who may read may try; what stays open is bounded in number
(open_connections.py) and in time. What it all means is said by chatkeep.doctor. None of it is in the OpenAPI document:
it belongs to these two, and changes with them.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import MediaType, Response, WebSocket, get, post, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.params import QueryParameter, SkipValidation

import chatkeep.doctor
from chatkeep.access.policy import Action
from chatkeep.api.admission import needs, subject_of
from chatkeep.api.caller import Caller
from chatkeep.api.live_response import LiveResponse
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.origins import known_address
from chatkeep.api.probe_stream import StreamPlan, probe_events
from chatkeep.api.problems import AnyRequest
from chatkeep.doctor.judge import judge
from chatkeep.doctor.judge_streams import needs_another_look
from chatkeep.doctor.report import Report
from chatkeep.doctor.seen import Arrived, Observations, ProbeStream
from chatkeep.errors import InvalidRequest, NotFound

_SHOWN = {
    *("host", "via", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"),
    *("x-forwarded-server", "x-real-ip", "accept-encoding", "te", "connection", "upgrade", "cf-ray", "cdn-loop"),
}
"""Headers that tell of a proxy. No others are shown: not Cookie, not Authorization, not X-API-Key."""
_MOST_CHARS = 500  # of one header

_SOCKET_S = 30.0  # and this many messages are echoed, then it is closed
_SOCKET_MESSAGES = 8
_LEFT = (WebSocketDisconnect, OSError)  # Litestar's, and what a server raises: ASGI, Send event

_FOLDER = Path(chatkeep.doctor.__file__).parent / "page"
_FILES = {"page.js": "text/javascript", "page.css": "text/css"}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

AnySocket = WebSocket[Any, Any, Any]


class DoctorMeans(msgspec.Struct, frozen=True):
    """What the views need of the server: its open connections, and the largest body that it takes."""

    connections: OpenConnections
    max_body_bytes: int


Means = NamedDependency[SkipValidation[DoctorMeans]]


class ReportAnswer(msgspec.Struct, frozen=True):
    """The report on what a client saw. `again` are the streams that should be tried once more before it is believed."""

    report: Report
    again: list[ProbeStream]
    success: bool


class BodyAnswer(msgspec.Struct, frozen=True):
    """How much arrived of a body."""

    received_bytes: int
    success: bool


@get("/doctor", opt=needs(Action.OPEN), include_in_schema=False, summary="See what a proxy does", sync_to_thread=True)
def page(request: AnyRequest) -> Response[bytes]:
    """The page that tries it all out."""
    if request.scope["raw_path"].endswith(b"/"):
        # Why: what the page names is relative, so that it also works where a proxy puts a path before ours.
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(b"", status_code=HTTPStatus.PERMANENT_REDIRECT, headers={"Location": f"../doctor{query}"})
    headers = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
    return Response((_FOLDER / "page.html").read_bytes(), media_type=MediaType.HTML, headers=headers)


@get("/doctor/assets/{name:str}", opt=needs(Action.OPEN), include_in_schema=False, sync_to_thread=True)
def asset(name: str) -> Response[bytes]:
    """The page's script and its style. Raises: NotFound."""
    if name not in _FILES:
        raise NotFound("There is no such file.")
    return Response((_FOLDER / name).read_bytes(), media_type=_FILES[name], headers={"Cache-Control": "no-cache"})


@get("/doctor/request", opt=needs(Action.READ), include_in_schema=False)
async def request_seen(request: AnyRequest, doctor_means: Means) -> Arrived:
    """What arrived here of this request."""
    client = request.scope.get("client")
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in _SHOWN:
            headers[name] = f"{headers[name]}, {value}"[:_MOST_CHARS] if name in headers else value[:_MOST_CHARS]
    said = headers.get("x-forwarded-for", "")
    # Why: uvicorn puts what a trusted proxy says in the place of the client, with the port 0 unless that was said too.
    is_forwarded = client is not None and bool(said) and (not client[1] or f"{client[0]}:{client[1]}" in said)
    return Arrived(
        http_version=str(request.scope.get("http_version", "")),
        scheme=str(request.scope["scheme"]),
        address=known_address(request.scope),
        is_forwarded=is_forwarded,
        headers=headers,
        max_body_bytes=doctor_means.max_body_bytes,
    )


Count = Annotated[int, QueryParameter(ge=1, le=100)]
IntervalMs = Annotated[int, QueryParameter(ge=10, le=1000)]
PaddingBytes = Annotated[int, QueryParameter(ge=0, le=8192)]
SilenceS = Annotated[float, QueryParameter(ge=0, le=120)]
PingS = Annotated[float | None, QueryParameter(ge=0.05, le=60)]


@get("/doctor/stream", opt=needs(Action.READ), include_in_schema=False)
async def stream(
    caller: Caller,
    count: Count = 12,
    interval_ms: IntervalMs = 200,
    padding_bytes: PaddingBytes = 0,
    silence_s: SilenceS = 0,
    ping_s: PingS = None,
) -> LiveResponse:
    """A test stream. Raises: RateLimited."""
    return _stream(caller, StreamPlan(count, interval_ms / 1000, padding_bytes, silence_s, ping_s))


@post("/doctor/stream", opt=needs(Action.READ), include_in_schema=False, status_code=200)
async def posted_stream(caller: Caller, count: Count = 12, interval_ms: IntervalMs = 200) -> LiveResponse:
    """A test stream as the answer to a POST, as those of messages are. Raises: RateLimited."""
    return _stream(caller, StreamPlan(count, interval_ms / 1000, 0, 0, None))


@post("/doctor/body", opt=needs(Action.READ), include_in_schema=False, status_code=200)
async def body(request: AnyRequest) -> BodyAnswer:
    """Say how much arrived."""
    return BodyAnswer(len(await request.body()), success=True)


@post("/doctor/report", opt=needs(Action.READ), include_in_schema=False, status_code=200)
async def report(data: Observations) -> ReportAnswer:
    """Say what it means: nothing is kept. Raises: InvalidRequest."""
    for name, url in (("url", data.url), ("redirected_to", data.redirected_to)):
        try:
            urlsplit(url)
        except ValueError as exc:
            raise InvalidRequest(f"{url!r} is no address.", errors=((f"$.{name}", str(exc)),)) from exc
    return ReportAnswer(judge(data), needs_another_look(data.streams), success=True)


@websocket("/doctor/socket", opt=needs(Action.READ))
async def echo(socket: AnySocket, doctor_means: Means) -> None:
    """Send back the text that comes, a few times. Raises: RateLimited before it is accepted."""
    limit = asyncio.timeout(None)

    def end() -> None:
        with suppress(RuntimeError):  # it has not begun, or has ended by itself
            limit.reschedule(0)

    with doctor_means.connections.registered("probe", subject_of(socket), end):
        with suppress(TimeoutError, *_LEFT):
            async with limit:
                limit.reschedule(asyncio.get_running_loop().time() + _SOCKET_S)
                await socket.accept()
                for _ in range(_SOCKET_MESSAGES):
                    if (text := (await socket.receive()).get("text")) is None:
                        break
                    await socket.send_text(str(text))
        with suppress(*_LEFT):
            await socket.close()


HANDLERS = [page, asset, request_seen, stream, posted_stream, body, report, echo]


def _stream(caller: Caller, plan: StreamPlan) -> LiveResponse:
    caller.connections.check("probe", caller.subject)
    return LiveResponse(
        probe_events(plan, lambda: caller.chat.accepting),
        media_type="text/event-stream; charset=utf-8",
        headers=(),
        connections=caller.connections,
        kind="probe",
        subject=caller.subject,
    )
