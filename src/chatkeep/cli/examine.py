"""Look at a server through whatever lies between, as a program does. What it means: chatkeep.doctor."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from chatkeep.cli.address import without_password
from chatkeep.cli.probes import (
    CONNECT_S,
    StreamReading,
    Unreachable,
    handshake,
    is_health,
    problem_of,
    shown_headers,
    why,
)
from chatkeep.doctor.judge import judge
from chatkeep.doctor.judge_streams import needs_another_look
from chatkeep.doctor.report import Report
from chatkeep.doctor.seen import (
    PING_S,
    Arrived,
    Observations,
    PostSeen,
    ProbeStream,
    SocketSeen,
    StreamSeen,
)
from chatkeep.errors import Unauthorized
from chatkeep.providers.sse import EventTooLong
from chatkeep.settings import is_address

_ANSWER_S = 15.0  # for a small answer; a stream gets this besides the time that it takes
_BODY_S = 60.0
_MOST_REDIRECTS = 5
_MOST_BODY = 8 * 2**20  # sent with `thorough`, when chatkeep takes as much
_QUICK_BODY = 2**20
_QUICK_S = 30.0
_THOROUGH_S = 120.0
_PADDED = {"count": 48, "interval_ms": 50, "padding_bytes": 2048}
_SLOWER = 2  # a stream that is tried again: so a busy moment matters less
_REDIRECTS = {301, 302, 303, 307, 308}  # RFC 9110, section 15.4


class Plan(msgspec.Struct, frozen=True):
    """How long and how much. A quick look takes as long as its silence; `interval_ms` is between events."""

    silence_s: float = _QUICK_S
    ping_s: float = PING_S
    body_bytes: int = _QUICK_BODY
    interval_ms: int = 200

    @classmethod
    def of(cls, *, thorough: bool, silence_s: float | None) -> "Plan":
        """The plan of the command's options."""
        usual_s = _THOROUGH_S if thorough else _QUICK_S
        return cls(usual_s if silence_s is None else silence_s, body_bytes=_MOST_BODY if thorough else _QUICK_BODY)


class _Straight(connect):
    """A WebSocket that follows no redirect: the library takes `X-API-Key` along to any host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class _Found(msgspec.Struct, frozen=True):
    """The first answer, without a key: where chatkeep really is, and whether it is that."""

    base_url: str
    status: int
    is_chatkeep: bool
    detail: str
    headers: dict[str, str]


async def examine(url: str, key: str | None, plan: Plan, tell: Callable[[str], None]) -> Report:
    """Look at `url` and say what is there; `tell` hears what is being done.

    Raises: Unreachable, Unauthorized when chatkeep wants another key.
    """
    base_url = url.rstrip("/")
    context = httpx.create_ssl_context(trust_env=True)
    tls = await handshake(base_url)
    if tls is not None and not tls.is_valid:
        return judge(Observations(url=without_password(base_url), tls=tls))
    async with _client(base_url, context, None) as client:
        found = await _find(client, base_url)
    if tls is None and found.base_url.startswith("https:"):
        tls = await handshake(found.base_url)
    seen = Observations(
        url=without_password(base_url),
        redirected_to=without_password(found.base_url) if found.base_url != base_url else "",
        is_chatkeep=found.is_chatkeep,
        status=found.status,
        detail=found.detail,
        headers=found.headers,
        tls=tls,
    )
    if not found.is_chatkeep or (tls is not None and not tls.is_valid):
        return judge(seen)
    async with _client(found.base_url, context, key) as client:
        return judge(await _Look(client, found.base_url, plan, tell, context).all(seen))


@asynccontextmanager
async def _client(base_url: str, context: ssl.SSLContext, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Accept-Encoding": "identity", "User-Agent": "chatkeep doctor", **({"X-API-Key": key} if key else {})}
    timeout = httpx.Timeout(_ANSWER_S, connect=CONNECT_S)
    # Why not the environment's: it is the proxy in front of the server that is looked at.
    async with httpx.AsyncClient(
        base_url=base_url, headers=headers, timeout=timeout, verify=context, trust_env=False
    ) as client:
        yield client


async def _find(client: httpx.AsyncClient, base_url: str) -> _Found:
    """Ask /health, and follow redirects that stay on the host. Raises: Unreachable."""
    url = f"{base_url}/health"
    response = await _get(client, url)
    for _ in range(_MOST_REDIRECTS):
        target = _target_of(response)
        if target is None or target == url:
            break
        if not _may_follow(base_url, target):
            said, headers = f"It redirects to {target}.", shown_headers(response)
            return _Found(base_url, response.status_code, is_chatkeep=False, detail=said, headers=headers)
        url = target
        response = await _get(client, url)
    code, detail = problem_of(response)
    return _Found(
        url.rstrip("/").removesuffix("/health"),
        response.status_code,
        is_chatkeep=bool(code) or is_health(response.content),
        detail=detail,
        headers=shown_headers(response),
    )


def _target_of(response: httpx.Response) -> str | None:
    """Where it redirects to, None for nowhere that there is."""
    if response.status_code not in _REDIRECTS:
        return None
    try:
        target = str(response.url.join(response.headers.get("location", "")))
    except httpx.InvalidURL:
        return None
    return target if is_address(target) else None


def _may_follow(base_url: str, target: str) -> bool:
    """Whether the key may go there, too: to the same host, and not from TLS to plain HTTP."""
    asked, offered = urlsplit(base_url), urlsplit(target)
    is_safe = offered.hostname == asked.hostname and offered.scheme in ("https", asked.scheme)
    return is_safe and offered.path.rstrip("/").endswith("/health")


async def _get(client: httpx.AsyncClient, url: str) -> httpx.Response:
    try:
        return await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise Unreachable(why(exc)) from exc


class _Look:
    """All that is looked at of one server that is known to be chatkeep."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, plan: Plan, tell: Callable[[str], None], tls: ssl.SSLContext
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._plan = plan
        self._tell = tell
        self._tls = tls

    async def all(self, seen: Observations) -> Observations:
        """`seen` with everything else. Raises: Unauthorized, Unreachable."""
        arrived, status, detail, headers = await self._request()
        seen = msgspec.structs.replace(seen, headers={**seen.headers, **headers})
        if arrived is None:
            return msgspec.structs.replace(seen, status=status, detail=detail)
        async with asyncio.TaskGroup() as tasks:
            silence = self._plan.silence_s
            self._tell(f"Waiting through {silence:g} s of silence, and trying streams, a WebSocket and large requests")
            slow = [
                tasks.create_task(self._stream("silent", count=1, silence_s=silence)),
                tasks.create_task(self._stream("lasting", count=1, silence_s=silence, ping_s=self._plan.ping_s)),
            ]
            socket = tasks.create_task(self._socket())
            streams = await self._streams(("get", "post", "compressed"), self._plan.interval_ms)
            if again := needs_another_look(streams):
                self._tell("Trying again what came late")
                streams += await self._streams(again, _SLOWER * self._plan.interval_ms)
                streams.append(await self._stream("padded", **_PADDED))
            size = min(self._plan.body_bytes, arrived.max_body_bytes)
            posts = [await self._post("origin", 2), await self._post("large", size)]
        streams += [task.result() for task in slow]
        return msgspec.structs.replace(seen, arrived=arrived, streams=streams, posts=posts, socket=socket.result())

    async def _request(self) -> tuple[Arrived | None, int, str, dict[str, str]]:
        response = await _get(self._client, "/doctor/request")
        _, detail = problem_of(response)
        headers = shown_headers(response)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise Unauthorized(detail or "chatkeep wants a key.")
        try:
            return (
                msgspec.json.decode(response.content, type=Arrived),
                response.status_code,
                "",
                shown_headers(response),
            )
        except msgspec.DecodeError:
            return None, response.status_code, detail or "That is not what chatkeep says.", headers

    async def _streams(self, names: Iterable[ProbeStream], interval_ms: int) -> list[StreamSeen]:
        return await asyncio.gather(*(self._stream(name, interval_ms=interval_ms) for name in names))

    async def _stream(self, name: ProbeStream, **query: float) -> StreamSeen:
        method: Literal["GET", "POST"] = "POST" if name == "post" else "GET"
        headers = {"Accept": "text/event-stream"}
        if name == "compressed":
            headers["Accept-Encoding"] = "gzip, deflate"
        reading = StreamReading(name, query.get("silence_s", 0))
        try:
            async with asyncio.timeout(_ANSWER_S + self._plan.silence_s):
                async with self._client.stream(
                    method, "/doctor/stream", params=query, headers=headers, timeout=httpx.Timeout(None)
                ) as response:
                    await reading.read(response)
        except TimeoutError:
            reading.detail = "It came to no end."
        except httpx.HTTPError as exc:
            reading.detail = why(exc)
        except (msgspec.DecodeError, EventTooLong):
            reading.detail = "That is not what chatkeep sends."
        return reading.seen()

    async def _post(self, name: Literal["origin", "large"], size: int) -> PostSeen:
        parts = urlsplit(self._base_url)
        headers = {"Content-Type": "application/octet-stream"}
        if name == "origin":
            headers["Origin"] = without_password(f"{parts.scheme}://{parts.netloc}")
        try:
            response = await self._client.post("/doctor/body", content=b"x" * size, headers=headers, timeout=_BODY_S)
        except httpx.HTTPError as exc:
            return PostSeen(post=name, size_bytes=size, status=0, detail=why(exc))
        code, detail = problem_of(response)
        try:
            received = int(response.json()["received_bytes"])
        except (ValueError, KeyError, TypeError):
            received = 0
        return PostSeen(
            post=name, size_bytes=size, status=response.status_code, received_bytes=received, code=code, detail=detail
        )

    async def _socket(self) -> SocketSeen:
        parts = urlsplit(self._base_url)
        address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}/doctor/socket"
        key = self._client.headers.get("X-API-Key")
        try:
            async with asyncio.timeout(_ANSWER_S):
                async with _Straight(
                    address,
                    additional_headers={"X-API-Key": key} if key else None,
                    ssl=self._tls if parts.scheme == "https" else None,
                    proxy=None,
                    compression=None,
                ) as opened:
                    await opened.send("are you there?")
                    return SocketSeen(is_open=True, has_echoed=await opened.recv() == "are you there?")
        except InvalidStatus as exc:
            return SocketSeen(is_open=False, has_echoed=False, status=exc.response.status_code)
        except TimeoutError:
            return SocketSeen(is_open=False, has_echoed=False, detail="there is no answer to the handshake")
        except (WebSocketException, OSError, EOFError) as exc:
            return SocketSeen(is_open=False, has_echoed=False, detail=why(exc))
