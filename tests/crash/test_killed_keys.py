"""Kill -9 at every point of `chatkeep keys add` where something is written, synced or renamed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatkeep.access.keys import ApiKey, KeyRing, KeySet, new_key
from chatkeep.access.subject import Role
from chatkeep.storage.keys import KeyFile
from tests.crash.conftest import KILLER
from tests.server import DEADLINE_S, clean_environment, serving

# On a folder of its own, the first key makes the folders too.
MAKING = (
    "mkdir chats-folder",
    "mkdir own-folder",
    "sync chats-folder",
    "mkdir runs-folder",
    "mkdir trash-folder",
    "mkdir generations-folder",
    "mkdir tmp-folder",
)
POINTS = (
    "open keys.lock",
    "open new-keys",
    "write new-keys",
    "sync new-keys",
    "replace new-keys",
    "sync own-folder",
    "open audit.jsonl",
    "write audit.jsonl",
)
ORDERS = [
    f"{side} 1 {point}"
    for point in POINTS
    for side in ("before", "during", "after")
    if side != "during" or point.startswith("write")
]


def _add(folder: Path, name: str, order: str) -> subprocess.CompletedProcess[str]:
    """`chatkeep keys add`, killed as `order` says."""
    control = folder.with_name("control")
    control.write_text(order)
    return subprocess.run(
        [sys.executable, str(KILLER), str(control), "keys", "add", name, "--chats-dir", str(folder)],
        env=clean_environment({}),
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


def _with_alice(folder: Path) -> tuple[KeyFile, str]:
    secret, file = new_key(), KeyFile(folder)

    def with_key(keys: KeySet) -> KeySet:
        return keys.with_key(ApiKey("alice", "alice", Role.USER, keys.digest(secret), "2026-01-01T00:00:00.000000Z"))

    file.change(with_key)
    return file, secret


def _points(folder: Path) -> list[str]:
    return folder.with_name("control.points").read_text().splitlines()


def test_adding_a_key_changes_the_folder_at_the_known_points_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "chats"
    assert _add(folder, "alice", "list").returncode == 0
    assert set(_points(folder)) == {*MAKING, *POINTS}

    folder.with_name("control.points").unlink()
    assert _add(folder, "bob", "list").returncode == 0
    assert _points(folder) == list(POINTS)


@pytest.mark.parametrize("order", ORDERS)
def test_keys_stay_whole_wherever_an_addition_is_killed(tmp_path: Path, order: str) -> None:
    file, alice = _with_alice(tmp_path / "chats")

    killed = _add(tmp_path / "chats", "bob", order)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == ""  # so that nobody holds a key that is not kept
    kept = file.read()
    assert kept is not None
    assert [key.name for key in kept.keys] in (["alice"], ["alice", "bob"])
    assert KeyRing(kept).find(alice) is not None

    added = _add(tmp_path / "chats", "carol", "list")
    after = file.read()
    assert after is not None
    assert after.keys[:-1] == kept.keys
    assert getattr(KeyRing(after).find(added.stdout.strip()), "name", None) == "carol"
    noted = (tmp_path / "chats/.chatkeep/audit.jsonl").read_text().splitlines()[-1]
    assert json.loads(noted)["key"] == "carol"


@pytest.mark.parametrize("point", [*MAKING, "open keys.lock", "sync new-keys", "replace new-keys"])
def test_a_first_key_that_was_killed_can_be_made_again(tmp_path: Path, point: str) -> None:
    killed = _add(tmp_path / "chats", "alice", f"before 1 {point}")

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert KeyFile(tmp_path / "chats").read() is None
    again = _add(tmp_path / "chats", "alice", "list")
    assert again.returncode == 0, again.stderr


def test_what_a_killed_addition_left_is_gone_after_a_start(tmp_path: Path) -> None:
    _, alice = _with_alice(tmp_path / "chats")
    _add(tmp_path / "chats", "bob", "during 1 write new-keys")
    temporary = tmp_path / "chats/.chatkeep/tmp"
    assert list(temporary.iterdir())

    with serving(tmp_path / "chats") as server:
        assert not list(temporary.iterdir())
        assert server.client_of(alice).http.get("/login").json()["name"] == "alice"
        assert server.client.http.get("/login").status_code == 401
