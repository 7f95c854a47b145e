"""Runs: the stream's grammar, following, stopping."""

import pytest

from tests.server import Client


def test_a_stream_is_the_contracts_grammar(client: Client) -> None:
    with client.stream("two words", "grammar") as stream:
        events = stream.rest()

    headers = stream.response.headers
    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache, no-transform", "no")
    assert [event.event for event in events] == ["start", "delta", "delta", "usage", "done"]
    assert [event.id for event in events] == [0, 1, 2, 3, 4]
    assert events[0].fields.keys() == {"run_id", "chat_id", "message_id", "provider", "model"}
    assert events[-1].fields["message_id"] == events[0].fields["message_id"]
    assert stream.raw.startswith(b"id: 0\nevent: start\nretry: 1000\ndata: {")
    assert stream.raw.count(b"retry:") == 1


def test_a_stream_can_be_asked_for_by_accept(client: Client) -> None:
    response = client.send("hi", headers={"Accept": "text/event-stream"})

    assert response.headers["content-type"].startswith("text/event-stream")


def test_a_stream_begins_with_a_ping_while_there_is_nothing_to_say(client: Client) -> None:
    body = {"message": "slow [[first-delay 30]]", "chat_id": "ping", "stream": True}
    with client.http.stream("POST", "/chat", json=body) as response:
        first = b""
        for chunk in response.iter_raw():
            first += chunk
            if b": ping\n" in first:
                break

    assert b": ping\n\n" not in first
    client.http.delete("/chat/delete/ping")


def test_a_run_goes_on_when_its_client_leaves_and_is_followed_from_where_it_was(client: Client) -> None:
    with client.stream("a b c d e f [[delay 0.02]]", "left") as stream:
        seen = stream.until(3)
    run_id = seen[0].fields["run_id"]

    rest = client.follow(run_id, seen[-1].id)

    assert [event.id for event in rest] == list(range(3, rest[-1].id + 1))
    assert rest[-1].event == "done"
    assert client.follow(run_id) == seen + rest


def test_last_event_id_wins_over_after(client: Client) -> None:
    run_id = client.send("one two", "wins").json()["run_id"]

    response = client.http.get(f"/runs/{run_id}/events", params={"after": 0}, headers={"Last-Event-ID": "3"})

    assert response.text.startswith("id: 4\nevent: done\n")


def test_following_from_after(client: Client) -> None:
    run_id = client.send("one two", "after").json()["run_id"]

    assert client.http.get(f"/runs/{run_id}/events", params={"after": 3}).text.startswith("id: 4\n")


def test_a_follower_with_nothing_left_to_see_gets_204(client: Client) -> None:
    run_id = client.send("one two", "nothing-left").json()["run_id"]

    response = client.http.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": "4"})

    assert (response.status_code, response.content) == (204, b"")


def test_a_position_that_does_not_exist_is_expired(client: Client) -> None:
    run_id = client.send("one two", "beyond").json()["run_id"]

    response = client.http.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": "5"})

    assert (response.status_code, response.json()["code"]) == (410, "run_expired")


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "9" * 20, "\N{FULLWIDTH DIGIT ONE}"])
def test_a_position_that_is_no_number_is_refused(client: Client, position: str) -> None:
    run_id = client.send("hi", "positions").json()["run_id"]

    response = client.http.get(f"/runs/{run_id}/events", headers={b"Last-Event-ID": position.encode()})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_run_tells_its_state_counts_and_figures(client: Client) -> None:
    answer = client.send("one two", "state").json()

    run = client.run(answer["run_id"])

    assert (run["state"], run["chat_id"], run["event_count"], run["response_chars"]) == ("completed", "state", 5, 7)
    assert (run["usage"], run["stats"]) == (answer["usage"], answer["stats"])


def test_stop_is_answered_with_a_receipt_and_keeps_the_partial(client: Client) -> None:
    with client.stream("[[loop]] round [[delay 0.01]]", "stopped") as stream:
        stream.until(4)
        run_id = stream.seen[0].fields["run_id"]

        receipt = client.http.post(f"/runs/{run_id}/stop").json()
        last = stream.rest()[-1]

    assert (receipt["state"], receipt["upstream_closed"], receipt["success"]) == ("stopped", True, True)
    assert receipt["completion_tokens"] >= 3
    assert (last.event, last.fields["finish_reason"], last.fields["state"]) == ("done", "stopped", "stopped")
    kept = client.history("stopped")["history"]["messages"][-1]
    assert kept["status"] == "stopped"
    assert kept["content"].startswith("round round ")


def test_stopping_a_finished_run_is_a_no_op_with_its_state(client: Client) -> None:
    run_id = client.send("hi", "finished").json()["run_id"]

    receipt = client.http.post(f"/runs/{run_id}/stop")

    assert (receipt.status_code, receipt.json()["state"]) == (200, "completed")


def test_text_with_unusual_line_ends_arrives_whole_and_breaks_no_line_reader(client: Client) -> None:
    text = "a\u2028b\u2029c\u0085d\r\ne\nf"
    with client.stream(text, "line-ends") as stream:
        events = stream.rest()

    assert "".join(event.fields["text"] for event in events if event.event == "delta") == text
    assert not any(mark in stream.raw.decode() for mark in "\u2028\u2029\u0085\r")


def test_reasoning_and_tool_calls_are_events_of_their_own(client: Client) -> None:
    with client.stream('done [[reasoning thinking hard]] [[tool look {"at": 1}]]', "events") as stream:
        events = stream.rest()

    kinds = [event.event for event in events]
    assert kinds.count("reasoning") >= 1
    assert kinds.count("tool_call") == 1
    assert events[-1].fields["finish_reason"] == "tool_calls"


def test_a_reader_in_the_middle_sees_the_reasoning_and_the_calls_so_far_and_follows_gaplessly(client: Client) -> None:
    said = "one two [[reasoning Let me think.]] [[hang 4]]"
    with client.stream(said, "in-the-middle") as stream:
        stream.until(5)
        live = client.history("in-the-middle")["active_run"]
        client.http.post(f"/runs/{live['run_id']}/stop")
        stream.rest()

    assert (live["provider"], live["model"]) == ("echo", "echo")
    assert (live["reasoning"], live["response"], live["tool_calls"]) == ("Let me think. ", "one ", [])
    rest = client.follow(live["run_id"], live["last_event_id"])
    assert [event.event for event in rest] == ["done"]


def test_a_call_of_a_function_is_shown_in_the_history(client: Client) -> None:
    client.send('Sure. [[tool add {"a": 1}]]', "shows-calls")

    reply = client.history("shows-calls")["history"]["messages"][-1]

    assert reply["tool_calls"] == [{"id": "call_0", "name": "add", "arguments": '{"a": 1}'}]
    assert "tool_call_id" not in reply
