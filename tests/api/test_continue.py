"""Going on with a reply that did not come to its end."""

from typing import Any

import httpx
import pytest

from chatkeep.chat.continuation import GO_ON
from tests.api.conftest import Keyed
from tests.server import Client, Server, Stream

TEN = "[[tokens 10]]"


def go_on(client: Client, chat_id: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.http.post(f"/chat/continue/{chat_id}", json=body, headers=headers)


def cut_short(client: Client, chat_id: str, message: str = TEN) -> dict[str, Any]:
    """The answer of a turn whose reply was cut by length."""
    answer: dict[str, Any] = client.send(message, chat_id, max_tokens=3).json()
    assert (answer["response"], answer["finish_reason"]) == ("w0 w1 w2 ", "length")
    return answer


def messages(client: Client, chat_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.history(chat_id)["history"]["messages"]
    return [message for message in found if message["role"] != "system"]


def test_a_continuation_is_answered_as_a_message_is_and_names_the_reply_it_goes_on_with(client: Client) -> None:
    first = cut_short(client, "whole")

    answer = go_on(client, "whole").json()

    assert first.keys() | {"continues"} == answer.keys()
    assert answer["continues"] == first["message_id"]
    assert first["response"] + answer["response"] == "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9"
    assert (answer["success"], answer["finish_reason"], answer["provider"]) == (True, "stop", "echo")


def test_the_history_shows_both_messages_and_the_seam_between_them(client: Client) -> None:
    first = cut_short(client, "seam")
    more = go_on(client, "seam").json()

    question, begun, rest = messages(client, "seam")
    assert (question["role"], "continues" in question, "continues" in begun) == ("user", False, False)
    assert (begun["id"], begun["content"], begun["finish_reason"]) == (first["message_id"], "w0 w1 w2 ", "length")
    assert (rest["id"], rest["content"], rest["continues"]) == (more["message_id"], more["response"], begun["id"])
    assert "continues" not in client.run(first["run_id"])
    assert client.run(more["run_id"])["continues"] == begun["id"]
    assert client.chats()["seam"]["message_count"] == 3


def test_a_message_that_asks_to_go_on_is_kept_and_marked_where_the_model_is_not_to_by_itself(client: Client) -> None:
    first = cut_short(client, "asked")

    more = go_on(client, "asked", prefill=False).json()

    assert more["response"] == GO_ON  # echo says back what it is told
    asked, reply = messages(client, "asked")[2:]
    assert (asked["role"], asked["content"], asked["continues"]) == ("user", GO_ON, first["message_id"])
    assert (reply["id"], reply["continues"]) == (more["message_id"], first["message_id"])


def test_a_continuation_streams_and_its_first_event_names_what_it_goes_on_with(client: Client) -> None:
    first = cut_short(client, "streamed")
    with client.http.stream("POST", "/chat/continue/streamed", json={"stream": True}) as response:
        events = Stream(response).rest()

    assert response.headers["x-chat-id"] == "streamed"
    assert (events[0].event, events[0].fields["continues"]) == ("start", first["message_id"])
    assert events[-1].event == "done"
    assert client.follow(response.headers["x-run-id"]) == events


def test_a_continuation_in_the_background_is_followed_as_any_run(client: Client) -> None:
    cut_short(client, "background-more")

    response = go_on(client, "background-more", background=True)

    assert (response.status_code, response.json()["chat_id"]) == (202, "background-more")
    assert client.follow(response.json()["run_id"])[-1].event == "done"


def test_a_live_continuation_shows_no_question_for_that_stands_in_the_history_already(client: Client) -> None:
    first = cut_short(client, "live-more", f"{TEN} [[delay 0.05]]")
    run_id = go_on(client, "live-more", background=True).json()["run_id"]
    found = client.history("live-more")
    client.http.post(f"/runs/{run_id}/stop").raise_for_status()

    assert (found["active_run"]["message"], found["active_run"]["continues"]) == (None, first["message_id"])
    assert [message["role"] for message in found["history"]["messages"][-2:]] == ["user", "assistant"]


def test_a_live_turn_of_its_own_goes_on_with_nothing(client: Client) -> None:
    run_id = client.begin("hi [[hang 1]]", "live-own")
    found = client.history("live-own")["active_run"]
    client.http.post(f"/runs/{run_id}/stop").raise_for_status()

    assert (found["message"], "continues" in found) == ("hi [[hang 1]]", False)


def test_a_reply_that_failed_before_its_first_word_is_made_anew(client: Client) -> None:
    assert client.send("hello [[fail 0]]", "anew").status_code == 502

    again = go_on(client, "anew")  # the same question fails the same way

    assert again.json()["code"] == "provider_error"
    question, first, second = messages(client, "anew")
    assert (question["role"], first["status"], second["status"]) == ("user", "failed", "failed")
    assert second["continues"] == first["id"]


def test_a_reply_that_came_to_its_end_is_a_conflict(client: Client) -> None:
    client.send("done", "complete")

    response = go_on(client, "complete")

    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert response.headers["content-type"] == "application/problem+json"
    assert "came to its end" in response.json()["detail"]
    assert len(messages(client, "complete")) == 2


def test_what_is_not_the_last_message_is_a_conflict_and_what_is_no_message_is_invalid(client: Client) -> None:
    first = cut_short(client, "last")
    cut_short(client, "last")

    earlier = go_on(client, "last", message_id=first["message_id"])
    unknown = go_on(client, "last", message_id="msg_none")

    assert (earlier.status_code, earlier.json()["code"]) == (409, "conflict")
    assert (unknown.status_code, unknown.json()["errors"][0]["path"]) == (422, "$.message_id")
    assert go_on(client, "nowhere").status_code == 404
    assert go_on(client, "no chat").status_code == 422


@pytest.mark.parametrize(
    "body", [{"if_busy": "enqueue"}, {"message": "hi"}, {"prefill": "yes"}, {"on_leave": "stay"}, {"max_tokens": 0}]
)
def test_a_body_that_is_not_described_is_refused(client: Client, body: dict[str, Any]) -> None:
    cut_short(client, "refused-body")

    assert go_on(client, "refused-body", **body).status_code == 422
    client.http.delete("/chat/delete/refused-body")


def test_a_chat_with_a_live_run_is_busy_unless_that_is_to_be_stopped(client: Client) -> None:
    run_id = client.begin(f"{TEN} [[hang 2]]", "busy-more")
    with client.following(run_id) as stream:
        stream.until(3)
    busy = go_on(client, "busy-more")
    more = go_on(client, "busy-more", if_busy="interrupt", prefill=False)

    assert (busy.status_code, busy.json()["code"]) == (409, "chat_busy")
    assert more.json()["continues"] == client.run(run_id)["message_id"]


def test_the_same_key_and_body_give_the_same_run_in_the_same_chat_only(client: Client) -> None:
    cut_short(client, "key-a")
    cut_short(client, "key-b")

    first, again = (go_on(client, "key-a", key="continue once").json() for _ in range(2))
    other = go_on(client, "key-b", key="continue once")

    assert first == again
    assert len(messages(client, "key-a")) == 3
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_the_prompts_and_replies_show_it_with_the_prompt_it_belongs_to(client: Client) -> None:
    first = cut_short(client, "exchanged")
    more = go_on(client, "exchanged").json()

    rows = client.http.get("/history", params={"limit": 2}).json()

    assert [(row["id"], row["prompt"]) for row in rows] == [(more["run_id"], TEN), (first["run_id"], TEN)]
    assert client.http.get(f"/history/{more['run_id']}").json() == rows[0]


def test_the_file_holds_the_seam(client: Client, server: Server) -> None:
    first = cut_short(client, "filed")
    more = go_on(client, "filed").json()

    stored = server.stored_messages("filed")
    assert [(m["role"], m.get("continues")) for m in stored] == [
        ("user", None),
        ("assistant", None),
        ("assistant", first["message_id"]),
    ]
    assert (stored[2]["run_id"], stored[2]["status"]) == (more["run_id"], "complete")


def test_it_is_in_the_audit_log_as_a_message_is(keyed: Keyed) -> None:
    cut_short(keyed.alice, "audited-more")
    more = go_on(keyed.alice, "audited-more").json()

    (entry,) = [
        entry
        for entry in keyed.admin.http.get("/admin/audit").json()["entries"]
        if entry.get("run_id") == more["run_id"]
    ]
    assert (entry["who"], entry["what"], entry["chat_id"]) == ("alice", "talk", "audited-more")
