"""A provider that costs next to nothing: every wire format as bytes made before, on a raw asyncio protocol.

Its models say how a reply comes: `burst-64-4` is 64 tokens at once in 4 writes, `paced-500-50` is 500 tokens at
50 a second, each holding the moment it was sent (see `stamp`). Run as `python -m bench.upstream`.
"""

import asyncio
import functools
import random
import re
import time
from collections.abc import Iterator
from typing import cast

import uvloop

from bench.formats import Format, chunked, format_of
from bench.words import WORDS

READY = "bench upstream is ready at "
CONTEXT_TOKENS = 8192  # so that a long chat is cut to what a usual model takes

_MODEL = re.compile(rb'(?:"model": ?"|/models/)(burst|paced)-(\d+)-(\d+)')  # in the body, or Gemini's path
_STAMP_MASK = 0xFFFFFF


def stamp() -> int:
    """This moment in microseconds, cut to 24 bits: it begins anew every 16.7 s. All processes share the clock."""
    return (time.monotonic_ns() // 1000) & _STAMP_MASK


def age_us(sent: int) -> int:
    """Microseconds since `sent`, a stamp of the last 16 s."""
    return (stamp() - sent) & _STAMP_MASK


@functools.cache
def _burst(spoken: Format, tokens: int, writes: int) -> list[bytes]:
    """The whole answer in `writes` pieces of about the same length."""
    dice = random.Random(1)  # the loop guard stops a model that repeats itself
    words = (f" {dice.choice(WORDS)}".encode() for _ in range(tokens))
    answer = _opening(spoken) + b"".join(chunked(spoken.event % word) for word in words) + _closing(spoken)
    length = -(-len(answer) // writes)
    return [answer[begin : begin + length] for begin in range(0, len(answer), length)]


def _opening(spoken: Format) -> bytes:
    return spoken.head + chunked(spoken.beginning)


def _closing(spoken: Format) -> bytes:
    return chunked(spoken.ending) + b"0\r\n\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = bytes(self._received).partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self._received.clear()
        target = head.split(b" ", 2)[1]
        asked = _MODEL.search(target + body)
        if head.startswith(b"GET") or asked is None or target.endswith(b"/show"):
            self._transport.write(_answer(target))
            return
        kind, count, rate = asked.groups()
        if kind == b"burst":
            self._send(iter(_burst(format_of(target), int(count), int(rate))))
        else:
            self._begin(format_of(target), int(count), 1 / int(rate))

    def _send(self, pieces: Iterator[bytes]) -> None:
        """One piece each time round the event loop, so that they leave apart."""
        piece = next(pieces, None)
        if piece is not None:
            self._transport.write(piece)
            self._timer = self._loop.call_soon(self._send, pieces)

    def _begin(self, spoken: Format, tokens: int, interval_s: float) -> None:
        self._transport.write(_opening(spoken))
        self._spoken, self._left, self._interval_s = spoken, tokens, interval_s
        self._next = self._loop.time() + random.random() * interval_s  # spreads the streams
        self._timer = self._loop.call_at(self._next, self._tick)

    def _tick(self) -> None:
        if not self._left:
            self._transport.write(_closing(self._spoken))
            return
        self._transport.write(chunked(self._spoken.event % b" %06x" % stamp()))
        self._left -= 1
        self._next += self._interval_s
        self._timer = self._loop.call_at(self._next, self._tick)


def _content_length(head: bytes) -> int:
    value = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return int(value or 0)


_SMALL_ANSWERS = {
    b"/api/version": b'{"version":"1"}',
    b"/api/tags": b'{"models":[{"name":"burst-64-1"}]}',
    b"/api/show": b'{"model_info":{"m.context_length":%d}}' % CONTEXT_TOKENS,
    b"/v1beta/models": b'{"models":[{"name":"models/burst-64-1","inputTokenLimit":%d,'
    b'"supportedGenerationMethods":["generateContent"]}]}' % CONTEXT_TOKENS,
}
_LIST = (
    b'{"object":"list","has_more":false,"data":[{"id":"burst-64-1","object":"model","type":"model",'
    b'"display_name":"B","created_at":"2026-01-01T00:00:00Z","max_model_len":%d}]}' % CONTEXT_TOKENS
)


def _answer(target: bytes) -> bytes:
    """Lists of models, and what else is asked about them."""
    body = _SMALL_ANSWERS.get(target.partition(b"?")[0], _LIST)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"{READY}http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
