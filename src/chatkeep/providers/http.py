"""The HTTP client of a service: its address and key, deadlines, size caps, and a status turned into an error.

It moves bytes, over connections.py. What they mean belongs to the wire formats (openai.py, anthropic.py …); how
long a reply may take belongs to the run that asked for it, so a stream has no read deadline here.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import aiohttp
import httpx

from chatkeep.errors import ChatkeepError, ModelNotFound, ProviderFailed, ProviderTimedOut, ProviderUnavailable
from chatkeep.providers.connections import Connections
from chatkeep.providers.failures import NO_JSON, Complaint, complaint_of, explain, failure_of, stream_failure

ANSWER_S = 3.0  # small answers as a whole: lists of models, versions
MAX_ERROR_BYTES = 65_536
MAX_ANSWER_BYTES = 8_388_608  # OpenRouter's list of models is the longest known, about 1 MB
_DRAIN_S = 0.1  # how long the end of an answered stream is waited for, to keep its connection

_FAILURES = (httpx.TransportError, aiohttp.ClientError, OSError)

_MOST_URLS = 64  # kept parsed: a path may hold the name of a model, which a user chose

T = TypeVar("T")

Headers = Callable[[str | None], dict[str, str]]
"""What a wire format sends with every call, by the key or None."""


def bearer(api_key: str | None) -> dict[str, str]:
    """The key as most services take it: RFC 6750, section 2.1."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


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

    `headers` says how the key is sent, and what goes with it. Its connections are its own; the maker closes it.
    Raises, when it is made: ValueError, OSError (connections.py).
    """

    def __init__(self, name: str, base_url: str, api_key: str | None = None, headers: Headers = bearer) -> None:
        self.name = name
        self.base_url = base_url
        self._shown_url = str(httpx.URL(base_url).copy_with(userinfo=b""))
        self._connections = Connections(base_url)
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
        async with self._answer("POST", path, content) as (response, body):
            await self._check_media_type(response, body, media_type)
            yield body

    async def aclose(self) -> None:
        """Close the connections. A stream that is going on keeps its own to its end: nothing is cut short."""
        await self._connections.aclose()

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
        async with self._answer("GET" if content is None else "POST", path, content) as (_, body):
            return await _read_at_most(body, MAX_ANSWER_BYTES)

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, content: bytes | None
    ) -> AsyncIterator[tuple[httpx.Response, Body]]:
        """The head and the body of an answer that is no error. Leaving closes one that is not at its end."""
        async with self._connections.call():
            response = await self._send(method, path, content)
            async with aclosing(Body(self.name, response)) as body:
                if not response.is_success:
                    raise await self._failure(response, body)
                yield response, body

    async def _send(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        """The answer's head. Race: a cancelled wait closes the connection, that is aiohttp's part."""
        try:
            return await self._connections.send(method, self._url(path), self._headers, content)
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc
        except aiohttp.ClientResponseError as exc:
            raise ProviderFailed(f"{self.name} answered with something that is not HTTP.") from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise self._unreachable(exc) from exc

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
