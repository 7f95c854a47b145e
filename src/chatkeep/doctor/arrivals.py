"""How a stream's events arrived, by comparing the times between them here with the times between them there."""

from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise

from chatkeep.doctor.seen import EventSeen, StreamSeen

_TOGETHER = 0.25  # of the time between two sendings: events that arrive closer than that came in one lump
_HELD = 0.5  # of the events in one lump, or all of them in this part of the time of their sending: they were held back
_LEAST = 3  # events, to say anything


class Pace(IntEnum):
    """From good to bad."""

    STEADY = 0
    LUMPY = 1
    HELD = 2


def pace_of(stream: StreamSeen) -> Pace | None:
    """How the events came; None when there are too few of them to tell."""
    events = stream.events
    if len(events) < _LEAST:
        return None
    sent_ms = events[-1].sent_ms - events[0].sent_ms
    arrived_ms = events[-1].arrived_ms - events[0].arrived_ms
    found = lumps(events)
    if max(map(len, found)) > _HELD * len(events) or arrived_ms < _HELD * sent_ms:
        return Pace.HELD
    return Pace.LUMPY if len(found) < len(events) / 2 else Pace.STEADY


def lumps(events: Sequence[EventSeen]) -> list[list[EventSeen]]:
    """The events in groups that arrived together."""
    found = [[events[0]]] if events else []
    for before, event in pairwise(events):
        if event.arrived_ms - before.arrived_ms < _TOGETHER * (event.sent_ms - before.sent_ms):
            found[-1].append(event)
        else:
            found.append([event])
    return found


def buffer_bytes(stream: StreamSeen) -> int | None:
    """About how much is held back at a time; None when it is all that was sent, or more."""
    found = lumps(stream.events)
    if len(found) < 2:  # noqa: PLR2004 - one lump is all
        return None
    # Why not the last one: the end of the stream lets go of whatever there is.
    return max(sum(event.size_bytes for event in lump) for lump in found[:-1])
