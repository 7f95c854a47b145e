"""The connections to one service: its pool, its way through a proxy, the certificates it is checked against.

What is said over them, and what a failure means: http.py.
"""

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

CONNECT_S = 10.0  # name, TCP and TLS together; a reachable service needs far less than one
_KEPT_S = 30  # a connection at rest
_STALE_S = 1.0  # a closed connection shows within one round trip

# Why `pool`: the transport hands it to aiohttp as the deadline of the whole connect, with DNS and TLS.
_EXTENSIONS = {"timeout": {"connect": CONNECT_S, "pool": CONNECT_S}}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Connections:
    """The pool of one service, opened by its first call. What others do, their closing included, cannot touch it.

    Made anywhere, used in one event loop; the maker closes it. The proxy and the certificates are the environment's.
    Raises, when it is made: ValueError for a proxy that is none, OSError for certificates that cannot be read.
    """

    def __init__(self, base_url: str) -> None:
        self._tls = trusted()
        self._proxy = proxy_of(base_url)
        self._transport: AiohttpTransport | None = None
        self._calls = 0
        self._is_closed = False

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Keep the pool open while this is entered: a call from its request to the end of its answer."""
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            await self._close_unused()

    async def send(self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes | None) -> httpx.Response:
        """The answer's head, asked for once more when a kept connection turns out to be closed already.

        Race: the service closes it as we send (RFC 9112, section 9.3.1). That shows at once; a service
        that hangs up later may have begun to work, and is not asked twice.
        Raises: httpx.TransportError, aiohttp.ClientError, OSError.
        """
        request = httpx.Request(method, url, headers=headers, content=content, extensions=_EXTENSIONS)
        clock = asyncio.get_running_loop().time
        sent_at = clock()
        # Why not httpx.AsyncClient: its own pipeline costs 40 % more CPU a call, and does nothing that is needed here.
        try:
            return await self._opened().handle_async_request(request)
        except httpx.TransportError as exc:
            if not _hung_up(exc.__cause__) or clock() - sent_at > _STALE_S:
                raise
        return await self._opened().handle_async_request(request)

    async def aclose(self) -> None:
        """Close the pool, with the end of the last call if one is going on: none is ever cut short.

        A call that comes later opens a pool of its own and closes it again.
        """
        self._is_closed = True
        await self._close_unused()

    def _opened(self) -> AiohttpTransport:
        if self._transport is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_S, ssl=self._tls)
            session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
            # Workaround: aiohttp's own trust_env asks the environment and ~/.netrc in a thread, for every call.
            self._transport = AiohttpTransport(verify=self._tls, client=session, proxy=self._proxy)
        return self._transport

    async def _close_unused(self) -> None:
        if not self._is_closed or self._calls:
            return
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()


@cache
def trusted() -> ssl.SSLContext:
    """The certificates of SSL_CERT_FILE or SSL_CERT_DIR, else the usual authorities, as they were at the first call.

    Why one for all services: each takes 16 ms and 0.8 MB, a pool 0.03 ms and 5 KB. Raises: OSError.
    """
    return httpx.create_ssl_context(trust_env=True)


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
