"""Kill -9 while the first reply of a chat is being written that was renamed or got another system prompt meanwhile."""

import contextlib
import json
import signal
import subprocess
import sys

import httpx
import pytest

from tests.crash.conftest import Rig
from tests.crash.promises import check_index, check_next_turn, check_nothing_left_over, check_replay
from tests.server import DEADLINE_S, Event, Server, clean_environment, showing_log

SLOW = "[[tokens 1000]] [[delay 0.02]]"
FILE_POINTS = ("open transcript", "write transcript", "sync transcript", "replace transcript", "sync chats-folder")


DONE = ("after 1 replace transcript", "before 1 sync chats-folder", "after 1 sync chats-folder")
"""Where the new title is in the file already."""


def test_a_chat_that_was_changed_while_it_began_keeps_the_change_and_its_first_turn(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        run_id = server.client.begin(SLOW, chat_id)
        _seen(server, run_id)
        renamed = server.client.http.patch(f"/chat/rename/{chat_id}", json={"title": "Moon"})
        prompted = server.client.http.patch(f"/chat/system-prompt/{chat_id}", json={"system_prompt": "Be long."})
        assert (renamed.status_code, prompted.status_code) == (200, 200)
        seen = _seen(server, run_id)

        server.kill()
        _check_folder(server)
        rig.restart()

        shown = server.client.history(chat_id)["history"]
        assert (shown["title"], shown["system_prompt"]) == ("Moon", "Be long.")
        assert server.client.chats()[chat_id]["title"] == "Moon"
        question, reply = server.stored_messages(chat_id)
        assert (question["content"], reply["status"]) == (SLOW, "interrupted")
        check_replay(server.client, reply, seen)
        check_index(server, chat_id)
        check_nothing_left_over(server.folder)
        check_next_turn(server, chat_id)


@pytest.mark.parametrize("order", [f"{side} 1 {point}" for point in FILE_POINTS for side in ("before", "after")])
def test_a_kill_while_a_chat_that_begins_is_renamed_costs_its_first_turn_nothing(rig: Rig, order: str) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        run_id = server.client.begin(SLOW, chat_id)
        seen = _seen(server, run_id)

        rig.order(order)
        with contextlib.suppress(httpx.TransportError):
            server.client.http.patch(f"/chat/rename/{chat_id}", json={"title": "Moon"})
        assert server.wait() == -signal.SIGKILL
        rig.restart()

        assert server.stored(chat_id)["title"] == ("Moon" if order in DONE else SLOW)
        check_replay(server.client, server.stored_messages(chat_id)[1], seen)
        check_nothing_left_over(server.folder)


def _seen(server: Server, run_id: str) -> list[Event]:
    """The first events of the run."""
    with server.client.following(run_id) as stream:
        return stream.until(4)


def _check_folder(server: Server) -> None:
    """`chatkeep check` has nothing against what the dead server left."""
    done = subprocess.run(
        [sys.executable, "-m", "chatkeep", "check", "--json", "--chats-dir", str(server.folder)],
        env=clean_environment({}),
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    *notes, counts = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, (notes, counts)
    assert {note["code"] for note in notes} <= {"journal_unfinished", "index_behind"}
