import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.providers.sse import MAX_EVENT_BYTES, EventTooLong, LineDecoder, SseDecoder


def decoded(decoder: SseDecoder | LineDecoder, chunks: Sequence[bytes]) -> list[bytes]:
    return [data for chunk in chunks for data in decoder.feed(chunk)] + decoder.end()


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a \n\n", [b" a "]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\ndata:\ndata: b\n\n", [b"a\n\nb"]),
        (b": ping\n\ndata: a\n\n", [b"a"]),
        (b": ping\ndata: a\n\n", [b"a"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"event: x\ndata: a\n\n", [b"a"]),
        (b"event: x\r\ndata: a\r\n\r\n", [b"a"]),
        (b"event: x\ndata: a\ndata: b\n\n", [b"a\nb"]),
        (b"event: x\ndata: a\nid: 1\n\n", [b"a"]),
        (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbf: ping\n\ndata: a\n\n", [b"a"]),
        ("data: a\u2028b\u2029c\u0085d\n\n".encode(), ["a\u2028b\u2029c\u0085d".encode()]),
        (b"data\n\ndata:\n\nevent: x\n\n", []),
        (b"dataset: a\n\n", []),
        (b"data: a", [b"a"]),
        (b"data: a\n", [b"a"]),
        (b"", []),
    ],
)
def test_events_come_out_alike_at_every_cut(stream: bytes, events: list[bytes]) -> None:
    assert decoded(SseDecoder(), [stream]) == events
    assert decoded(SseDecoder(), [bytes([byte]) for byte in stream]) == events
    for place in range(len(stream)):
        assert decoded(SseDecoder(), [stream[:place], stream[place:]]) == events


@given(
    events=st.lists(st.text(min_size=1).map(lambda text: text.replace("\r", "").replace("\n", "") or "x")),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    places=st.lists(st.integers(min_value=0), max_size=20),
)
def test_any_text_in_any_pieces_comes_out_whole(events: list[str], end: bytes, places: list[int]) -> None:
    content = b"".join(b"data: " + event.encode() + end + end for event in events)
    assert decoded(SseDecoder(), cut(content, places)) == [event.encode() for event in events]


@given(
    lines=st.lists(st.binary(min_size=1).map(lambda line: b"x" + line.replace(b"\n", b""))),
    places=st.lists(st.integers(min_value=0), max_size=20),
)
def test_any_line_in_any_pieces_comes_out_whole(lines: list[bytes], places: list[int]) -> None:
    assert decoded(LineDecoder(), cut(b"\n".join(lines), places)) == lines


@given(st.lists(st.binary()))
def test_no_bytes_make_the_decoders_fail_otherwise(chunks: list[bytes]) -> None:
    decoded(SseDecoder(), chunks)
    decoded(LineDecoder(), chunks)


def test_blank_lines_are_no_lines() -> None:
    assert decoded(LineDecoder(), [b"\n\r\n{}\r\n \n"]) == [b"{}\r"]


@pytest.mark.parametrize("decoder", [SseDecoder, LineDecoder])
def test_an_event_longer_than_the_limit_is_refused(decoder: type[SseDecoder] | type[LineDecoder]) -> None:
    lump = b"data: " + b"x" * MAX_EVENT_BYTES
    with pytest.raises(EventTooLong):
        decoder().feed(lump)
    with pytest.raises(EventTooLong):
        decoder().feed(lump + b"\n\n")
    in_parts = decoder()
    with pytest.raises(EventTooLong):
        decoded(in_parts, [lump[start : start + 65_536] for start in range(0, len(lump), 65_536)])


def test_many_events_in_one_chunk_may_be_longer_than_the_limit_together() -> None:
    event = b"data: " + b"x" * 1000 + b"\n\n"
    assert len(SseDecoder().feed(event * 2000)) == 2000
