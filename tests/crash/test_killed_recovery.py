"""Kill -9 while a start is mending what an earlier kill left."""

import os
import shutil
import signal
import stat
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.conftest import KILLER, Rig
from tests.crash.promises import (
    Witness,
    check_after_kill,
    check_index,
    check_next_turn,
    check_nothing_left_over,
    check_replay,
)
from tests.server import Server, serving, showing_log

# Before anything is put into a chat: a kill there changes nothing, so one folder meets them all in turn.
PREPARING = (
    "before 1 open lock",
    "before 1 truncate lock",
    "before 1 write lock",
    "before 1 unlink server.sock",
    "before 1 unlink transcript",
    "before 1 open probe",
    "during 1 write probe",
    "before 1 sync probe",
    "before 1 unlink probe",
    "before 1 open index.sqlite3",
    "before 1 commit index",
    "before 2 commit index",
    "before 1 unlink journal",
    "before 1 truncate journal",
    "before 2 truncate journal",
)
# The first run, which has text, and the second, which never began.
SEALING = (
    "before 1 open transcript",
    "before 1 write transcript",
    "during 1 write transcript",
    "before 1 sync transcript",
    "before 1 link chat",
    "before 1 replace transcript",
    "before 1 sync chats-folder",
    "before 1 write journal failed",
    "during 1 write journal failed",
    "after 1 write journal failed",
    "during 2 write transcript",
    "after 2 link chat",
    "before 2 replace transcript",
    "before 2 sync chats-folder",
    "during 2 write journal failed",
    "after 2 write journal failed",
    "before 3 commit index",
    "after 3 commit index",
)


class Crash:
    """A folder that a kill left with all there can be to mend: a cut journal, one without a record, a run that
    waited, and a temporary file. `witness` saw the first run."""

    def __init__(self, folder: Path, witness: Witness, waiting: str) -> None:
        self.folder = folder
        self.witness = witness
        self.waiting = waiting

    def copy(self, to: Path) -> "Crash":
        """The same somewhere else."""
        shutil.copytree(self.folder, to / "chats", symlinks=True, copy_function=_copy)
        return Crash(to / "chats", replace(self.witness), self.waiting)


def _copy(source: str, target: str) -> str:
    """Copy a file; of the socket that the killed server left, make another."""
    if Path(source).is_socket():
        os.mknod(target, stat.S_IFSOCK | 0o600)
        return target
    return shutil.copy2(source, target)


@pytest.fixture(scope="module")
def crash(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Crash:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        assert server.client.send("earlier", chat_id).status_code == 200
        before = server.stored_messages(chat_id)
        rig.order("during 8 write journal delta")
        with server.client.stream("[[first-delay 0.05]] [[delay 0.05]] [[tokens 30]]", chat_id) as stream:
            stream.until(3)
            waiting = server.client.begin("waiting", chat_id)
            stream.rest()
        assert server.wait() == -signal.SIGKILL
        rig.order(None)
        own = server.folder / ".chatkeep"
        (own / "tmp" / f"@{chat_id}-0123456789abcdef").write_bytes(b'{\n  "format": 1,')
        (own / "runs" / "run_00000000000000aaaaaaaaaaaaaaaa.jsonl").write_bytes(b'{"run_id":"run_0000')
    kept = tmp_path_factory.mktemp("crash")
    witness = Witness(chat_id, "[[first-delay 0.05]] [[delay 0.05]] [[tokens 30]]", before, "", stream=True)
    witness.seen, witness.raw, witness.run_id = stream.seen, stream.raw, stream.seen[0].fields["run_id"]
    shutil.copytree(server.folder, kept / "chats", copy_function=_copy)
    return Crash(kept / "chats", witness, waiting)


def test_a_recovery_changes_the_folder_at_the_known_points_and_no_others(crash: Crash, tmp_path: Path) -> None:
    found = crash.copy(tmp_path)
    control = tmp_path / "control"
    control.write_text("list")
    with _serving(found) as server:
        server.start()
        server.client.chats()

    points = control.with_name("control.points").read_text().splitlines()
    known = {order.split(" ", 2)[2] for order in (*PREPARING, *SEALING)} | {"sync transcript"}
    assert set(points) == known
    assert points.count("replace transcript") == 2


def test_a_start_killed_again_and_again_before_it_mends_anything_loses_nothing(crash: Crash, tmp_path: Path) -> None:
    found = crash.copy(tmp_path)
    with _serving(found) as server:
        for order in PREPARING:
            (tmp_path / "control").write_text(order)
            server.launch()
            assert server.wait() == -signal.SIGKILL, order
            check_after_kill(server, found.witness)
        (tmp_path / "control").unlink()
        server.start()
        _check_mended(server, found)


@pytest.mark.parametrize("order", SEALING)
def test_a_recovery_killed_at_a_point_is_completed_by_the_next_start(crash: Crash, tmp_path: Path, order: str) -> None:
    found = crash.copy(tmp_path)
    (tmp_path / "control").write_text(order)
    with _serving(found) as server:
        server.launch()
        assert server.wait() == -signal.SIGKILL
        assert server.stored_messages(found.witness.chat_id)[: len(found.witness.before)] == found.witness.before

        (tmp_path / "control").unlink()
        server.start()
        _check_mended(server, found)


def _serving(found: Crash) -> AbstractContextManager[Server]:
    return serving(found.folder, start=False, command=(str(KILLER), str(found.folder.with_name("control"))))


def _check_mended(server: Server, found: Crash) -> None:
    """Both runs are in the chat once, in order, with what was seen; the rest is gone."""
    witness = found.witness
    messages = server.stored_messages(witness.chat_id)
    assert messages[: len(witness.before)] == witness.before
    question, reply, waited, unanswered = messages[len(witness.before) :]
    assert (question["content"], reply["run_id"]) == (witness.message, witness.run_id)
    assert (waited["content"], unanswered["run_id"]) == ("waiting", found.waiting)
    assert [message["status"] for message in (reply, unanswered)] == ["interrupted", "interrupted"]
    check_replay(server.client, reply, witness.seen, witness.raw)
    check_replay(server.client, unanswered, [])
    check_index(server, witness.chat_id)
    check_nothing_left_over(server.folder)
    check_next_turn(server, witness.chat_id)
