"""One call of a model over HTTP, whatever its wire format: cut the body, decode the pieces, give the events."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Protocol

from chatkeep.chat.events import Delta, ProviderEvent, Reasoning
from chatkeep.providers.failures import NO_JSON, Complaint, StreamBroken
from chatkeep.providers.http import Service

# Limit: a run's other limits do not see comments and empty chunks. An honest reply is far below: 200,000 characters,
# four a token, each token in an event of 300 bytes, are 15 MB.
MAX_REPLY_BYTES = 67_108_864


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

    Raises: ProviderFailed, also for a reply of more than `MAX_REPLY_BYTES`; ModelNotFound, ContextTooLong.
    """
    received_bytes = 0
    async with service.stream(path, content, media_type) as body:
        try:
            while not reply.is_done and (chunk := await body.read()):
                received_bytes = _counted(received_bytes, chunk)
                for event in joined(event for data in cutter.feed(chunk) for event in reply.feed(data)):
                    yield event
            for event in joined(event for data in cutter.end() for event in reply.feed(data)):
                yield event
            if reply.is_done:
                await body.drain()
            for event in reply.end():
                yield event
        except StreamBroken as exc:
            raise service.broken(exc.complaint) from exc
        except NO_JSON as exc:
            raise service.broken(Complaint("it sent something that is no reply")) from exc


def _counted(received_bytes: int, chunk: bytes) -> int:
    """What was received with `chunk`. Raises: StreamBroken when that is more than is taken of one reply."""
    if received_bytes + len(chunk) > MAX_REPLY_BYTES:
        raise StreamBroken(f"the answer is longer than {MAX_REPLY_BYTES} bytes")
    return received_bytes + len(chunk)


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
