import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.events import (
    Delta,
    Done,
    JournalLine,
    Problem,
    Reasoning,
    RunEvent,
    Start,
    UsageReport,
    encode,
    problem,
)
from chatkeep.chat.model import Stats, ToolCall, Usage
from chatkeep.errors import InvalidRequest, ProviderFailed

USAGE = Usage(1, 2, 3)
EVENTS: list[RunEvent] = [
    Start("run_1", "chat", "msg_1", "echo", "echo"),
    Delta('hi\u2028\u2029\u0085 é "quoted" \\n'),
    Reasoning("hm"),
    ToolCall("1", "look", "{}"),
    UsageReport(USAGE),
    Done("stop", USAGE, Stats(1.0, 2.0, None), "msg_1", "completed"),
    problem(ProviderFailed("broken")),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_journal_line_gives_back_the_event_and_the_very_bytes_that_were_sent(event: RunEvent) -> None:
    frame, line = encode(7, event)

    kept = msgspec.json.decode(line, type=JournalLine)

    assert kept.frame() == frame
    assert kept.decoded() == event
    assert kept.is_last == isinstance(event, Done | Problem)


def test_the_start_event_reads_as_the_contract_shows_it() -> None:
    frame, _ = encode(0, EVENTS[0])

    assert frame == (
        b"id: 0\nevent: start\nretry: 1000\n"
        b'data: {"run_id":"run_1","chat_id":"chat","message_id":"msg_1","provider":"echo","model":"echo"}\n\n'
    )


@given(st.text())
def test_an_event_has_no_line_end_that_any_reader_knows_within_its_data(text: str) -> None:
    frame, line = encode(3, Delta(text))

    assert len(frame.decode().rstrip("\n").splitlines()) == 3
    assert len(line.decode().rstrip("\n").splitlines()) == 1


def test_a_problem_carries_the_wrong_fields() -> None:
    found = problem(InvalidRequest("no", errors=(("$.message", "is missing"),)))

    assert (found.status, found.code) == (422, "invalid_request")
    assert [(error.path, error.message) for error in found.errors] == [("$.message", "is missing")]
