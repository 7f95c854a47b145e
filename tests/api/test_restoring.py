"""Chats: what is brought back, from the trash and from what they were before."""

import httpx
import pytest

from chatkeep.chat.model import is_timestamp
from tests.api.conftest import Keyed
from tests.server import Client, Server, eventually


def restore(client: Client, chat_id: str, **body: object) -> httpx.Response:
    return client.http.post(f"/chat/restore/{chat_id}", json=body)


def generations(client: Client, chat_id: str) -> list[dict[str, object]]:
    response = client.http.get(f"/chat/generations/{chat_id}")
    assert response.status_code == 200, response.text
    assert response.json()["success"] is True
    found: list[dict[str, object]] = response.json()["generations"]
    return found


def said(client: Client, chat_id: str) -> list[str]:
    return [message["content"] for message in client.history(chat_id)["history"]["messages"][1::2]]


def test_a_chat_says_what_it_was_before_newest_first(client: Client) -> None:
    for number in range(7):
        client.send(f"message {number}", "earlier")

    kept = generations(client, "earlier")

    assert [row["generation"] for row in kept] == [6, 5, 4, 3, 2]
    assert [row["message_count"] for row in kept] == [12, 10, 8, 6, 4]
    assert {str(row["title"]) for row in kept} == {"message 0"}
    assert all(is_timestamp(str(row["last_updated"])) for row in kept)
    assert all(row.keys() == {"generation", "title", "last_updated", "message_count", "size_bytes"} for row in kept)


def test_an_earlier_generation_comes_back_and_the_present_is_kept(client: Client) -> None:
    for text in ("one", "two", "three"):
        client.send(text, "back")

    answer = restore(client, "back", generation=1, revision=3)

    assert answer.status_code == 200
    assert answer.json() == {
        "message": "Chat back restored from generation 1",
        "chat_id": "back",
        "revision": 4,
        "success": True,
    }
    assert said(client, "back") == ["one"]
    assert restore(client, "back", generation=3).json()["revision"] == 5
    assert said(client, "back") == ["one", "two", "three"]
    client.send("four", "back")
    assert said(client, "back") == ["one", "two", "three", "four"]


def test_the_events_of_a_turn_that_is_taken_back_go_and_come_again_with_it(client: Client) -> None:
    client.send("one", "runs")
    run_id = client.send("two", "runs").json()["run_id"]

    restore(client, "runs", generation=1)
    assert client.http.get(f"/runs/{run_id}").status_code == 404

    restore(client, "runs", generation=2)
    assert client.run(run_id)["state"] == "completed"
    assert client.follow(run_id)[-1].event == "done"


def test_a_deleted_chat_comes_back_from_the_trash(client: Client) -> None:
    client.send("one", "trashed")
    run_id = client.send("two", "trashed").json()["run_id"]
    before = client.history("trashed")
    client.http.delete("/chat/delete/trashed")

    answer = restore(client, "trashed")

    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    assert answer.json()["message"] == "Chat trashed restored from the trash"
    assert client.history("trashed") == before
    assert client.run(run_id)["state"] == "completed"
    assert "trashed" in client.chats()
    assert [row["generation"] for row in generations(client, "trashed")] == [1]


def test_the_trash_is_listed_newest_first_a_page_at_a_time(keyed: Keyed) -> None:
    client = keyed.bob
    for chat_id in ("t-1", "t-2", "t-3"):
        client.send(f"hello {chat_id}", chat_id)
        client.http.delete(f"/chat/delete/{chat_id}")

    first = client.http.get("/chat/trash", params={"limit": 2}).json()
    second = client.http.get("/chat/trash", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    listed = [row["chat_id"] for row in first["chats"] + second["chats"]]
    assert listed[:3] == ["t-3", "t-2", "t-1"]
    assert first["success"] is True
    hers = keyed.alice.http.get("/chat/trash").json()["chats"]
    assert not {"t-1", "t-2", "t-3"} & {row["chat_id"] for row in hers}
    assert first["chats"][0].keys() == {"chat_id", "title", "deleted_at", "message_count"}
    assert (first["chats"][0]["title"], first["chats"][0]["message_count"]) == ("hello t-3", 2)
    assert is_timestamp(first["chats"][0]["deleted_at"])


@pytest.mark.parametrize(
    ("chat_id", "body", "status", "code"),
    [
        ("nowhere", {}, 404, "chat_not_found"),
        ("nowhere", {"generation": 1}, 404, "chat_not_found"),
        ("there", {}, 409, "conflict"),
        ("there", {"generation": 1}, 404, "generation_not_found"),
        ("there", {"generation": 2**70}, 404, "generation_not_found"),
        ("there", {"generation": 1, "revision": 7}, 409, "revision_conflict"),
        ("there", {"generation": -1}, 422, "invalid_request"),
        ("there", {"generation": "one"}, 422, "invalid_request"),
        ("there", {"other": 1}, 422, "invalid_request"),
        ("not an id", {}, 422, "invalid_chat_id"),
    ],
)
def test_what_cannot_be_brought_back_is_refused(
    client: Client, chat_id: str, body: dict[str, object], status: int, code: str
) -> None:
    if "there" not in client.chats():
        client.send("hello", "there")

    refused = restore(client, chat_id, **body)

    assert (refused.status_code, refused.json().get("code")) == (status, code), refused.text
    assert client.history("there")["history"]["revision"] == 1


def test_a_chat_with_a_run_going_is_not_taken_back(client: Client) -> None:
    client.send("one", "busy")
    client.send("two", "busy")
    run_id = client.begin("[[tokens 1000]] [[delay 1]]", "busy")

    refused = restore(client, "busy", generation=1)

    assert (refused.status_code, refused.json()["code"]) == (409, "chat_busy")
    client.http.post(f"/runs/{run_id}/stop")
    assert restore(client, "busy", generation=1).status_code == 200


def test_a_chat_is_deleted_only_at_the_revision_that_is_meant(client: Client) -> None:
    client.send("one", "guarded")
    client.send("two", "guarded")

    refused = client.http.delete("/chat/delete/guarded", params={"revision": 1})

    assert (refused.status_code, refused.json()["code"]) == (409, "revision_conflict")
    assert "guarded" in client.chats()
    assert client.http.delete("/chat/delete/guarded", params={"revision": 2}).status_code == 200
    assert client.http.delete("/chat/delete/guarded", params={"revision": 2}).status_code == 404


@pytest.mark.parametrize("turns", [0, 1])
def test_a_stale_delete_does_not_stop_the_run_that_is_going(client: Client, turns: int) -> None:
    chat_id = f"going-{turns}"
    for _ in range(turns):
        client.send("one", chat_id)
    run_id = client.begin("[[tokens 1000]] [[delay 1]]", chat_id)
    eventually(lambda: client.run(run_id)["state"] == "running")

    refused = client.http.delete(f"/chat/delete/{chat_id}", params={"revision": turns + 1})

    assert (refused.status_code, refused.json()["code"]) == (409, "revision_conflict")
    assert client.run(run_id)["state"] == "running"
    assert client.http.delete(f"/chat/delete/{chat_id}", params={"revision": turns}).status_code == 200
    assert client.http.get(f"/chat/history/{chat_id}").status_code == 404


def test_a_purged_chat_is_in_no_trash_and_has_no_past(client: Client, server: Server) -> None:
    client.send("a secret", "purged")
    client.send("another secret", "purged")

    client.http.delete("/chat/delete/purged", params={"purge": "true"})

    assert restore(client, "purged").status_code == 404
    assert list((server.folder / ".chatkeep").rglob("purged*")) == []


def test_a_file_that_was_spoiled_by_hand_is_brought_back_from_what_it_was(client: Client, server: Server) -> None:
    for text in ("one", "two", "three"):
        client.send(text, "spoiled")
    server.chat_file("spoiled").write_text('{"messages": [')
    assert client.http.get("/chat/history/spoiled").json()["code"] == "chat_unreadable"

    assert [row["generation"] for row in generations(client, "spoiled")] == [2, 1]
    answer = restore(client, "spoiled", generation=2)

    assert answer.json()["revision"] == 4
    assert said(client, "spoiled") == ["one", "two"]
    assert (server.folder / ".chatkeep" / "generations" / "spoiled~3.json").read_text() == '{"messages": ['
