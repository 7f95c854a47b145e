"""Kill -9 while archives are imported: what was imported is whole, and running it again completes it."""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chatkeep.archives.reading import opened
from chatkeep.chat.model import Chat
from chatkeep.storage.codec import encode_chat, encode_message
from tests.commands import line_of
from tests.crash.conftest import KILLER, Rig
from tests.server import DEADLINE_S, clean_environment, eventually, showing_log

CHATS = 12

POINTS = ("open transcript", "write transcript", "sync transcript", "replace transcript", "sync chats-folder")
ORDERS = [
    f"{side} {number} {point}"
    for number in (1, 3)
    for point in POINTS
    for side in ("before", "during", "after")
    if side != "during" or point.startswith("write")
]


def archive(path: Path, name: str = "c") -> Path:
    conversations = [
        {
            "uuid": f"{name}-{number}",
            "name": f"Number {number}",
            "created_at": "2026-01-01T00:00:00Z",
            "chat_messages": [
                {"uuid": "q", "sender": "human", "text": f"question {number}", "created_at": "2026-01-01T00:00:01Z"},
                {"uuid": "a", "sender": "assistant", "text": "answer " * 500, "created_at": "2026-01-01T00:00:02Z"},
            ],
        }
        for number in range(CHATS)
    ]
    path.write_text(json.dumps(conversations))
    return path


def expected(path: Path) -> dict[str, bytes]:
    """The file that each chat of the archive becomes."""
    with opened(path) as found:
        made = [record for record in found.records if isinstance(record, Chat)]
    return {
        f"{chat.chat_id}.json": encode_chat(chat, [encode_message(message) for message in chat.messages])
        for chat in made
    }


def check_whole(folder: Path, whole: dict[str, bytes]) -> int:
    """What stands in the folder is what it should be; how many chats of the archive that are."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.json") if path.name in whole}
    assert found == {name: whole[name] for name in found}
    return len(found)


def run(folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line_of("import", str(path), chats_dir=folder),
        env=clean_environment({}),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


@pytest.mark.parametrize("order", ORDERS)
def test_a_server_that_is_killed_in_the_middle_of_an_import_has_whole_chats_and_the_rest_follows(
    rig: Rig, tmp_path: Path, order: str
) -> None:
    server = rig.ready()
    name = rig.new_chat()
    path = archive(tmp_path / "claude.json", name)
    whole = expected(path)
    with showing_log(server):
        rig.order(order)
        with contextlib.suppress(httpx.TransportError):
            server.client.http.post("/chat/import", content=path.read_bytes())
        server.wait()
        before = check_whole(server.folder, whole)
        assert before < CHATS

        answer = rig.restart().client.http.post("/chat/import", content=path.read_bytes()).json()

        assert len(answer["imported"]) == CHATS - before
        assert {each["reason"] for each in answer["skipped"]} <= {"already_there"}
        assert check_whole(server.folder, whole) == CHATS
        assert {f"{name}-{number}" for number in range(CHATS)} <= server.client.chats().keys()


def test_the_command_that_is_killed_with_the_server_inside_it_is_completed_by_running_it_again(tmp_path: Path) -> None:
    path, folder = archive(tmp_path / "claude.json"), tmp_path / "chats"
    whole = expected(path)
    control = tmp_path / "control"
    control.write_text("during 5 write transcript")
    killed = subprocess.run(
        [sys.executable, str(KILLER), str(control), "import", str(path), "--chats-dir", str(folder)],
        env=clean_environment({}),
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert killed.returncode == -9
    assert check_whole(folder, whole) == 4

    again = run(folder, path)

    assert again.stdout == f"{CHATS - 4} chats imported, 4 were there already.\n", again.stderr
    assert check_whole(folder, whole) == CHATS
    assert not list((folder / ".chatkeep" / "tmp").iterdir())


def test_the_command_that_is_killed_alone_leaves_a_server_that_has_whole_chats(rig: Rig, tmp_path: Path) -> None:
    server = rig.ready()
    path = archive(tmp_path / "claude.json", rig.new_chat())
    whole = expected(path)
    process = subprocess.Popen(
        line_of("import", str(path), "--json", chats_dir=server.folder),
        env=clean_environment({}),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process, showing_log(server):
        process.stdout.readline()
        process.kill()
        process.wait(DEADLINE_S)
    imported = eventually(lambda: check_whole(server.folder, whole))

    again = run(server.folder, path)

    assert again.returncode == 0, again.stderr
    assert 1 <= imported <= CHATS
    assert check_whole(server.folder, whole) == CHATS


def test_a_backup_that_is_killed_leaves_the_earlier_one(rig: Rig, tmp_path: Path) -> None:
    server = rig.ready()
    path = archive(tmp_path / "claude.json", rig.new_chat())
    run(server.folder, path)
    backup = tmp_path / "backup.tar.gz"
    backup.write_bytes(b"earlier")
    server.signal(signal.SIGSTOP)  # so that the command waits for it, with the new one begun
    try:
        line = line_of("export", "--all", "-o", str(backup), chats_dir=server.folder)
        with subprocess.Popen(line, env=clean_environment({}), cwd=tmp_path) as process:
            eventually(lambda: list(tmp_path.glob(".backup.tar.gz.*.part")))
            process.kill()
    finally:
        server.signal(signal.SIGCONT)

    assert backup.read_bytes() == b"earlier"
