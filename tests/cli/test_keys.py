"""`chatkeep keys`: what it prints and what it leaves."""

import contextlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server import Server, eventually


@pytest.fixture
def folder(tmp_path: Path) -> Server:
    return Server(tmp_path / "chats")


def test_a_key_is_printed_once_and_kept_as_a_digest(folder: Server) -> None:
    key = folder.add_key("alice")

    assert re.fullmatch(r"ck_[A-Za-z0-9_-]{43}", key)
    kept = (folder.folder / ".chatkeep" / "keys.json").read_text()
    assert key not in kept
    assert key[3:] not in kept
    assert (folder.folder / ".chatkeep" / "keys.json").stat().st_mode & 0o077 == 0
    assert key not in folder.keys("list").stdout + folder.keys("list", "--json").stdout


def test_the_list_names_every_key_with_its_role_owner_rate_and_end(folder: Server) -> None:
    folder.add_key("alice", "--rate", "120/60")
    folder.add_key("watcher", "--role", "reader", "--owner", "alice")
    folder.add_key("root", "--role", "admin", "--owner", "")
    folder.keys("revoke", "watcher")

    rows = {row["name"]: row for row in json.loads(folder.keys("list", "--json").stdout)}

    assert (rows["alice"]["role"], rows["alice"]["owner"], rows["alice"]["rate"]) == ("user", "alice", "120/60")
    assert (rows["watcher"]["role"], rows["watcher"]["owner"]) == ("reader", "alice")
    assert (rows["root"]["role"], rows["root"]["owner"]) == ("admin", "")
    assert [name for name, row in rows.items() if row["revoked_at"]] == ["watcher"]
    assert len(folder.keys("list").stdout.splitlines()) == 3


def test_a_key_that_is_revoked_is_told_as_json_where_that_is_asked_for(folder: Server) -> None:
    folder.add_key("alice")

    told = folder.keys("revoke", "alice", "--json")

    (row,) = json.loads(folder.keys("list", "--json").stdout)
    assert json.loads(told.stdout) == {"name": "alice", "revoked_at": row["revoked_at"]}
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("add", "Alice"), 2, "cannot name a key"),
        (("add", "../x"), 2, "cannot name a key"),
        (("add", "x", "--owner", "../x"), 2, "cannot own chats"),
        (("add", "x", "--rate", "often"), 2, "requests/seconds"),
        (("add", "x", "--role", "king"), 2, "king"),
        (("add",), 2, "NAME"),
        (("revoke", "nobody"), 3, "no key nobody"),
        (("revoke", "gone"), 6, "revoked already"),
        (("add", "taken"), 6, "already"),
    ],
)
def test_what_cannot_be_is_refused_in_words(folder: Server, arguments: tuple[str, ...], code: int, word: str) -> None:
    folder.add_key("taken")
    folder.add_key("gone")
    folder.keys("revoke", "gone")
    before = (folder.folder / ".chatkeep" / "keys.json").read_bytes()

    done = folder.keys(*arguments)

    assert done.returncode == code
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder.folder / ".chatkeep" / "keys.json").read_bytes() == before


def test_the_list_is_a_line_a_key_with_tabs_between(folder: Server) -> None:
    folder.add_key("alice", "--rate", "120/60")
    folder.add_key("own", "--owner", "")

    rows = [line.split("\t") for line in folder.keys("list").stdout.splitlines()]

    assert [[*row[:4], row[5]] for row in rows] == [
        ["alice", "user", "@alice", "120/60", "active"],
        ["own", "user", "the folder itself", "", "active"],
    ]


def test_keys_that_are_added_at_the_same_time_are_all_kept_and_all_work(folder: Server) -> None:
    names = [f"key-{number}" for number in range(6)]
    with ThreadPoolExecutor(len(names)) as threads:
        keys = list(threads.map(folder.add_key, names))

    with contextlib.closing(folder.start()):
        who = [folder.client_of(key).http.get("/login").json()["name"] for key in keys]
        assert who == names
        more = ["later-1", "later-2"]
        with ThreadPoolExecutor(len(more)) as threads:
            added = [folder.client_of(key) for key in threads.map(folder.add_key, more)]
        eventually(lambda: [client.http.get("/login").json().get("name") for client in added] == more)


def test_what_was_done_to_keys_stands_in_the_audit_log(folder: Server) -> None:
    key = folder.add_key("alice")
    folder.keys("revoke", "alice")

    text = (folder.folder / ".chatkeep" / "audit.jsonl").read_text()

    assert [(row["what"], row["key"]) for row in map(json.loads, text.splitlines())] == [
        ("keys add --role user", "alice"),
        ("keys revoke", "alice"),
    ]
    assert key not in text
