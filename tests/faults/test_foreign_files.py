"""Files that others put, change or break in the data folder, before a start and while the server runs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, serving

OLDER: dict[str, Any] = {
    "created_at": "2024-05-01T10:00:00.123456",
    "last_updated": "2024-05-01T10:01:00.654321",
    "messages": [
        {"role": "system", "content": "Be brief.", "timestamp": "2024-05-01T10:00:00.123456"},
        {"role": "user", "content": "How old are you?", "timestamp": "2024-05-01T10:00:01.000000"},
        {"role": "assistant", "content": "Old enough.", "timestamp": "2024-05-01T10:00:02.000000"},
    ],
}
BROKEN = {
    "empty": b"",
    "cut": b'{\n  "format": 1,\n  "chat_id": "cut",\n  "mess',
    "zeros": b"\0" * 512,
    "no-utf-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "a-list": b"[1, 2, 3]",
    "no-messages": b'{"format": 1, "chat_id": "no-messages"}',
    "wrong-types": b'{"messages": [{"role": "user", "content": 7}]}',
    "newer-format": b'{"format": 99, "messages": []}',
    "deep": b'{"messages": ' + b"[" * 100_000,
}


def _put(path: Path, content: bytes) -> None:
    """As editors and rsync do: a new file under the old name."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def _encoded(chat: dict[str, Any]) -> bytes:
    return json.dumps(chat).encode()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_chat_file_is_reported_and_stays_as_it_is(server: Server, kind: str) -> None:
    path = server.chat_file(kind)
    _put(path, BROKEN[kind])

    read = server.client.http.get(f"/chat/history/{kind}")
    sent = server.client.send("hello", kind)

    for response in (read, sent):
        assert (response.status_code, response.json()["code"]) == (500, "chat_unreadable")
    assert kind not in server.client.chats()
    assert path.read_bytes() == BROKEN[kind]
    assert server.client.send("hello", "sound").status_code == 200


def test_a_chat_that_breaks_between_two_turns_is_reported_and_works_again_when_it_is_mended(server: Server) -> None:
    server.client.send("hello", "breaks")
    sound = server.chat_file("breaks").read_bytes()
    _put(server.chat_file("breaks"), sound[: len(sound) // 2])

    assert server.client.send("again", "breaks").json()["code"] == "chat_unreadable"
    assert server.chat_file("breaks").read_bytes() == sound[: len(sound) // 2]

    _put(server.chat_file("breaks"), sound)
    assert server.client.send("again", "breaks").status_code == 200
    assert len(server.stored_messages("breaks")) == 4


def test_broken_files_do_not_keep_a_server_from_starting(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        server.client.send("hello", "sound")
        server.kill()
        for kind, content in BROKEN.items():
            server.chat_file(kind).write_bytes(content)
        server.start()

        assert set(server.client.chats()) == {"sound"}
        assert server.client.send("again", "sound").status_code == 200
        for kind, content in BROKEN.items():
            assert server.client.http.get(f"/chat/history/{kind}").json()["code"] == "chat_unreadable"
            assert server.chat_file(kind).read_bytes() == content
        server.terminate()
        server.start()
        assert set(server.client.chats()) == {"sound"}


def test_a_live_run_whose_chat_breaks_ends_with_chat_unreadable_and_keeps_its_text(server: Server) -> None:
    server.client.send("hello", "under-way")
    sound = server.chat_file("under-way").read_bytes()
    with server.client.stream("[[delay 0.01]] [[tokens 20]]", "under-way") as stream:
        stream.until(5)
        _put(server.chat_file("under-way"), b"broken by hand")
        events = stream.rest()

    problem = events[-1].fields
    assert (events[-1].event, problem["code"]) == ("failed", "chat_unreadable")
    assert server.chat_file("under-way").read_bytes() == b"broken by hand"
    _put(server.chat_file("under-way"), sound)
    assert server.client.send("again", "under-way").status_code == 200
    contents = [message["content"] for message in server.stored_messages("under-way")]
    assert contents[3] == problem["partial"]
    assert contents[4:] == ["again", "again"]


def test_a_file_of_the_older_format_that_is_added_is_listed_read_and_upgraded_by_its_next_turn(server: Server) -> None:
    _put(server.chat_file("older"), _encoded(OLDER))

    row = server.client.chats()["older"]
    assert (row["message_count"], row["created_at"]) == (2, "2024-05-01T10:00:00.123456Z")
    messages = server.client.history("older")["history"]["messages"]
    assert [message["content"] for message in messages] == ["Be brief.", "How old are you?", "Old enough."]
    assert server.chat_file("older").read_bytes() == _encoded(OLDER)

    assert server.client.send("hello", "older").status_code == 200
    stored = server.stored("older")
    assert stored["format"] == 1
    assert [message["content"] for message in stored["messages"][:3]] == [m["content"] for m in OLDER["messages"]]
    assert [message["content"] for message in stored["messages"][3:]] == ["hello", "hello"]


def test_a_file_that_is_replaced_while_the_server_runs_is_read_anew(server: Server) -> None:
    server.client.send("hello", "replaced")
    chat = server.stored("replaced")
    chat["title"] = "By hand"
    chat["messages"][-1]["content"] = "changed by hand"
    _put(server.chat_file("replaced"), _encoded(chat))

    assert server.client.history("replaced")["history"]["messages"][-1]["content"] == "changed by hand"
    assert server.client.chats()["replaced"]["title"] == "By hand"
    server.client.send("again", "replaced")
    assert server.stored_messages("replaced")[1]["content"] == "changed by hand"


def test_a_file_that_is_changed_in_place_is_read_anew(server: Server) -> None:
    server.client.send("hello", "in-place")
    server.client.history("in-place")
    chat = server.stored("in-place")
    chat["title"] = "By hand, in place"
    server.chat_file("in-place").write_bytes(_encoded(chat))

    assert server.client.history("in-place")["history"]["title"] == "By hand, in place"
    assert server.client.chats()["in-place"]["title"] == "By hand, in place"


def test_a_file_that_is_changed_in_place_while_no_server_runs_is_noticed_by_the_next_start(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        server.client.send("hello", "a")
        server.terminate()
        chat = server.stored("a")
        chat["title"] = "By hand, in place"
        server.chat_file("a").write_bytes(_encoded(chat))
        server.start()

        assert server.client.chats()["a"]["title"] == "By hand, in place"


def test_a_file_that_is_removed_while_the_server_runs_is_gone(server: Server) -> None:
    server.client.send("hello", "removed")
    server.chat_file("removed").unlink()

    assert server.client.http.get("/chat/history/removed").json()["code"] == "chat_not_found"
    assert "removed" not in server.client.chats()
    assert server.client.send("anew", "removed").status_code == 200
    assert len(server.stored_messages("removed")) == 2


def test_an_index_of_the_older_format_is_left_alone_byte_for_byte(tmp_path: Path) -> None:
    older_index = b'{"space-facts": {"created_at": "2024-05-01T10:00:00", "last_updated": "2024-05-01T10:01:00"}}'
    folder = tmp_path / "chats"
    folder.mkdir()
    (folder / "index.json").write_bytes(older_index)
    (folder / "space-facts.json").write_bytes(_encoded(OLDER))
    with serving(folder) as server:
        assert set(server.client.chats()) == {"space-facts"}
        assert server.client.send("hello", "index").json()["code"] == "chat_unreadable"
        server.client.send("hello", "space-facts")
        server.terminate()
        server.start()
        assert set(server.client.chats()) == {"space-facts"}

        assert (folder / "index.json").read_bytes() == older_index
        assert not [entry for entry in server.log_entries if entry["event"] == "chat_unreadable"]


def test_a_chat_file_that_is_a_link_is_refused_and_what_it_names_is_not_touched(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(_encoded(OLDER))
    server.chat_file("linked").symlink_to(secret)

    assert server.client.http.get("/chat/history/linked").json()["code"] == "chat_unreadable"
    assert server.client.send("hello", "linked").json()["code"] == "chat_unreadable"
    assert "linked" not in server.client.chats()
    assert secret.read_bytes() == _encoded(OLDER)
    assert server.client.http.delete("/chat/delete/linked", params={"purge": "true"}).status_code == 200
    assert secret.read_bytes() == _encoded(OLDER)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_regular_file_is_refused_without_waiting_for_it(server: Server, kind: str) -> None:
    path = server.chat_file(f"a-{kind}")
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    assert server.client.http.get(f"/chat/history/a-{kind}").json()["code"] == "chat_unreadable"
    assert server.client.send("hello", f"a-{kind}").json()["code"] == "chat_unreadable"
    assert f"a-{kind}" not in server.client.chats()


def test_unknown_fields_of_a_file_survive_the_next_turn(server: Server) -> None:
    chat: dict[str, Any] = {**OLDER, "x_tool": {"deep": [1, 2.50, "three"]}}
    chat["messages"] = [{**OLDER["messages"][1], "x_rating": 5}]
    _put(server.chat_file("unknown"), _encoded(chat))

    server.client.send("hello", "unknown")

    stored = server.stored("unknown")
    assert stored["x_tool"] == {"deep": [1, 2.5, "three"]}
    assert stored["messages"][0]["x_rating"] == 5


def test_files_with_other_names_are_ignored_and_left_alone(server: Server) -> None:
    others = ["notes.txt", "two words.json", "dotted.name.json", ".hidden.json", "x" * 129 + ".json"]
    for name in others:
        (server.folder / name).write_bytes(_encoded(OLDER))

    listed = server.client.chats()

    assert not {Path(name).stem for name in others} & set(listed)
    assert all((server.folder / name).read_bytes() == _encoded(OLDER) for name in others)


def test_bytes_that_are_not_utf_8_keep_no_server_from_starting(tmp_path: Path) -> None:
    folder = tmp_path / "chats"
    with serving(folder) as server:
        server.client.send("hello", "sound")
        key = server.add_key("root", "--role", "admin", "--owner", "")
    message = b'{"role": "user", "id": "m", "timestamp": "2026-01-01T00:00:00.000000Z", "content": [{"text": "\xff"}]}'
    (folder / "part.json").write_bytes(b'{"title": "T", "messages": [%s]}' % message)
    (journal,) = (folder / ".chatkeep" / "runs").glob("*.jsonl")
    head, end = journal.read_bytes().replace(b"sound", b"torn").rsplit(b"\n", 2)[:2]
    torn = head + b"\n" + end[:-9] + b"\xff\n"
    journal.with_name("run_torn.jsonl").write_bytes(torn.replace(journal.stem.encode(), b"run_torn"))
    journal.with_name("run_broken.jsonl").write_bytes(b'{"run_id": "\xff"}\n')
    sessions = b'[{"digest": "\xff", "credential": "c", "expires_at": 1}]'
    (folder / ".chatkeep" / "sessions.json").write_bytes(sessions)
    with (folder / ".chatkeep" / "audit.jsonl").open("ab") as audit:
        audit.write(b'{"at": "\xff"}\n')

    with serving(folder) as server:
        client = server.client_of(key)
        assert {"sound", "part", "torn"} <= set(client.chats())
        assert client.http.get("/admin/audit").status_code == 200
