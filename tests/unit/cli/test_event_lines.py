"""The events of our own streams, cut anywhere."""

import pytest

from chatkeep.chat.events import Delta, JournalLine, RunEvent, Start, encode
from chatkeep.cli.event_lines import EventDecoder

EVENTS: list[RunEvent] = [Start("run_1", "chat", "msg_1", "echo", "m"), Delta("one\n\ntwo"), Delta("\u2028 ü \x85")]
STREAM = b": ping\n" + encode(0, EVENTS[0])[0] + encode(1, EVENTS[1])[0] + b": ping\n: ping\n" + encode(2, EVENTS[2])[0]


def decoded(*chunks: bytes) -> list[JournalLine]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_events_are_the_same_however_the_stream_is_cut() -> None:
    whole = decoded(STREAM)
    assert [(line.id, line.decoded()) for line in whole] == list(enumerate(EVENTS))
    for cut in range(len(STREAM)):
        assert decoded(STREAM[:cut], STREAM[cut:]) == whole
    assert decoded(*(bytes([byte]) for byte in STREAM)) == whole


def test_an_event_that_is_not_whole_is_none() -> None:
    assert decoded(STREAM[:-1])[-1].id == 1


def test_an_event_of_a_newer_server_is_told_from_known_ones() -> None:
    new, known = decoded(b"id: 4\nevent: weather\ndata: {}\n\nid: 5\nevent: usage\ndata: {}\n\n")
    assert (new.is_known, known.is_known) == (False, True)


@pytest.mark.parametrize(
    "stream", [b"event: delta\ndata: {}\n\n", b"id: x\ndata: {}\n\n", b"id: 1\nevent: \xff\ndata: 1\n\n"]
)
def test_what_is_no_event_of_ours_is_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds, which all are one
        decoded(stream)
