"""Chats: send, history, delete."""

import re
import uuid

import pytest

from tests.server import Client, Server


def test_a_reply_has_every_field_of_the_contract(client: Client) -> None:
    answer = client.send("hello there", "whole").json()

    assert answer["response"] == "hello there"
    assert (answer["chat_id"], answer["success"]) == ("whole", True)
    assert (answer["provider"], answer["model"], answer["finish_reason"]) == ("echo", "echo", "stop")
    assert answer["run_id"].startswith("run_")
    assert answer["message_id"].startswith("msg_")
    assert answer["usage"].keys() == {"prompt_tokens", "completion_tokens", "total_tokens", "estimated"}
    assert answer["stats"].keys() == {"time_to_first_token_ms", "elapsed_ms", "tokens_per_second"}


def test_without_an_id_a_new_chat_is_made(client: Client) -> None:
    assert uuid.UUID(client.send("hi").json()["chat_id"]).version == 4


def test_history_shows_the_messages_with_the_contracts_times(client: Client) -> None:
    client.send("one", "history")
    client.send("two", "history")

    found = client.history("history")

    assert (found["chat_id"], found["success"], found["active_run"]) == ("history", True, None)
    assert (found["history"]["title"], found["history"]["revision"]) == ("one", 2)
    messages = found["history"]["messages"]
    assert [(m["role"], m["content"]) for m in messages[1:]] == [
        ("user", "one"),
        ("assistant", "one"),
        ("user", "two"),
        ("assistant", "two"),
    ]
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    assert all(re.fullmatch(stamp, moment) for moment in [found["history"]["created_at"], messages[1]["timestamp"]])
    assert "idempotency" not in messages[2]


def test_history_is_paged_backwards(client: Client) -> None:
    for number in range(3):
        client.send(f"q{number}", "paged")

    last = client.http.get("/chat/history/paged", params={"limit": 2}).json()["history"]
    before = client.http.get("/chat/history/paged", params={"limit": 2, "before": last["messages"][0]["id"]}).json()

    assert [m["content"] for m in last["messages"]] == ["q2", "q2"]
    assert [m["content"] for m in before["history"]["messages"]] == ["q1", "q1"]
    assert last["has_more"]


def test_chats_are_listed_newest_first_a_page_at_a_time(client: Client) -> None:
    for number in range(3):
        client.send("hi", f"listed-{number}")

    first = client.http.get("/chat/history", params={"limit": 2}).json()
    second = client.http.get("/chat/history", params={"limit": 1, "cursor": first["next_cursor"]}).json()

    assert list(first["chats"]) + list(second["chats"]) == ["listed-2", "listed-1", "listed-0"]
    row = first["chats"]["listed-2"]
    assert row.keys() == {
        "created_at",
        "last_updated",
        "message_count",
        "title",
        "provider",
        "model",
        "active_run",
    }
    assert (row["message_count"], row["title"], row["active_run"]) == (2, "hi", None)


def test_a_deleted_chat_is_gone_and_says_so(client: Client, server: Server) -> None:
    client.send("bye", "deleted")

    response = client.http.delete("/chat/delete/deleted")

    assert response.json() == {"message": "Chat deleted deleted successfully", "success": True}
    assert client.http.get("/chat/history/deleted").status_code == 404
    assert not server.chat_file("deleted").exists()


def test_a_live_run_is_shown_with_its_chat_and_stopped_when_the_chat_is_deleted(client: Client) -> None:
    with client.stream("words that [[delay 0.02]] [[loop]] never end", "live") as stream:
        stream.until(3)
        run_id = stream.seen[0].fields["run_id"]
        found = client.history("live")
        listed = client.chats()["live"]

        client.http.delete("/chat/delete/live", params={"purge": "true"})

        assert stream.rest()[-1].fields["state"] == "stopped"
    assert found["active_run"]["run_id"] == listed["active_run"] == run_id
    assert found["active_run"]["message"].startswith("words that")
    assert found["active_run"]["last_event_id"] >= 2


def test_a_client_that_joins_from_the_history_sees_neither_gap_nor_overlap(client: Client) -> None:
    with client.stream("a b c d e f g h [[delay 0.02]]", "join") as stream:
        stream.until(3)
        live = client.history("join")["active_run"]
        later = client.follow(live["run_id"], live["last_event_id"])
        events = stream.rest()

    text = live["response"] + "".join(event.fields["text"] for event in later if event.event == "delta")
    assert text == "".join(event.fields["text"] for event in events if event.event == "delta")
    assert [event.id for event in later] == list(range(live["last_event_id"] + 1, events[-1].id + 1))


def test_in_the_background_the_run_goes_on_by_itself(client: Client) -> None:
    response = client.send("later", "background", background=True)

    assert response.status_code == 202
    answer = response.json()
    assert answer["events_url"] == f"/runs/{answer['run_id']}/events"
    assert client.follow(answer["run_id"])[-1].event == "done"


def test_a_busy_chat_is_refused_when_asked_to(client: Client) -> None:
    run_id = client.begin("[[loop]] on [[delay 0.02]]", "busy")

    response = client.send("me too", "busy", if_busy="reject")

    assert (response.status_code, response.json()["code"]) == (409, "chat_busy")
    client.http.post(f"/runs/{run_id}/stop")


@pytest.mark.parametrize(
    ("directive", "status", "code"),
    [
        ("provider_error", 502, "provider_error"),
        ("provider_unavailable", 503, "provider_unavailable"),
        ("provider_rate_limited", 503, "provider_rate_limited"),
        ("provider_timeout", 504, "provider_timeout"),
    ],
)
def test_a_failure_keeps_what_there_was(client: Client, directive: str, status: int, code: str) -> None:
    chat_id = f"failed-{directive}"
    response = client.send(f"one two three [[fail 2 {directive}]]", chat_id)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert (problem["chat_id"], problem["partial"]) == (chat_id, "one two ")
    assert ("retry-after" in response.headers) == (code == "provider_rate_limited")
    assert client.run(problem["run_id"])["state"] == "failed"
    assert [m["content"] for m in client.history(chat_id)["history"]["messages"][1:]][1] == "one two "


def test_an_unknown_provider_is_named_with_those_there_are(client: Client) -> None:
    response = client.send("hi", "unknown-provider", provider="nobody")

    assert (response.status_code, response.json()["code"]) == (404, "provider_not_found")
    assert "echo" in response.json()["detail"]
    assert client.http.get("/chat/history/unknown-provider").status_code == 404
