"""Export and import: a chat comes back as it went, and another program's as far as it can."""

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Keyed
from tests.server import Client, Server

SAMPLES = Path(__file__).parents[1] / "unit" / "archives" / "samples"


def take(client: Client, body: bytes, **query: str) -> dict[str, Any]:
    response = client.http.post("/chat/import", content=body, params=query)
    assert response.status_code == 200, response.text
    decoded: dict[str, Any] = response.json()
    return decoded


def export(client: Client, chat_id: str, **query: str) -> bytes:
    response = client.http.get(f"/chat/export/{chat_id}", params=query)
    assert response.status_code == 200, response.text
    return response.content


def test_an_export_is_the_file_byte_for_byte_and_is_saved_under_its_name(server: Server) -> None:
    server.client.send("hello", "exported")

    response = server.client.http.get("/chat/export/exported")

    assert response.content == server.chat_file("exported").read_bytes()
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"] == 'attachment; filename="exported.json"'


@pytest.mark.parametrize(
    ("name", "media_type", "said"),
    [("md", "text/markdown; charset=utf-8", "> hello é\n"), ("txt", "text/plain; charset=utf-8", "    hello é\n")],
)
def test_an_export_as_text_is_for_people(client: Client, name: str, media_type: str, said: str) -> None:
    client.send("hello é", "for-people")

    response = client.http.get("/chat/export/for-people", params={"format": name})

    assert response.headers["content-type"] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="for-people.{name}"'
    assert said in response.text


def test_an_export_of_no_chat_or_in_no_format_is_refused(client: Client) -> None:
    client.send("hello", "plain")

    assert client.http.get("/chat/export/none-such").json()["code"] == "chat_not_found"
    assert client.http.get("/chat/export/a%20b").json()["code"] == "invalid_chat_id"
    assert client.http.get("/chat/export/plain", params={"format": "pdf"}).status_code == 422


def test_what_was_exported_is_imported_byte_for_byte_listed_searched_and_talked_to(server: Server) -> None:
    client = server.client
    client.send("something about quokkas", "round")
    data = export(client, "round")
    client.http.delete("/chat/delete/round", params={"purge": "true"})

    assert take(client, data) == {"imported": ["round"], "skipped": [], "findings": [], "success": True}

    assert server.chat_file("round").read_bytes() == data
    assert "round" in client.chats()
    assert client.http.get("/search", params={"query": "quokkas"}).json()["total"] >= 1
    assert client.send("go on", "round").status_code == 200
    assert len(server.stored_messages("round")) == 4


def test_importing_twice_imports_nothing_twice_also_after_the_chat_has_grown(server: Server) -> None:
    client = server.client
    client.send("hello", "twice")
    data = export(client, "twice")
    there = {
        "imported": [],
        "skipped": [{"chat_id": "twice", "reason": "already_there"}],
        "findings": [],
        "success": True,
    }

    assert take(client, data) == there
    client.send("more", "twice")
    grown = server.chat_file("twice").read_bytes()
    assert take(client, data) == there
    assert server.chat_file("twice").read_bytes() == grown


def test_a_chat_that_has_more_than_the_one_that_is_there_is_told_and_nothing_is_overwritten(server: Server) -> None:
    client = server.client
    client.send("hello", "more")
    short = export(client, "more")
    client.send("again", "more")
    long = export(client, "more")
    client.http.delete("/chat/delete/more", params={"purge": "true"})
    take(client, short)

    assert take(client, long)["skipped"] == [{"chat_id": "more", "reason": "differs"}]

    assert server.chat_file("more").read_bytes() == short


def test_another_chat_of_that_id_is_not_overwritten(server: Server) -> None:
    client = server.client
    client.send("mine", "taken")
    before = server.chat_file("taken").read_bytes()

    answer = take(client, b'{"chat_id": "taken", "messages": [{"role": "user", "content": "other"}]}')

    assert answer["skipped"] == [{"chat_id": "taken", "reason": "id_taken"}]
    assert server.chat_file("taken").read_bytes() == before


def test_a_chat_is_not_imported_into_one_that_is_being_made(client: Client) -> None:
    run_id = client.begin("[[tokens 1000]] [[delay 1]]", "in-the-making")
    try:
        answer = take(client, b'{"chat_id": "in-the-making", "messages": [{"role": "user", "content": "other"}]}')
        assert answer["skipped"] == [{"chat_id": "in-the-making", "reason": "id_taken"}]
    finally:
        client.http.post(f"/runs/{run_id}/stop")


def test_a_file_of_the_older_format_gets_the_id_that_is_asked_for(server: Server) -> None:
    data = b'{"created_at": "2024-05-01T10:00:00", "messages": [{"role": "user", "content": "old"}]}'

    assert take(server.client, data, chat_id="named")["imported"] == ["named"]
    (unnamed,) = take(server.client, data)["imported"]

    assert server.chat_file("named").read_bytes() == data
    assert unnamed.startswith("imported-")
    assert take(server.client, data)["skipped"] == [{"chat_id": unnamed, "reason": "already_there"}]


def test_an_export_of_chatgpt_becomes_chats_with_their_branches(server: Server) -> None:
    data = (SAMPLES / "chatgpt.json").read_bytes()
    answer = take(server.client, data)

    chat_id, other = answer["imported"]
    stored = server.stored(chat_id)
    assert chat_id == "6b0f0d9c-0000-4000-8000-000000000001"
    assert stored["origin"] == {"source": "chatgpt", "chat_id": chat_id}
    assert stored["current"] == stored["messages"][2]["id"]
    assert stored["messages"][3]["parent_id"] == stored["messages"][1]["id"]
    assert len(answer["findings"]) == 8
    again = take(server.client, data)
    assert (again["imported"], [each["chat_id"] for each in again["skipped"]]) == ([], [chat_id, other])

    assert server.client.send("And now?", chat_id).status_code == 200
    assert [message["content"] for message in server.client.history(chat_id)["history"]["messages"]][-2] == "And now?"


def test_a_foreign_chat_whose_id_is_taken_gets_another_one_always_the_same(server: Server) -> None:
    server.client.send("mine", "c-taken")
    data = json.dumps(
        [{"uuid": "c-taken", "name": "Theirs", "chat_messages": [{"uuid": "m", "sender": "human", "text": "hi"}]}]
    ).encode()

    (chat_id,) = take(server.client, data)["imported"]

    assert chat_id.startswith("imported-")
    assert server.stored(chat_id)["chat_id"] == chat_id
    assert take(server.client, data)["skipped"] == [{"chat_id": chat_id, "reason": "already_there"}]

    ours = export(server.client, chat_id)
    as_theirs = ours.replace(chat_id.encode(), b"c-taken")
    server.client.http.delete(f"/chat/delete/{chat_id}")
    assert take(server.client, as_theirs)["imported"] == [chat_id]
    assert server.stored(chat_id)["chat_id"] == chat_id


@pytest.mark.parametrize("name", ["claude.json", "openwebui.json", "librechat-tree.json", "librechat-flat.json"])
def test_other_programs_exports_are_known_by_their_beginning_and_in_their_zip(client: Client, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", data)

    imported = take(client, data)["imported"]

    assert imported
    assert [each["chat_id"] for each in take(client, packed.getvalue())["skipped"]] == imported


def test_what_came_before_a_broken_end_is_imported_and_the_end_is_told(client: Client) -> None:
    first = {"uuid": "before-the-end", "name": "", "chat_messages": [{"uuid": "m", "sender": "human", "text": "hi"}]}

    answer = take(client, b"[" + json.dumps(first).encode() + b', {"uuid": "cut')

    assert answer["imported"] == ["before-the-end"]
    assert "breaks off" in answer["findings"][-1]["what"]


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[]", b'{"messages": 3}', b'{"messages": [{"role": "narrator", "content": ""}]}', b"\x1f\x8b\x08",
     b"SQLite format 3\x00", b"PK\x03\x04", b'{"format": 2, "messages": []}', b'{"chat_id": "a/b", "messages": []}'],
)  # fmt: skip
def test_what_is_no_archive_is_refused(client: Client, body: bytes) -> None:
    assert client.http.post("/chat/import", content=body).status_code == 422


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    response = client.http.post("/chat/import", content=b'{"messages": [' + b" " * 1024 * 1024)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_the_same_archive_imported_at_once_makes_each_chat_once(server: Server) -> None:
    chats = [
        {"uuid": f"at-once-{number}", "name": "", "chat_messages": [{"uuid": "m", "sender": "human", "text": "hi"}]}
        for number in range(20)
    ]
    body = json.dumps(chats).encode()
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(take(server.client, body))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    imported = [chat_id for answer in answers for chat_id in answer["imported"]]
    assert sorted(imported) == sorted(chat["uuid"] for chat in chats)  # type: ignore[type-var]
    assert all(len(answer["imported"]) + len(answer["skipped"]) == 20 for answer in answers)


def test_a_chat_goes_to_who_imports_it_and_a_reader_may_not(keyed: Keyed) -> None:
    data = b'{"chat_id": "of-bob", "messages": [{"role": "user", "content": "hi"}]}'

    assert take(keyed.bob, data)["imported"] == ["of-bob"]

    assert (keyed.server.folder / "@bob" / "of-bob.json").read_bytes() == data
    assert keyed.alice.http.get("/chat/export/of-bob").status_code == 404
    assert keyed.reader.http.post("/chat/import", content=data).status_code == 403
