"""A provider that costs next to nothing: chat completions as bytes made before, on a raw asyncio protocol.

Its models say how a reply comes: `burst-64-4` is 64 tokens at once in 4 writes, `paced-500-50` is 500 tokens at
50 a second, each holding the moment it was sent (see `stamp`). Run as `python -m bench.upstream`.
"""

import asyncio
import functools
import random
import time
from collections.abc import Iterator
from typing import cast

import uvloop

from bench.words import WORDS

READY = "bench upstream is ready at "
CONTEXT_TOKENS = 8192  # so that a long chat is cut to what a usual model takes

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_STAMP_MASK = 0xFFFFFF


def stamp() -> int:
    """This moment in microseconds, cut to 24 bits: it begins anew every 16.7 s. All processes share the clock."""
    return (time.monotonic_ns() // 1000) & _STAMP_MASK


def age_us(sent: int) -> int:
    """Microseconds since `sent`, a stamp of the last 16 s."""
    return (stamp() - sent) & _STAMP_MASK


def _chunked(payload: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def _event(content: str) -> bytes:
    return b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",' + (
        b'"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n' % content.encode()
    )


def _ending(tokens: int) -> bytes:
    """Finish reason, usage, [DONE] and the last chunk."""
    events = (
        b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}}\n\n'
        b"data: [DONE]\n\n" % (tokens, tokens + 9)
    )
    return _chunked(events) + b"0\r\n\r\n"


@functools.cache
def _burst(tokens: int, writes: int) -> list[bytes]:
    """The whole answer in `writes` pieces of about the same length."""
    dice = random.Random(1)  # the loop guard stops a model that repeats itself
    words = (f" {dice.choice(WORDS)}" for _ in range(tokens))
    answer = _HEAD + b"".join(_chunked(_event(word)) for word in words) + _ending(tokens)
    length = -(-len(answer) // writes)
    return [answer[begin : begin + length] for begin in range(0, len(answer), length)]


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
        if head.startswith(b"GET"):
            self._transport.write(_models())
            return
        kind, count, rate = body.partition(b'"model":"')[2].partition(b'"')[0].split(b"-")
        if kind == b"burst":
            self._send(iter(_burst(int(count), int(rate))))
        else:
            self._begin(int(count), 1 / int(rate))

    def _send(self, pieces: Iterator[bytes]) -> None:
        """One piece each time round the event loop, so that they leave apart."""
        piece = next(pieces, None)
        if piece is not None:
            self._transport.write(piece)
            self._timer = self._loop.call_soon(self._send, pieces)

    def _begin(self, tokens: int, interval_s: float) -> None:
        self._transport.write(_HEAD)
        self._left, self._tokens, self._interval_s = tokens, tokens, interval_s
        self._next = self._loop.time() + random.random() * interval_s  # spreads the streams
        self._timer = self._loop.call_at(self._next, self._tick)

    def _tick(self) -> None:
        if not self._left:
            self._transport.write(_ending(self._tokens))
            return
        self._transport.write(_chunked(_event(f" {stamp():06x}")))
        self._left -= 1
        self._next += self._interval_s
        self._timer = self._loop.call_at(self._next, self._tick)


def _content_length(head: bytes) -> int:
    value = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return int(value or 0)


def _models() -> bytes:
    body = b'{"object":"list","data":[{"id":"burst-64-1","object":"model","max_model_len":%d}]}' % CONTEXT_TOKENS
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"{READY}http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
