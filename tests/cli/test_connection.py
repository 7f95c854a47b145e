"""Which server a command talks to: one by its address, the folder's, or one inside the command."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatkeep.cli.exit_codes import ExitCode
from chatkeep.storage.folder import Folder
from chatkeep.storage.lock import FolderLock
from tests.commands import chatkeep, json_of, line_of
from tests.server import DEADLINE_S, Server, clean_environment, eventually, serving

TALKER = Path(__file__).parents[1] / "talker.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chats"


class Talker:
    """A command that lasts until it is closed: tests/talker.py."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(TALKER), str(folder)],
            env=clean_environment({}),
            cwd=folder.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def said(self) -> str:
        """The next line on its standard error."""
        assert self._process.stderr is not None
        return self._process.stderr.readline()

    def begin(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.endswith(".\n"), line
        return line.removesuffix(".\n")

    def ask(self, *words: str) -> str:
        self.begin(*words)
        return self.answer()

    def end(self) -> int:
        """Let it come to its end; its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(DEADLINE_S)

    def close(self) -> None:
        self._process.kill()
        with self._process:  # closes its pipes
            pass


@contextlib.contextmanager
def talker(folder: Path) -> Iterator[Talker]:
    with contextlib.closing(Talker(folder)) as begun:
        yield begun


def test_without_a_server_a_command_serves_itself_and_leaves_the_folder_as_a_clean_stop_does(folder: Path) -> None:
    with talker(folder) as command:
        assert command.ask("send", "mine") == "hi"
        assert Folder(folder).socket.exists()
        assert command.end() == 0

    assert (folder / "mine.json").exists()
    assert not Folder(folder).socket.exists()
    assert [path.name for path in folder.parent.iterdir()] == ["chats"]
    with serving(folder) as server:
        assert set(server.client.chats()) == {"mine"}


def test_commands_at_the_same_time_share_the_server_of_the_first_and_go_on_when_it_is_gone(folder: Path) -> None:
    with talker(folder) as first, talker(folder) as second:
        first.ask("send", "one")
        assert second.ask("list") == "one"
        second.ask("send", "two")
        assert first.ask("list") == "one two"
        assert first.end() == 0
        assert second.ask("list") == "one two"
        second.ask("send", "three")
        assert chats_of(folder) == {"one", "two", "three"}
        assert second.end() == 0
    assert not Folder(folder).socket.exists()


def test_a_command_goes_on_when_the_one_that_served_it_is_killed(folder: Path) -> None:
    with talker(folder) as first, talker(folder) as second:
        first.ask("send", "one")
        second.ask("list")
        first.close()
        assert second.ask("send", "two") == "hi"
        assert second.ask("list") == "one two"


def test_a_run_comes_to_its_end_when_the_command_that_serves_it_is_done(folder: Path) -> None:
    with talker(folder) as owner, talker(folder) as follower:
        owner.ask("list")
        follower.begin("run", "slow")
        eventually(lambda: list(Folder(folder).runs.glob("*.jsonl")))
        assert owner.end() == 0
        seen = follower.answer().split()
    assert (seen[0], seen[-1]) == ("Start", "Done")
    assert "Reconnecting" not in seen


def test_ctrl_c_lets_runs_end_and_a_second_one_interrupts_them_with_what_they_have(folder: Path) -> None:
    with talker(folder) as command:
        command.begin("run", "slow")
        eventually(lambda: [path for path in Folder(folder).runs.glob("*.jsonl") if b"delta" in path.read_bytes()])
        command.interrupt()
        eventually(lambda: "Waiting for replies" in command.said())
        command.interrupt()
        assert command.end() != 0
    with serving(folder) as server:
        reply = server.stored_messages("slow")[-1]
    assert reply["status"] == "interrupted"
    assert reply["content"]


def test_a_server_that_is_starting_is_waited_for(folder: Path) -> None:
    with serving(folder, start=False) as server:
        server.launch()
        eventually(Folder(folder).lock.exists)
        assert json_of(chatkeep("list", "--json", chats_dir=folder, cwd=folder.parent)) == []
        server.wait_ready()
        assert server.is_running


def test_a_server_that_is_stopping_is_waited_for_and_followed_by_ones_own(folder: Path) -> None:
    with serving(folder) as server:
        run_id = server.client.begin("[[tokens 40]] [[delay 0.05]]", "slow")
        with server.client.following(run_id) as stream, talker(folder) as command:
            stream.until(2)
            server.signal(signal.SIGTERM)
            assert command.ask("send", "after") == "hi"
            assert server.wait() == 0
        assert server.stored_messages("slow")[-1]["status"] == "complete"
        assert server.stored_messages("after")[-1]["content"] == "hi"


def test_the_socket_of_a_killed_server_is_replaced(folder: Path) -> None:
    with serving(folder) as server:
        server.kill()
        assert server.socket.exists()
        assert chats_of(folder) == set()
        assert not server.socket.exists()


def test_a_server_cannot_start_while_a_command_owns_the_folder_and_leaves_it_alone(folder: Path) -> None:
    with talker(folder) as command:
        command.ask("list")
        with contextlib.closing(Server(folder)) as server:
            assert "belongs to the running server" in server.refused()
        assert command.ask("send", "still") == "hi"


def chats_of(folder: Path) -> set[str]:
    """The ids that `chatkeep list` prints."""
    return {row["chat_id"] for row in json_of(chatkeep("list", "--json", chats_dir=folder, cwd=folder.parent))}


@contextlib.contextmanager
def owned(folder: Path, *, for_s: float) -> Iterator[None]:
    """The folder belongs to somebody without a socket, as to `uvicorn chatkeep.asgi:app`, since `for_s` seconds."""
    places = Folder(folder)
    places.make()
    lock = FolderLock(places.lock)
    lock.acquire()
    os.utime(places.lock, (time.time() - for_s, time.time() - for_s))
    try:
        yield
    finally:
        lock.release()


def test_a_folder_that_is_owned_without_a_socket_is_an_error_that_names_the_way_out(folder: Path) -> None:
    with owned(folder, for_s=3600):
        done = chatkeep("list", chats_dir=folder, cwd=folder.parent)
    assert done.returncode == ExitCode.UNREACHABLE
    assert f"process id {os.getpid()}" in done.stderr
    assert "--url" in done.stderr


def test_processes_that_begin_at_once_all_get_their_answer(folder: Path) -> None:
    folder.mkdir()
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: chats_of(folder), range(4)))
    assert done == [set()] * 4


def test_a_folder_whose_path_is_too_long_for_a_socket_is_worked_with(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 40) / "chats"
    long.mkdir(parents=True)
    assert json_of(chatkeep("list", "--json", chats_dir=long, cwd=tmp_path)) == []
    with serving(long) as server:
        server.client.send("hi", "one")
        assert [row["chat_id"] for row in json_of(chatkeep("list", "--json", chats_dir=long, cwd=tmp_path))] == ["one"]


def test_a_url_and_a_key_reach_a_server_anywhere(folder: Path) -> None:
    with serving(folder, start=False) as server:
        key = server.add_key("alice")
        reader = server.add_key("board", "--role", "reader", "--owner", "alice")
        server.start()
        server.client_of(key).send("hi", "of-alice")
        at = ("--url", server.base_url)

        def run(*arguments: str, **environment: str) -> tuple[int, str]:
            done = chatkeep(*arguments, cwd=folder.parent, environment=environment)
            return done.returncode, done.stdout + done.stderr

        assert "of-alice" in run("list", *at, "--key", key)[1]
        assert "of-alice" in run("list", CHATKEEP_URL=server.base_url + "/", CHATKEEP_API_KEY=key)[1]
        assert run("list", *at)[0] == ExitCode.REFUSED
        assert run("list", *at, "--key", "ck_wrong")[0] == ExitCode.REFUSED
        assert run("delete", "of-alice", *at, "--key", reader)[0] == ExitCode.REFUSED
        assert run("show", "nothing", *at, "--key", key)[0] == ExitCode.NOT_FOUND
        assert run("list", *at, "--key", key, "--owner", "alice")[0] == ExitCode.USAGE
        assert run("list", *at, "--chats-dir", str(folder))[0] == ExitCode.USAGE
        # An option wins over the environment: the folder needs no key.
        assert run("list", "--chats-dir", str(folder), "--owner", "alice", CHATKEEP_URL="http://127.0.0.1:9")[0] == 0


def test_what_does_not_answer_is_told_from_what_answers_as_no_chatkeep_does(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    nobody = chatkeep("list", "--url", f"http://me:hush@127.0.0.1:{port}", cwd=tmp_path)
    with serving(tmp_path / "chats") as server:
        other = chatkeep("list", "--url", f"{server.base_url}/docs", cwd=tmp_path)
    wrong = chatkeep("list", "--url", "chat.example.org", cwd=tmp_path)

    assert (nobody.returncode, nobody.stdout) == (ExitCode.UNREACHABLE, "")
    assert "hush" not in nobody.stderr
    assert f"http://127.0.0.1:{port}" in nobody.stderr
    assert other.returncode == ExitCode.NOT_FOUND
    assert wrong.returncode == ExitCode.FAILED
    assert "CHATKEEP_URL" in wrong.stderr


def test_a_missing_folder_is_not_made_by_looking_into_it(tmp_path: Path) -> None:
    done = chatkeep("list", cwd=tmp_path)
    assert done.returncode == ExitCode.NOT_FOUND
    assert str(tmp_path / "chats") in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_may_be_written_is_unreachable_in_words(tmp_path: Path) -> None:
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / ".chatkeep").write_text("not a folder")
    done = chatkeep("list", chats_dir=tmp_path / "chats", cwd=tmp_path)
    assert done.returncode == ExitCode.UNREACHABLE
    assert "Traceback" not in done.stderr


def test_the_owner_of_a_folder_is_picked_with_and_without_a_server(folder: Path) -> None:
    with serving(folder, start=False) as server:
        key = server.add_key("alice")
        server.start()
        server.client_of(key).send("hi", "of-alice")
        for _ in range(2):
            mine = chatkeep("list", "--json", "--owner", "alice", chats_dir=folder, cwd=folder.parent)
            own = chatkeep("list", "--json", chats_dir=folder, cwd=folder.parent)
            assert [row["chat_id"] for row in json_of(mine)] == ["of-alice"]
            assert json_of(own) == []
            if server.is_running:
                server.terminate()
    wrong = chatkeep("list", "--owner", "../x", chats_dir=folder, cwd=folder.parent)
    assert wrong.returncode == ExitCode.USAGE


def test_ctrl_c_is_130_and_leaves_the_folder_to_the_next(folder: Path) -> None:
    places = Folder(folder)
    with owned(folder, for_s=0):
        process = subprocess.Popen(
            line_of("list", chats_dir=folder),
            env=clean_environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert "Waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, "")
    assert "Interrupted." in err
    assert "Traceback" not in err
    assert not places.socket.exists()
    assert chatkeep("list", chats_dir=folder, cwd=folder.parent).returncode == 0
