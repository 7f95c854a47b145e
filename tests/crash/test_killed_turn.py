"""Kill -9 at every point of a turn where something is written, synced or renamed."""

import signal

import pytest

from tests.crash.conftest import Rig
from tests.crash.promises import Witness, check_after_kill, check_promises
from tests.server import showing_log

# Slow enough that each event has its own write.
MESSAGE = "[[first-delay 0.04]] [[delay 0.04]] two words"

POINTS = (
    "open journal",
    "write journal header",
    "sync journal",
    "sync runs-folder",
    "write journal delta",
    "open transcript",
    "write transcript",
    "sync transcript",
    "link chat",
    "replace transcript",
    "sync chats-folder",
    "write journal done",
    "commit index",
)
ORDERS = [
    f"{side} 1 {point}"
    for point in POINTS
    for side in ("before", "during", "after")
    if side != "during" or point.startswith("write")
]


def test_a_turn_changes_the_folder_at_the_known_points_and_no_others(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        server.client.send("earlier", chat_id)
        server.client.chats()  # the index has caught up
        rig.order("list")
        with server.client.stream(MESSAGE, chat_id) as stream:
            stream.rest()
        server.client.chats()
        rig.order(None)

        # Two writes are not always there: how usage and the second word meet the others is a matter of time.
        assert set(rig.points) - {"write journal usage"} == set(POINTS)
        first = [point for point in dict.fromkeys(rig.points) if point in POINTS and point != "commit index"]
        assert first == list(POINTS[:-1])


@pytest.mark.parametrize("order", ORDERS)
def test_a_streamed_turn_killed_at_a_point_keeps_every_promise(rig: Rig, order: str) -> None:
    _kill_a_turn(rig, order, stream=True)


@pytest.mark.parametrize(
    "order", ["after 1 replace transcript", "before 1 write journal done", "after 1 write journal done"]
)
def test_an_unstreamed_turn_killed_at_a_point_keeps_every_promise(rig: Rig, order: str) -> None:
    _kill_a_turn(rig, order)


def test_an_answered_turn_is_whole_after_a_kill_before_the_index_knows_it(rig: Rig) -> None:
    witness = _kill_a_turn(rig, "before 1 commit index")

    assert witness.is_complete


@pytest.mark.parametrize("order", ["before 1 sync runs-folder", "before 1 write journal delta"])
def test_a_background_turn_killed_at_a_point_keeps_every_promise(rig: Rig, order: str) -> None:
    _kill_a_turn(rig, order, background=True)


def _kill_a_turn(rig: Rig, order: str, *, stream: bool = False, background: bool = False) -> Witness:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        server.client.send("earlier", chat_id)
        server.client.chats()  # the index has caught up
        witness = Witness(chat_id, MESSAGE, server.stored_messages(chat_id), f"key of {chat_id}", stream, background)

        rig.order(order)
        witness.send(server.client)
        assert server.wait() == -signal.SIGKILL
        check_after_kill(server, witness)

        rig.restart()
        check_promises(server, witness)
    return witness
