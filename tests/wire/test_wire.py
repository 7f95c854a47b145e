"""Replay each stream of this folder at every cut. `NAME.events.json` beside it says what comes out.

The streams are written after the providers' documentation and bug reports (the name says whose).
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.events import ProviderEvent
from chatkeep.errors import ProviderFailed
from chatkeep.providers import anthropic_wire, gemini_wire, ollama_wire, openai_wire
from chatkeep.providers.conversation import Decoder
from chatkeep.providers.failures import StreamBroken, stream_failure
from chatkeep.providers.sse import LineDecoder, SseDecoder

_FOLDER = Path(__file__).parent
_STREAMS = sorted([*_FOLDER.glob("*.sse"), *_FOLDER.glob("*.ndjson")])


def _decoders(stream: Path) -> tuple[SseDecoder | LineDecoder, Decoder]:
    """The name says whose format it is; without a name of these it is OpenAI's, as somebody speaks it."""
    match stream.name.partition("-")[0], stream.suffix:
        case _, ".ndjson":
            return LineDecoder(), ollama_wire.ReplyDecoder()
        case "anthropic", _:
            return SseDecoder(), anthropic_wire.ReplyDecoder()
        case "gemini", _:
            return SseDecoder(), gemini_wire.ReplyDecoder()
        case _:
            return SseDecoder(), openai_wire.ReplyDecoder()


def _events(stream: Path, chunks: list[bytes]) -> Iterator[ProviderEvent]:
    pieces, reply = _decoders(stream)
    for chunk in chunks:
        for data in pieces.feed(chunk):
            yield from reply.feed(data)
    for data in pieces.end():
        yield from reply.feed(data)
    yield from reply.end()


def _outcome(stream: Path, chunks: list[bytes]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    try:
        # `extend` keeps what came before the error.
        found.extend({"type": type(event).__name__, **msgspec.to_builtins(event)} for event in _events(stream, chunks))
    except StreamBroken as exc:
        code = stream_failure(stream.stem, exc.complaint, None).code
        found.append({"type": "Broken", "says": exc.complaint.message, "code": code})
    except (msgspec.MsgspecError, ValueError):
        found.append({"type": "Broken", "says": "it sent something that is no reply", "code": ProviderFailed.code})
    return found


def _assert_as_expected(found: list[dict[str, object]], stream: Path) -> None:
    expected = msgspec.json.decode((stream.with_suffix(".events.json")).read_bytes())
    if expected[-1]["type"] == "Broken":
        assert expected[-1]["says"] in str(found[-1].get("says"))
        assert expected[-1].get("code", ProviderFailed.code) == found[-1]["code"]
        expected, found = expected[:-1], found[:-1]
    assert found == expected


@pytest.mark.parametrize("stream", _STREAMS, ids=lambda path: path.name)
def test_a_stream_gives_the_same_events_whole_in_two_pieces_cut_anywhere_and_byte_by_byte(stream: Path) -> None:
    content = stream.read_bytes()
    _assert_as_expected(_outcome(stream, [content]), stream)
    for cut in range(1, len(content)):
        _assert_as_expected(_outcome(stream, [content[:cut], content[cut:]]), stream)
    _assert_as_expected(_outcome(stream, [content[at : at + 1] for at in range(len(content))]), stream)
