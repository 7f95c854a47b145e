"""Kill -9 while a chat with earlier generations is written, deleted and brought back."""

import contextlib
import json
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.crash.conftest import Rig
from tests.crash.promises import check_index, check_nothing_left_over
from tests.server import showing_log

TURNS = 7  # five are kept, and one is let go of by the next write

WRITE = ("open transcript", "write transcript", "sync transcript", "link chat", "unlink generation")
REPLACE = ("replace transcript", "sync chats-folder", "commit index")
DELETE = ("replace chat", "sync trash-folder", "sync chats-folder", "replace generation")
GIVE_BACK = ("replace trash-entry", "sync chats-folder", "sync trash-folder", "replace trashed-generation")


def orders(*points: str) -> list[str]:
    return [
        f"{side} 1 {point}"
        for point in points
        for side in ("before", "during", "after")
        if side != "during" or point.startswith("write")
    ]


class Past:
    """A chat with all the generations that are kept, and what it and they say."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.server = rig.ready()
        # Why twice: from the first one on the folders of the trash are there, whatever test has run before.
        for turns in (2, TURNS):
            self.chat_id = rig.new_chat()
            for number in range(turns):
                assert self.server.client.send(f"message {number}", self.chat_id).status_code == 200
            if turns != TURNS:
                self.server.client.http.delete(f"/chat/delete/{self.chat_id}")
        self.server.client.chats()  # the index has caught up
        self.before = self.server.stored(self.chat_id)
        self.kept = self.generations()

    def generations(self) -> dict[int, dict[str, Any]]:
        """The chat's generations on the disk, by number."""
        found = (self.server.folder / ".chatkeep" / "generations").glob(f"{self.chat_id}~*.json")
        return {int(path.stem.partition("~")[2]): json.loads(path.read_bytes()) for path in found}

    def killed(self, order: str, method: str, path: str, body: dict[str, object] | None = None) -> bool:
        """Ask, be killed at `order`, and start again; whether it was answered before."""
        self.rig.order(order)
        answer = None
        with contextlib.suppress(httpx.TransportError):
            answer = self.server.client.http.request(method, path, json=body)
        assert self.server.wait() == -signal.SIGKILL
        self.rig.restart()
        return answer is not None and answer.status_code == 200

    @contextlib.contextmanager
    def listing(self) -> Iterator[None]:
        """Let the points of what is done within be listed, and no earlier ones."""
        self.rig.control.with_name("control.points").unlink(missing_ok=True)
        self.rig.order("list")
        yield
        self.rig.order(None)

    def restore(self, **body: object) -> httpx.Response:
        return self.server.client.http.post(f"/chat/restore/{self.chat_id}", json=body)

    def check_rest(self) -> None:
        """The index agrees, nothing is left over, and the chat goes on."""
        check_index(self.server, self.chat_id)
        check_nothing_left_over(self.server.folder)
        messages = [m["content"] for m in self.server.stored_messages(self.chat_id)]
        assert self.server.client.send("and on", self.chat_id).status_code == 200
        assert [m["content"] for m in self.server.stored_messages(self.chat_id)][:-2] == messages


def test_a_write_over_generations_changes_the_folder_at_the_known_points_and_no_others(rig: Rig) -> None:
    past = Past(rig)
    with showing_log(past.server), past.listing():
        past.restore(generation=TURNS - 1)
        past.server.client.chats()

    points = [point for point in dict.fromkeys(rig.points) if point != "unlink journal"]
    assert points == [*WRITE, *REPLACE]


def test_a_delete_and_a_restore_change_the_folder_at_the_known_points_and_no_others(rig: Rig) -> None:
    past = Past(rig)
    with showing_log(past.server), past.listing():
        past.server.client.http.delete(f"/chat/delete/{past.chat_id}")
        past.restore()

    assert set(rig.points) - {"unlink journal", "commit index"} == {*DELETE, *GIVE_BACK}


@pytest.mark.parametrize("order", orders(*WRITE, *REPLACE))
def test_a_restored_generation_killed_at_a_point_is_whole_or_not_begun(rig: Rig, order: str) -> None:
    past = Past(rig)
    wanted = TURNS - 2
    with showing_log(past.server):
        answered = past.killed(order, "POST", f"/chat/restore/{past.chat_id}", {"generation": wanted})

        now = past.server.stored(past.chat_id)
        restored = past.kept[wanted] | {"revision": TURNS + 1}
        assert now in (past.before, restored)
        assert now == restored or not answered
        kept = past.generations()
        if now == restored:
            assert kept[TURNS] == past.before
        assert all(chat == past.kept[number] for number, chat in kept.items() if number in past.kept)
        assert set(past.kept) - set(kept) <= {TURNS - 5}  # the one that is too old
        shown = past.server.client.http.get(f"/chat/generations/{past.chat_id}").json()["generations"]
        assert all(row["generation"] < now["revision"] for row in shown)
        past.check_rest()


@pytest.mark.parametrize("order", orders("link chat", "unlink generation", "replace transcript"))
def test_a_turn_over_generations_killed_at_a_point_keeps_what_was_and_what_comes(rig: Rig, order: str) -> None:
    past = Past(rig)
    with showing_log(past.server):
        past.killed(order, "POST", "/chat", {"message": "killed", "chat_id": past.chat_id})

        now = past.server.stored(past.chat_id)
        assert now["messages"][: len(past.before["messages"])] == past.before["messages"]
        assert now["messages"][-2]["content"] == "killed"
        assert past.generations()[TURNS] == past.before
        assert (past.server.folder / f"{past.chat_id}.json").stat().st_nlink == 1
        past.check_rest()


@pytest.mark.parametrize("order", orders(*DELETE))
def test_a_delete_killed_at_a_point_leaves_the_chat_here_or_in_the_trash(rig: Rig, order: str) -> None:
    past = Past(rig)
    with showing_log(past.server):
        past.killed(order, "DELETE", f"/chat/delete/{past.chat_id}")

        if not past.server.chat_file(past.chat_id).exists():
            assert past.restore().json()["revision"] == TURNS
        assert past.server.stored(past.chat_id) == past.before
        assert past.generations() == past.kept
        past.check_rest()


@pytest.mark.parametrize("order", orders(*GIVE_BACK))
def test_a_restore_from_the_trash_killed_at_a_point_leaves_the_chat_there_or_here(rig: Rig, order: str) -> None:
    past = Past(rig)
    past.server.client.http.delete(f"/chat/delete/{past.chat_id}")
    with showing_log(past.server):
        past.killed(order, "POST", f"/chat/restore/{past.chat_id}", {})

        if not past.server.chat_file(past.chat_id).exists():
            assert past.restore().json()["revision"] == TURNS
        assert past.server.stored(past.chat_id) == past.before
        assert past.generations() == past.kept
        past.check_rest()
