"""What becomes of streams on the way: held back, compressed, cut off."""

from collections.abc import Sequence

from chatkeep.doctor.arrivals import Pace, buffer_bytes, pace_of
from chatkeep.doctor.report import Notes
from chatkeep.doctor.seen import PING_S, ProbeStream, StreamSeen

_NAMES: dict[ProbeStream, str] = {
    "get": "GET",
    "post": "POST",
    "compressed": "GET with compression",
    "eventsource": "EventSource",
}
_PACED = tuple(_NAMES)
_KIB = 1024
_REFUSED = range(400, 500)  # RFC 9110, section 15.5: it never began
_FLOWING = 2  # comments that came: then the stream was not cut for its silence


def judge_streams(notes: Notes, streams: Sequence[StreamSeen]) -> None:
    """Note what was seen of buffering, compression, silence and long answers. Of a stream tried twice the better."""
    paces = _paces(streams)
    coded = {stream.stream: stream.content_encoding for stream in streams if _is_coded(stream)}
    _judge_compression(notes, streams, paces, coded)
    plain: dict[ProbeStream, Pace] = {
        name: pace for name, pace in paces.items() if name != "compressed" and name not in coded
    }
    _judge_buffering(notes, streams, plain)
    _judge_silence(notes, {stream.stream: stream for stream in streams if stream.status not in _REFUSED})


def needs_another_look(streams: Sequence[StreamSeen]) -> list[ProbeStream]:
    """The streams that came badly: one moment of a busy machine or line is no proof, so they are tried again."""
    return [name for name, pace in _paces(streams).items() if pace is not Pace.STEADY]


def _paces(streams: Sequence[StreamSeen]) -> dict[ProbeStream, Pace]:
    found: dict[ProbeStream, Pace] = {}
    for stream in streams:
        if stream.stream in _PACED:
            pace = pace_of(stream)
            pace = Pace.HELD if pace is None else pace
            found[stream.stream] = min(pace, found.get(stream.stream, pace))
    return found


def _judge_buffering(notes: Notes, streams: Sequence[StreamSeen], paces: dict[ProbeStream, Pace]) -> None:
    if not paces:
        return
    held = [_NAMES[name] for name, pace in paces.items() if pace is Pace.HELD]
    lumpy = [_NAMES[name] for name, pace in paces.items() if pace is Pace.LUMPY]
    broken = next((s for s in streams if s.stream in paces and not s.events and s.status != 200), None)  # noqa: PLR2004 - RFC 9110
    if held and broken is not None:
        said = f"status {broken.status}" if broken.status else "no answer"
        notes.problem("buffering", f"A stream ({_NAMES[broken.stream]}) gets {said}: {broken.detail}")
    elif held:
        notes.problem(
            "buffering",
            f"Events are held back and come all at once ({', '.join(held)}): nobody sees a reply grow."
            f"{_buffer(streams)}",
        )
    elif lumpy:
        notes.warning("buffering", f"Events come several at a time ({', '.join(lumpy)}), so replies jump.")
    else:
        notes.ok("buffering", f"Each event comes when it is sent ({', '.join(_NAMES[name] for name in paces)}).")


def _buffer(streams: Sequence[StreamSeen]) -> str:
    padded = next((stream for stream in streams if stream.stream == "padded" and stream.events), None)
    if padded is None:
        return ""
    size = buffer_bytes(padded)
    if size is None:
        return f" Even {sum(event.size_bytes for event in padded.events) // _KIB} KiB are held until the end."
    return f" About {max(1, size // _KIB)} KiB are held at a time."


def _judge_compression(
    notes: Notes, streams: Sequence[StreamSeen], paces: dict[ProbeStream, Pace], coded: dict[ProbeStream, str]
) -> None:
    names = ", ".join(sorted(set(coded.values())))
    if any(paces.get(name) is Pace.HELD for name in coded):
        notes.problem("compression", f"Streams are compressed ({names}), although we forbid it, and so held back.")
    elif coded:
        notes.warning(
            "compression",
            f"Streams are compressed ({names}), although we forbid it (no-transform): that costs time and saves"
            " nothing.",
        )
    elif paces.get("compressed") is Pace.HELD and paces.get("get") is not Pace.HELD:
        notes.problem("compression", "Streams of clients that take compressed answers are held back.")
    elif any(stream.status for stream in streams):
        notes.ok("compression", "Streams are left uncompressed, as we ask.")


def _is_coded(stream: StreamSeen) -> bool:
    return stream.stream in _PACED and stream.content_encoding not in ("", "identity")


def _judge_silence(notes: Notes, streams: dict[ProbeStream, StreamSeen]) -> None:
    silent, lasting = streams.get("silent"), streams.get("lasting")
    if lasting is not None and not lasting.is_whole and lasting.pings < _FLOWING:
        notes.problem(
            "idle",
            f"Streams are cut after {_seconds(lasting)} s. A real one is silent for up to {PING_S:g} s while a model"
            " thinks.",
        )
        return
    if lasting is not None and not lasting.is_whole:
        notes.problem("duration", f"Every stream is cut after {_seconds(lasting)} s, also while it moves.")
        return
    if lasting is not None:
        notes.ok("duration", f"A stream of {_seconds(lasting)} s that moves comes to its end.")
    if silent is not None and not silent.is_whole:
        notes.warning(
            "idle",
            f"Silence is cut off after {_seconds(silent)} s. Streams live on, as a comment comes every {PING_S:g} s; a"
            " request that waits for a whole reply (without `stream`) does not.",
        )
    elif silent is not None:
        notes.ok("idle", f"{silent.silence_s:g} s without a byte are endured.")


def _seconds(stream: StreamSeen) -> str:
    return f"{stream.elapsed_ms / 1000:.0f}" if stream.elapsed_ms >= 950 else f"{stream.elapsed_ms / 1000:.1f}"  # noqa: PLR2004 - what rounds to 1
