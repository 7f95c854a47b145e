"""`chatkeep check`: what it prints, how it exits, and what it does beside a server."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server import DEADLINE_S, clean_environment, eventually, serving

SLOW = "[[delay 0.02]] [[tokens 100000]]"


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chatkeep", "check", *options, "--chats-dir", str(folder)],
        env=clean_environment({}),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


def told(folder: Path, *options: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """The exit status, the findings and the counts."""
    done = check(folder, "--json", *options)
    *findings, counts = map(json.loads, done.stdout.splitlines())
    assert done.stderr == ""
    return done.returncode, findings, counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a chat, as a server leaves it."""
    with serving(tmp_path / "chats") as server:
        server.client.send("hello", "greeting")
        server.terminate()
    return tmp_path / "chats"


def test_a_sound_folder_exits_with_0_and_one_line(folder: Path) -> None:
    done = check(folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 chats in ")
    assert done.stdout.endswith(": 0 findings; 0 notes.\n")


def test_a_finding_is_a_line_with_its_file_sentence_and_code_and_exits_with_1(folder: Path) -> None:
    (folder / "cut.json").write_bytes(b'{"format": 1, "mess')

    done = check(folder)

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "cut.json: It is not JSON: it ends too early. (not_json)"
    assert " 1 findings; " in done.stdout


def test_a_repair_says_what_was_done_and_where_the_rest_is_and_the_next_check_exits_with_0(folder: Path) -> None:
    (folder / "cut.json").write_bytes(b'{"format": 1, "mess')

    done = check(folder, "--repair")

    assert done.returncode == 0
    assert "repaired: cut.json: " in done.stdout
    assert f"stands in {folder}/.chatkeep/quarantine/" in done.stdout
    (kept,) = folder.glob(".chatkeep/quarantine/*/files/cut.json")
    assert kept.read_bytes() == b'{"format": 1, "mess'
    assert check(folder).returncode == 0


def test_json_is_a_line_a_finding_and_then_the_counts(folder: Path) -> None:
    (folder / "cut.json").write_bytes(b"")
    (folder / "hand.json").write_bytes(b'{"messages": []}')

    status, findings, counts = told(folder)
    assert status == 1
    assert [(line["file"], line["code"], line["repaired"], line["information"]) for line in findings] == [
        ("cut.json", "not_json", False, False),
        ("hand.json", "older_format", False, True),
        (".chatkeep/index.sqlite3", "index_behind", False, True),
    ]
    assert (counts["chats"], counts["findings"], counts["repaired"], counts["information"]) == (3, 1, 0, 2)
    assert counts["quarantine"] is None

    status, findings, counts = told(folder, "--repair")
    assert status == 0
    assert [line["repaired"] for line in findings] == [True, False, False]
    assert (counts["findings"], counts["repaired"]) == (1, 1)
    assert Path(counts["quarantine"], "report.jsonl").exists()


def test_a_repair_that_leaves_something_exits_with_1(folder: Path) -> None:
    (folder / "newer.json").write_bytes(b'{"format": 99, "messages": []}')

    done = check(folder, "--repair")

    assert done.returncode == 1
    assert "newer.json: It has format 99" in done.stdout


def test_of_many_notes_of_a_kind_five_are_shown(folder: Path) -> None:
    for number in range(8):
        (folder / f"hand-{number}.json").write_bytes(b'{"messages": []}')

    lines = check(folder).stdout.splitlines()

    assert sum("(older_format)" in line and line.startswith("note: hand-") for line in lines) == 5
    assert "note: 3 more of these (older_format)" in lines


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = check(tmp_path / "nowhere", "--repair")

    assert done.returncode == 3
    assert done.stderr == f"Error: There is no data folder {tmp_path / 'nowhere'}.\n"
    assert not (tmp_path / "nowhere").exists()


def test_a_repair_beside_a_server_is_refused_with_6_and_a_check_passes_over_what_is_going_on(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        server.client.send("hello", "done")
        run_id = server.client.begin(SLOW, "going")
        journal = server.folder / ".chatkeep" / "runs" / f"{run_id}.jsonl"
        eventually(lambda: journal.stat().st_size > 2000)
        (server.folder / ".chatkeep" / "tmp" / "being-written").write_bytes(b"x")
        os.utime(server.folder / ".chatkeep" / "tmp" / "being-written", (0, 0))

        for _ in range(5):
            status, findings, _ = told(server.folder)
            assert status == 0, findings
            codes = {line["code"] for line in findings}
            assert {"folder_owned"} <= codes <= {"folder_owned", "index_behind"}
        refused = check(server.folder, "--repair")

        assert refused.returncode == 6
        assert f"process id {server.pid}" in refused.stderr
        assert server.client.run(run_id)["state"] == "running"


def test_what_a_killed_server_leaves_is_no_finding_and_sealed_by_the_next_start_also_after_a_repair(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "chats") as server:
        server.client.send("hello", "done")
        run_id = server.client.begin(SLOW, "going")
        journal = server.folder / ".chatkeep" / "runs" / f"{run_id}.jsonl"
        eventually(lambda: journal.stat().st_size > 2000)
        server.kill()
        whole = journal.read_bytes()
        journal.write_bytes(whole + whole[-20:-1])

        _, findings, _ = told(server.folder)
        assert (f".chatkeep/runs/{run_id}.jsonl", "journal_torn") in {(each["file"], each["code"]) for each in findings}
        status, findings, _ = told(server.folder, "--repair")
        assert status == 0
        assert "journal_unfinished" in {each["code"] for each in findings}
        assert journal.read_bytes() == whole

        server.start()
        reply = server.stored_messages("going")[-1]
        assert (reply["status"], reply["content"][:6]) == ("interrupted", "w0 w1 ")
        assert check(server.folder).returncode == 0


def test_a_server_goes_on_with_a_folder_that_was_repaired(folder: Path) -> None:
    for name in ("copy", "other"):
        shutil.copy(folder / "greeting.json", folder / f"{name}.json")
    with (folder / ".chatkeep" / "index.sqlite3").open("r+b") as index:
        index.seek(4096)
        index.write(b"\xa5" * 4096)

    assert check(folder).returncode == 1
    assert check(folder, "--repair").returncode == 0

    with serving(folder) as server:
        assert set(server.client.chats()) == {"greeting", "copy", "other"}
        assert server.client.http.get("/search", params={"query": "hello"}).json()["total"] >= 3
        assert server.client.send("more", "copy").status_code == 200
        server.terminate()
    assert check(folder).returncode == 0


def test_a_terminal_sees_a_progress_bar_and_a_file_only_the_result(folder: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatkeep", "check", "--json", "--chats-dir", str(folder)],
            env=clean_environment({"TERM": "xterm"}),
            cwd=folder.parent,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        result, _ = process.communicate(timeout=DEADLINE_S)
        os.set_blocking(ours, False)
        seen = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)

    assert b"Looking at chats" in seen
    assert json.loads(result)["findings"] == 0
