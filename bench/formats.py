"""How the bench's upstream says the same reply in each wire format, as bytes made before."""

import msgspec


class Format(msgspec.Struct, frozen=True):
    """One wire format. `event` has one `%s`, the text; `ending` is what comes after the last token."""

    media_type: bytes
    event: bytes
    ending: bytes
    beginning: bytes = b""

    @property
    def head(self) -> bytes:
        """The answer's head."""
        return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % self.media_type


def chunked(payload: bytes) -> bytes:
    """One chunk of a body whose length is not told before."""
    return b"%x\r\n%s\r\n" % (len(payload), payload) if payload else b""


_SSE = b"text/event-stream"

OPENAI = Format(
    _SSE,
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n',
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":64,"total_tokens":73}}\n\n'
    b"data: [DONE]\n\n",
)
OLLAMA = Format(
    b"application/x-ndjson",
    b'{"model":"m","created_at":"2026-01-01T00:00:00.000000001Z","message":{"role":"assistant","content":"%s"},'
    b'"done":false}\n',
    b'{"model":"m","created_at":"2026-01-01T00:00:00.000000001Z","message":{"role":"assistant","content":""},'
    b'"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":64}\n',
)
ANTHROPIC = Format(
    _SSE,
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"%s"}}\n\n',
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":64}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}'
    b'\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n',
)
GEMINI = Format(
    _SSE,
    b'data: {"candidates":[{"content":{"parts":[{"text":"%s"}],"role":"model"},"index":0}],'
    b'"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9},"modelVersion":"m","responseId":"r"}\r\n\r\n',
    b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],'
    b'"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":64,"totalTokenCount":73},"modelVersion":"m",'
    b'"responseId":"r"}\r\n\r\n',
)


def format_of(target: bytes) -> Format:
    """The format that is spoken at a request's path."""
    if target.startswith(b"/api/"):
        return OLLAMA
    if b":streamGenerateContent" in target:
        return GEMINI
    return ANTHROPIC if target.endswith(b"/messages") else OPENAI
