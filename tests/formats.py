"""How a service of each wire format speaks, for tests of a whole server: what it lists, a word, the end."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.upstream import Act, Step, answer, streamed

MODEL = "m"


@dataclass(frozen=True)
class Format:
    """One wire format, spoken by the provider of that name.

    `variables` configure a server for the service at an address. `asides` are its answers, by path, to
    whatever is asked before a call.
    """

    name: str
    variables: Callable[[str], dict[str, str]]
    asides: Mapping[str, list[Step]]
    media_type: str
    word: Callable[[str], bytes]
    end: bytes

    @property
    def event_head(self) -> bytes:
        """What stands in front of an event's JSON."""
        return b"data: " if self.media_type == "text/event-stream" else b""

    def stream(self, *steps: str | Step, whole: bool = True) -> list[Step]:
        """The answer to a call: text is said as one word. Unless it is `whole` its connection is cut at the end."""
        said = [self.word(step) if isinstance(step, str) else step for step in steps]
        return streamed(*said, media_type=self.media_type, whole=whole)

    def hanging(self, *steps: str | Step) -> list[Step]:
        """An answer that is silent after these steps, until the client closes."""
        return self.stream(*steps, Act.WAIT_FOR_CLOSE)


def _sse(event: object, end: bytes = b"\n\n") -> bytes:
    return b"data: %s%s" % (json.dumps(event).encode(), end)


def _line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


FORMATS = (
    Format(
        name="openai",
        variables=lambda url: {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-secret", "OPENAI_MODEL": MODEL},
        asides={"/models": answer(200, b'{"object":"list","data":[{"id":"m","object":"model"}]}')},
        media_type="text/event-stream",
        word=lambda text: _sse({"choices": [{"index": 0, "delta": {"content": text}}]}),
        end=_sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n",
    ),
    Format(
        name="ollama",
        variables=lambda url: {"OLLAMA_HOST": url, "OLLAMA_MODEL": MODEL},
        asides={
            "/api/version": answer(200, b'{"version":"0.12.0"}'),
            "/api/tags": answer(200, b'{"models":[{"name":"m"}]}'),
            "/api/show": answer(200, b'{"model_info":{"llama.context_length":4096}}'),
        },
        media_type="application/x-ndjson",
        word=lambda text: _line({"message": {"role": "assistant", "content": text}, "done": False}),
        end=_line({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}),
    ),
    Format(
        name="anthropic",
        variables=lambda url: {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-secret", "ANTHROPIC_MODEL": MODEL},
        asides={"/v1/models": answer(200, b'{"data":[{"type":"model","id":"m"}],"has_more":false}')},
        media_type="text/event-stream",
        word=lambda text: (
            b"event: content_block_delta\n"
            + _sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        ),
        end=b"event: message_delta\n"
        + _sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
        + b"event: message_stop\n"
        + _sse({"type": "message_stop"}),
    ),
    Format(
        name="gemini",
        variables=lambda url: {"GEMINI_BASE_URL": url, "GEMINI_API_KEY": "sk-secret", "GEMINI_MODEL": MODEL},
        asides={
            "/v1beta/models": answer(
                200, b'{"models":[{"name":"models/m","supportedGenerationMethods":["generateContent"]}]}'
            )
        },
        media_type="text/event-stream",
        word=lambda text: _sse({"candidates": [{"content": {"parts": [{"text": text}]}}]}, b"\r\n\r\n"),
        end=_sse({"candidates": [{"finishReason": "STOP"}]}, b"\r\n\r\n"),
    ),
)

BY_NAME = {spoken.name: spoken for spoken in FORMATS}
