"""Journals as chatkeep writes them."""

import msgspec

from chatkeep.chat.events import Delta, Done, Start, encode
from chatkeep.chat.model import Message, Stats, Usage
from chatkeep.chat.ports import RunRecord

MOMENT = "2026-01-01T12:00:00.000000Z"


def journal(run_id: str = "run_1", *, ended: bool = True, deltas: int = 3, chat_id: str = "space-facts") -> bytes:
    """A whole journal: record, start, deltas, and the end when the run has `ended`."""
    user = Message(role="user", content="hello é", id="msg_q", timestamp=MOMENT)
    record = RunRecord(run_id, "", chat_id, "msg_a", user, "echo", "m", MOMENT)
    events: list[Start | Delta | Done] = [Start(run_id, chat_id, "msg_a", "echo", "m")]
    events += [Delta(f"word {number} ") for number in range(deltas)]
    if ended:
        events.append(Done("stop", Usage(1, 2, 3), Stats(1.0, 2.0, 3.0), "msg_a", "completed"))
    lines = b"".join(encode(number, event)[1] for number, event in enumerate(events))
    return msgspec.json.encode(record) + b"\n" + lines
