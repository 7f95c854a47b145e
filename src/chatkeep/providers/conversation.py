"""One call of a model over HTTP, whatever its wire format: cut the body, decode the pieces, give the events."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Protocol

import msgspec

from chatkeep.chat.events import Delta, ProviderEvent, Reasoning
from chatkeep.providers.failures import StreamBroken
from chatkeep.providers.http import Service


class Cutter(Protocol):
    """Cuts a body into the pieces that a wire format sends."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """The pieces that `chunk` completes. Raises: StreamBroken."""
        ...

    def end(self) -> Iterable[bytes]:
        """What is left when the body has ended."""
        ...


class Decoder(Protocol):
    """Decodes the pieces of one reply."""

    @property
    def is_done(self) -> bool:
        """Whether the reply has had its proper end."""
        ...

    def feed(self, data: bytes) -> Iterable[ProviderEvent]:
        """The events of one piece. Raises: StreamBroken, ValueError, msgspec.MsgspecError, ChatkeepError."""
        ...

    def end(self) -> Iterable[ProviderEvent]:
        """The last events. Raises: StreamBroken when the reply was cut."""
        ...


async def converse(
    service: Service, path: str, content: bytes, media_type: str, cutter: Cutter, reply: Decoder
) -> AsyncGenerator[ProviderEvent, None]:
    """POST `content` and yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

    Raises: ProviderFailed, ModelNotFound, ContextTooLong.
    """
    async with service.stream(path, content, media_type) as body:
        try:
            while not reply.is_done and (chunk := await body.read()):
                for event in joined(event for data in cutter.feed(chunk) for event in reply.feed(data)):
                    yield event
            for event in joined(event for data in cutter.end() for event in reply.feed(data)):
                yield event
            if reply.is_done:
                await body.drain()
            for event in reply.end():
                yield event
        except StreamBroken as exc:
            raise service.broken(str(exc)) from exc
        except (msgspec.MsgspecError, ValueError) as exc:
            raise service.broken("it sent something that is no reply") from exc


def joined(events: Iterable[ProviderEvent]) -> Iterator[ProviderEvent]:
    """`events` with the texts that follow each other made one: what came in one read is one event from here on."""
    kind: type[Delta | Reasoning] = Delta
    texts: list[str] = []
    try:
        for event in events:
            if isinstance(event, Delta | Reasoning) and (not texts or type(event) is kind):
                kind = type(event)
                texts.append(event.text)
                continue
            if texts:
                yield kind("".join(texts))
                texts = []
            if isinstance(event, Delta | Reasoning):
                kind, texts = type(event), [event.text]
            else:
                yield event
    except Exception:
        # Why: what stood before the broken piece is part of the reply.
        if texts:
            yield kind("".join(texts))
        raise
    if texts:
        yield kind("".join(texts))
