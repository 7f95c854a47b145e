"""One server as the commands see it: JSON in and out, bytes, and runs that are followed across broken lines."""

import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Self, TypeVar

import httpx
import msgspec

import chatkeep
from chatkeep.chat.events import RunEvent
from chatkeep.cli.answers import answered, refused, unreachable
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.following import Following, Reconnecting

T = TypeVar("T")
Query = Mapping[str, str | int | bool | None]

_CONNECT_S = 5.0
_ANSWER_S = 60.0  # for what asks no model; the server itself gives up on a search much sooner
_RESENDS = 3  # commands that begin at once share servers of which one after the other is stopping
_PATIENCE_S = 120.0  # without a sign of life from a server whose run is followed
# Why below uvicorn's 5 s: a connection that the server is about to close must not be used again.
LIMITS = httpx.Limits(keepalive_expiry=3.0)
"""Of the connections of a client and of its transport."""


class Client:
    """Talks to the server at `base_url`. All that goes wrong is a CliError.

    `name` is what people are told of the server; `headers` go with every request. Without a `transport` it is the
    usual one, with the proxies that the environment names. A line that breaks in the middle of a request makes the
    request be sent again, as the server may have been stopping before it read it. POSTs that ask a model, or make a
    chat, count once by their Idempotency-Key. Limit: one that changes a chat may then be told what it did itself: that
    the chat is gone, or has another revision.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.name = name
        self._patience_s = patience_s
        try:
            self._http = httpx.Client(
                base_url=base_url,
                headers={"User-Agent": f"chatkeep/{chatkeep.__version__}", **(headers or {})},
                transport=transport,
                timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
                limits=LIMITS,
            )
        except httpx.InvalidURL as exc:
            raise CliError(ExitCode.UNREACHABLE, f"Cannot reach {name}: {exc}.") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def get(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """GET `path`; the answer as `kind`, `msgspec.Raw` for its bytes. None in `query` is left out."""
        return answered(self._send(self._request("GET", path, query=query)), kind, self.name)

    def post(self, path: str, body: object, kind: type[T], *, key: str | None = None) -> T:
        """POST `body` as JSON, with no limit on the time until the answer. `key` is the Idempotency-Key."""
        return answered(self._send(self._request("POST", path, body=body, key=key)), kind, self.name)

    def patch(self, path: str, body: object, kind: type[T]) -> T:
        """PATCH `path` with `body` as JSON."""
        return answered(self._send(self._request("PATCH", path, body=body)), kind, self.name)

    def delete(self, path: str, kind: type[T], query: Query | None = None) -> T:
        """DELETE `path`."""
        return answered(self._send(self._request("DELETE", path, query=query)), kind, self.name)

    @contextlib.contextmanager
    def download(self, path: str, query: Query | None = None) -> Iterator[Iterator[bytes]]:
        """GET `path`: the answer's bytes, piece by piece, to be read inside the `with`."""
        request = self._request("GET", path, query=query)
        try:
            response = self._http.send(request, stream=True)
            with contextlib.closing(response):
                if not response.is_success:
                    response.read()
                    raise refused(response, self.name)
                yield response.iter_bytes()
        except httpx.RequestError as exc:
            raise unreachable(exc, self.name) from exc

    def upload(
        self, path: str, content: bytes | Iterable[bytes], media_type: str, kind: type[T], query: Query | None = None
    ) -> T:
        """POST `content` as it is, with no limit on the time until the answer. Sent once: it may be read only once."""
        request = self._http.build_request(
            "POST",
            path,
            content=content,
            params=_given(query),
            headers={"Content-Type": media_type, "Idempotency-Key": new_key()},
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
        )
        try:
            response = self._http.send(request)
        except httpx.RequestError as exc:
            raise unreachable(exc, self.name) from exc
        return answered(response, kind, self.name)

    def events(self, path: str, body: object, *, key: str | None = None) -> Iterator[RunEvent | Reconnecting]:
        """POST `body`, which begins a run, and yield the run's events to its last one, Done or Problem.

        When the line breaks, yields Reconnecting, waits, and goes on where it was: nothing comes twice, nothing is
        left out, and the run is begun once. Close the iterator to leave; the run goes on. Raises: CliError when the
        request is refused, or the server is away for too long.
        """
        key = key or new_key()
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}

        def begin() -> httpx.Request:
            return self._request("POST", path, body=body, key=key, headers=headers)

        return iter(Following(self._http, self.name, self._patience_s, begin=begin))

    def follow(self, run_id: str, after: int = -1) -> Iterator[RunEvent | Reconnecting]:
        """The same for a run that goes on, or has ended: its events numbered above `after`."""
        return iter(Following(self._http, self.name, self._patience_s, run_id=run_id, after=after))

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        named = dict(headers or {})
        if method == "POST":
            named["Idempotency-Key"] = key or new_key()
        if body is not None:
            named["Content-Type"] = "application/json"
        return self._http.build_request(
            method,
            path,
            params=_given(query),
            content=msgspec.json.encode(body) if body is not None else None,
            headers=named,
            timeout=httpx.Timeout(None if method == "POST" else _ANSWER_S, connect=_CONNECT_S),
        )

    def _send(self, request: httpx.Request) -> httpx.Response:
        """Send it, and again when the line broke on the way. Raises: CliError."""
        try:
            for _ in range(_RESENDS):
                with contextlib.suppress(httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                    return self._http.send(request)
            return self._http.send(request)
        except httpx.RequestError as exc:
            raise unreachable(exc, self.name) from exc


def new_key() -> str:
    """An Idempotency-Key that nobody else has."""
    return secrets.token_urlsafe(24)


def _given(query: Query | None) -> dict[str, str | int | bool]:
    return {name: value for name, value in (query or {}).items() if value is not None}
