"""The one HTTP client of all providers: addresses, keys, deadlines, size caps, and a status turned into an error.

It moves bytes. What they mean belongs to the wire formats (openai.py, anthropic.py …); how long
a reply may take belongs to the run that asked for it, so a stream has no read deadline here.
"""

import asyncio
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from chatkeep.errors import ChatkeepError, ModelNotFound, ProviderFailed, ProviderTimedOut, ProviderUnavailable
from chatkeep.providers.failures import NO_JSON, Complaint, complaint_of, explain, failure_of, stream_failure

CONNECT_S = 10.0  # name, TCP and TLS together; a reachable service needs far less than one
ANSWER_S = 3.0  # small answers as a whole: lists of models, versions
MAX_ERROR_BYTES = 65_536
MAX_ANSWER_BYTES = 8_388_608  # OpenRouter's list of models is the longest known, about 1 MB
_DRAIN_S = 0.1  # how long the end of an answered stream is waited for, to keep its connection

_STALE_S = 1.0  # a closed connection shows within one round trip

# Why `pool`: the transport hands it to aiohttp as the deadline of the whole connect, with DNS and TLS.
_EXTENSIONS = {"timeout": {"connect": CONNECT_S, "pool": CONNECT_S}}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_FAILURES = (httpx.TransportError, aiohttp.ClientError, OSError)

_MOST_URLS = 64  # kept parsed: a path may hold the name of a model, which a user chose

T = TypeVar("T")

Headers = Callable[[str | None], dict[str, str]]
"""What a wire format sends with every call, by the key or None."""


def bearer(api_key: str | None) -> dict[str, str]:
    """The key as most services take it: RFC 6750, section 2.1."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


class HttpClient:
    """Holds the connections to all providers. Made anywhere, used in one event loop; the maker closes it."""

    def __init__(self) -> None:
        self._tls = httpx.create_ssl_context(trust_env=True)
        self._session: aiohttp.ClientSession | None = None

    def transport(self, base_url: str) -> AiohttpTransport:
        """A transport to `base_url`, through the environment's proxy for it; all share the connections."""
        # Workaround: aiohttp's own trust_env asks the environment and ~/.netrc in a thread, for every call.
        return AiohttpTransport(verify=self._tls, client=self._shared, proxy=proxy_of(base_url))

    async def aclose(self) -> None:
        """Close every connection. Calls that are going on fail."""
        if self._session is not None:
            await self._session.close()

    def _shared(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ssl=self._tls)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


class Body:
    """The body of an answered call, read as it comes. Closing it before its end closes the connection."""

    def __init__(self, provider: str, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._provider = provider
        self._response = response
        self._chunks = aiter(response.stream)

    async def read(self) -> bytes:
        """The next bytes as they arrive, empty at the end. Raises: ProviderFailed when the connection broke."""
        try:
            return await anext(self._chunks, b"")
        except _FAILURES as exc:
            raise ProviderFailed(f"{self._provider}: the connection broke in the middle of the answer.") from exc

    async def drain(self) -> None:
        """Wait a moment for the end of an answer that is known whole: only then its connection can be kept."""
        with suppress(TimeoutError, ProviderFailed):  # Why: only the connection is lost.
            async with asyncio.timeout(_DRAIN_S):
                while await self.read():
                    pass

    async def aclose(self) -> None:
        """Let go of the connection, even when cancelled. Never fails: the caller has its answer, or its own error."""
        with suppress(*_FAILURES):
            try:
                if isinstance(self._chunks, AsyncGenerator):
                    await self._chunks.aclose()
            finally:
                await self._response.aclose()


class Service:
    """One service: its name in errors, its address and its key. `base_url` has no slash at its end.

    `headers` says how the key is sent, and what goes with it.
    """

    def __init__(
        self, http: HttpClient, name: str, base_url: str, api_key: str | None = None, headers: Headers = bearer
    ) -> None:
        self.name = name
        self.base_url = base_url
        self._shown_url = str(httpx.URL(base_url).copy_with(userinfo=b""))
        self._transport = http.transport(base_url)
        self._api_key = api_key
        self._headers = {
            # Why: a compressed stream arrives in lumps, and aiohttp would hand it on compressed.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "chatkeep",
            **headers(api_key),
        }
        self._url = lru_cache(_MOST_URLS)(lambda path: httpx.URL(base_url + path))

    @asynccontextmanager
    async def stream(self, path: str, content: bytes, media_type: str) -> AsyncIterator[Body]:
        """POST `content` and give the body of the answer. Leaving closes an answer that is not at its end.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        response = await self._send("POST", path, content)
        async with aclosing(Body(self.name, response)) as body:
            if not response.is_success:
                raise await self._failure(response, body)
            await self._check_media_type(response, body, media_type)
            yield body

    async def fetch(self, path: str, decode: Callable[[bytes], T], content: bytes | None = None) -> T:
        """GET `path`, or POST `content` to it, and `decode` the answer. Takes at most `ANSWER_S` seconds.

        Raises: ProviderFailed.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                return decode(await self._fetch_bytes(path, content))
        except TimeoutError as exc:
            raise ProviderTimedOut(f"{self.name} did not answer within {ANSWER_S:g} s.") from exc
        except ModelNotFound as exc:
            raise ProviderFailed(f"{exc.detail} Is the base URL right?") from exc
        except NO_JSON as exc:
            raise ProviderFailed(f"{self.name} answered {path} with something else: is the base URL right?") from exc

    def broken(self, complaint: Complaint) -> ChatkeepError:
        """The failure of a stream that is no proper reply; `complaint` may quote the service."""
        return stream_failure(self.name, complaint, self._api_key)

    async def _fetch_bytes(self, path: str, content: bytes | None) -> bytes:
        response = await self._send("GET" if content is None else "POST", path, content)
        async with aclosing(Body(self.name, response)) as body:
            if not response.is_success:
                raise await self._failure(response, body)
            return await _read_at_most(body, MAX_ANSWER_BYTES)

    async def _send(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        """The answer's head. Race: a cancelled wait closes the connection, that is aiohttp's part."""
        request = httpx.Request(method, self._url(path), headers=self._headers, content=content, extensions=_EXTENSIONS)
        try:
            return await self._exchange(request)
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc
        except aiohttp.ClientResponseError as exc:
            raise ProviderFailed(f"{self.name} answered with something that is not HTTP.") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise self._unreachable(exc) from exc

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        """The answer's head, asked for once more when a kept connection turns out to be closed already.

        Race: the service closes it as we send (RFC 9112, section 9.3.1). That shows at once; a service
        that hangs up later may have begun to work, and is not asked twice.
        """
        clock = asyncio.get_running_loop().time
        sent_at = clock()
        # Why not httpx.AsyncClient: its own pipeline costs 40 % more CPU a call, and does nothing that is needed here.
        try:
            return await self._transport.handle_async_request(request)
        except httpx.TransportError as exc:
            if not _hung_up(exc.__cause__) or clock() - sent_at > _STALE_S:
                raise
        return await self._transport.handle_async_request(request)

    def _unreachable(self, exc: Exception) -> ProviderUnavailable:
        cause = exc.__cause__ or exc
        if isinstance(cause, aiohttp.ClientConnectorError):
            cause = cause.os_error
        what = explain(str(cause) or type(cause).__name__, self._api_key)
        return ProviderUnavailable(f"{self.name} cannot be reached at {self._shown_url}: {what}.")

    async def _failure(self, response: httpx.Response, body: Body) -> ChatkeepError:
        text = await _error_text(body)
        return failure_of(
            self.name, response.status_code, response.headers, text, api_key=self._api_key, now=datetime.now(UTC)
        )

    async def _check_media_type(self, response: httpx.Response, body: Body, media_type: str) -> None:
        """Pass what is, or may be, a stream. Raises: what an error with status 200 says, ProviderFailed for a page."""
        found = response.headers.get("content-type", media_type).partition(";")[0].strip().lower()
        if found in (media_type, "text/plain", "application/octet-stream"):
            return
        complaint = complaint_of(await _error_text(body))
        words = f"it sent {found or 'nothing'} in place of {media_type}: {complaint.message}".removesuffix(": ")
        raise self.broken(complaint._replace(message=words))


def proxy_of(base_url: str) -> httpx.Proxy | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for this address; none for this machine.

    Raises: ValueError, which names the variable and shows nothing of it, when that is no HTTP proxy's address.
    """
    url = httpx.URL(base_url)
    if url.host in _THIS_MACHINE or urllib.request.proxy_bypass(url.host):
        return None
    given = urllib.request.getproxies().get(url.scheme)
    if not given:
        return None
    try:
        proxy = httpx.URL(given if "://" in given else f"http://{given}")
    except httpx.InvalidURL:
        proxy = httpx.URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ValueError(f"{url.scheme.upper()}_PROXY: it must be the address of an HTTP proxy, as http://host:port")
    return httpx.Proxy(proxy)


def _hung_up(cause: BaseException | None) -> bool:
    """Whether a connection that once stood was closed by the other side."""
    if isinstance(cause, aiohttp.ClientConnectorError):
        return False
    return isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)


async def _error_text(body: Body) -> bytes:
    """What stands in an answer that is an error; nothing when it does not come: the status says what went wrong."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await _read_at_most(body, MAX_ERROR_BYTES)
    except (TimeoutError, ProviderFailed):
        return b""


async def _read_at_most(body: Body, limit_bytes: int) -> bytes:
    """The whole body, cut at the limit."""
    content = bytearray()
    while len(content) < limit_bytes and (chunk := await body.read()):
        content += chunk
    return bytes(content[:limit_bytes])
