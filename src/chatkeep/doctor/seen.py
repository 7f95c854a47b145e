"""What a client sees of a server through whatever lies between: plain facts, on which judge.py decides.

The command and the page make the same. Times are in milliseconds of one clock each, and only differences of the
same clock are ever compared.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Word = Annotated[str, Meta(max_length=500)]
_Text = Annotated[str, Meta(max_length=2000)]
_Count = Annotated[int, Meta(ge=0, lt=2**53)]  # what every JSON reader takes for a whole number: RFC 8259, section 6

PING_S = 10.0
"""How often a real stream sends a comment while it has nothing to say: chat/follow.py."""

ProbeStream = Literal["get", "post", "compressed", "eventsource", "padded", "silent", "lasting"]
"""`get` and `post` as a program asks; `compressed` as one that takes gzip; `eventsource` by a browser's EventSource;
`padded` with large events; `silent` with a phase without a byte; `lasting` with the same phase and its comments."""


class EventSeen(msgspec.Struct, frozen=True):
    """One event: when the server sent it and when it was here. `size_bytes` is without compression."""

    sent_ms: float
    arrived_ms: float
    size_bytes: _Count


class StreamSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One test stream. `status` is 0 when no answer came, `is_whole` that its last event did.

    `elapsed_ms` is from the request to the end. `silence_s` is what was asked for, `pings` how many comments came.
    """

    stream: ProbeStream
    status: int
    content_encoding: _Word = ""
    events: Annotated[list[EventSeen], Meta(max_length=500)] = []
    pings: _Count = 0
    is_whole: bool = False
    elapsed_ms: float = 0
    silence_s: float = 0
    detail: _Text = ""


class Arrived(msgspec.Struct, frozen=True):
    """What the server got of one request: the answer of `GET /doctor/request`.

    `headers` are those that tell of a proxy; `address` is the
    client's, by the server's lights; `is_forwarded` says that it was taken from X-Forwarded-For.
    """

    http_version: _Word
    scheme: _Word
    address: _Word | None
    is_forwarded: bool
    headers: dict[str, _Word]
    max_body_bytes: _Count


class PostSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A request with a body: `origin` with the header that browsers send, `large` with 1 MiB or more.

    `status` is 0 when no answer came; `code` is chatkeep's, empty when somebody else answered.
    """

    post: Literal["origin", "large"]
    size_bytes: _Count
    status: int
    received_bytes: _Count = 0
    code: _Word = ""
    detail: _Text = ""


class SocketSeen(msgspec.Struct, frozen=True):
    """A WebSocket. `status` is that of a refused handshake, 0 when it is unknown, as in browsers."""

    is_open: bool
    has_echoed: bool
    status: int = 0
    detail: _Text = ""


class TlsSeen(msgspec.Struct, frozen=True):
    """A TLS handshake. `failure` is a code of OpenSSL's X509_V_ERR_…, or 0 with words in `detail` when it is another.

    `is_valid` is False for a failed one. `protocol` is what ALPN chose of h2 and http/1.1.
    """

    is_valid: bool
    version: _Word = ""
    protocol: _Word = ""
    days_left: int = 0
    failure: int = 0
    detail: _Text = ""


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """All that was seen of `url`. What was not looked at, or could not be, is None or empty.

    `answer` is the first answer's status and headers, with what it says went wrong; `protocol` is the HTTP version
    that the client speaks, as ALPN names it (h2, http/1.1).
    """

    url: _Text
    redirected_to: _Text = ""
    is_chatkeep: bool = True
    status: int = 200
    detail: _Text = ""
    headers: dict[str, _Word] = {}
    protocol: _Word = ""
    tls: TlsSeen | None = None
    arrived: Arrived | None = None
    streams: Annotated[list[StreamSeen], Meta(max_length=20)] = []
    posts: Annotated[list[PostSeen], Meta(max_length=4)] = []
    socket: SocketSeen | None = None
