"""Changing a chat: rename, fork, regenerate, edit, switch branch. Nothing that was said is ever lost."""

from typing import Any

import httpx
import pytest

from tests.server import Client, Stream


def post(client: Client, what: str, chat: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.http.post(f"/chat/{what}/{chat}", json=body, headers=headers)


def rename(client: Client, chat_id: str, title: str, **body: Any) -> httpx.Response:
    return client.http.patch(f"/chat/rename/{chat_id}", json={"title": title, **body})


def shown(client: Client, chat_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.history(chat_id)["history"]["messages"]
    return [message for message in found if message["role"] != "system"]


def said(client: Client, chat_id: str) -> list[str]:
    return [message["content"] for message in shown(client, chat_id)]


def talk(client: Client, chat_id: str, *messages: str) -> list[dict[str, Any]]:
    """What is shown after these messages were sent; echo says back what it is told."""
    for message in messages:
        assert client.send(message, chat_id).status_code == 200
    return shown(client, chat_id)


def revision(client: Client, chat_id: str) -> int:
    found: int = client.history(chat_id)["history"]["revision"]
    return found


def test_a_reply_that_is_made_anew_is_a_branch_beside_the_old_one(client: Client) -> None:
    _, old = talk(client, "made-anew", "one")

    answer = post(client, "regenerate", "made-anew").json()

    question, new = shown(client, "made-anew")
    assert (new["id"], new["parent_id"]) == (answer["message_id"], question["id"])
    assert new["branch"] == {"number": 2, "count": 2, "message_ids": [old["id"], new["id"]]}
    assert "branch" not in question
    assert client.chats()["made-anew"]["message_count"] == 2


def test_an_old_reply_in_the_middle_is_made_anew_by_its_id_or_its_questions(client: Client) -> None:
    first, reply, *_ = talk(client, "middle", "one", "two")

    for name in (reply["id"], first["id"]):
        assert post(client, "regenerate", "middle", message_id=name).status_code == 200

        assert said(client, "middle") == ["one", "one"]
    assert shown(client, "middle")[1]["branch"]["number"] == 3


def test_an_edited_message_begins_a_branch_beside_the_old_one(client: Client) -> None:
    _, _, second, _ = talk(client, "edited", "one", "two")

    assert post(client, "edit", "edited", message_id=second["id"], message="due").status_code == 200

    assert said(client, "edited") == ["one", "one", "due", "due"]
    edited = shown(client, "edited")[2]
    assert edited["branch"]["message_ids"] == [second["id"], edited["id"]]


def test_the_first_message_of_a_chat_can_be_edited(client: Client) -> None:
    first, _ = talk(client, "from-start", "one")

    assert post(client, "edit", "from-start", message_id=first["id"], message="uno").status_code == 200

    assert said(client, "from-start") == ["uno", "uno"]
    assert client.history("from-start")["history"]["messages"][0]["role"] == "system"


def test_switching_a_branch_goes_back_and_the_next_message_follows_it(client: Client) -> None:
    first, reply = talk(client, "switched", "one")
    post(client, "edit", "switched", message_id=first["id"], message="uno")
    talk(client, "switched", "due")

    answer = post(client, "branch", "switched", message_id=reply["id"], revision=revision(client, "switched")).json()

    assert (answer["chat_id"], answer["message_count"], answer["success"]) == ("switched", 2, True)
    assert said(client, "switched") == ["one", "one"]
    assert [m["content"] for m in talk(client, "switched", "two")] == ["one", "one", "two", "two"]
    uno = shown(client, "switched")[0]["branch"]["message_ids"][1]
    assert post(client, "branch", "switched", message_id=uno).status_code == 200
    assert said(client, "switched") == ["uno", "uno", "due", "due"]


def test_search_finds_what_stands_on_no_active_path(client: Client) -> None:
    first, _ = talk(client, "hidden", "xylophone")
    post(client, "edit", "hidden", message_id=first["id"], message="other")

    found = client.http.get("/search", params={"query": "xylophone"}).json()["results"]

    assert first["id"] in {hit["message_id"] for hit in found}
    assert "xylophone" not in said(client, "hidden")


def test_a_branch_streams_as_any_reply_and_shows_in_the_history_while_it_goes(client: Client) -> None:
    talk(client, "live-branch", "one", "two")
    with client.http.stream("POST", "/chat/regenerate/live-branch", json={"stream": True}) as response:
        events = Stream(response).rest()

    assert (events[0].event, events[-1].event) == ("start", "done")
    assert client.follow(response.headers["x-run-id"]) == events


def test_while_a_branch_is_written_the_history_shows_the_path_that_it_goes_on(client: Client) -> None:
    first, *_ = talk(client, "going", "one", "two")
    run = post(client, "edit", "going", message_id=first["id"], message="[[tokens 2000]] [[delay 5]]", background=True)

    found = client.history("going")

    assert [message["role"] for message in found["history"]["messages"]] == ["system"]
    assert found["active_run"]["message"] == "[[tokens 2000]] [[delay 5]]"
    assert post(client, "branch", "going", message_id=first["id"]).json()["code"] == "chat_busy"
    assert post(client, "regenerate", "going").json()["code"] == "chat_busy"
    client.http.post(f"/runs/{run.json()['run_id']}/stop")
    assert said(client, "going")[0] == "[[tokens 2000]] [[delay 5]]"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("regenerate", {}),
        ("edit", {"message_id": "{first}", "message": "x"}),
        ("branch", {"message_id": "{first}"}),
        ("fork", {"message_id": "{first}"}),
    ],
)
def test_a_change_that_is_based_on_an_old_revision_is_refused(client: Client, what: str, body: dict[str, str]) -> None:
    first, *_ = talk(client, f"stale-{what}", "one", "two")
    body = {name: value.replace("{first}", first["id"]) for name, value in body.items()}

    refused = post(client, what, f"stale-{what}", **body, revision=1)

    assert (refused.status_code, refused.json()["code"]) == (409, "revision_conflict")
    assert revision(client, f"stale-{what}") == 2
    assert post(client, what, f"stale-{what}", **body, revision=2).status_code == 200


def test_a_chat_is_renamed_and_keeps_its_place_in_the_list(client: Client) -> None:
    talk(client, "named", "one")
    before = client.history("named")["history"]

    answer = rename(client, "named", "  A better\n title ", revision=before["revision"]).json()

    after = client.history("named")["history"]
    assert (answer["title"], answer["revision"]) == ("A better title", before["revision"] + 1)
    assert (after["title"], after["last_updated"]) == ("A better title", before["last_updated"])
    assert client.chats()["named"]["title"] == "A better title"
    assert rename(client, "named", "stale", revision=before["revision"]).json()["code"] == "revision_conflict"
    assert rename(client, "named", " \n ").status_code == 422
    assert rename(client, "named", "x", revision=-1).status_code == 422
    assert rename(client, "nobody", "x").json()["code"] == "chat_not_found"


def test_a_fork_is_a_chat_of_its_own_up_to_the_message(client: Client) -> None:
    *_, reply, _, _ = talk(client, "source", "one", "two")

    answer = post(client, "fork", "source", message_id=reply["id"], chat_id="forked").json()

    assert (answer["chat_id"], answer["message_count"], answer["revision"]) == ("forked", 2, 1)
    assert said(client, "forked") == ["one", "one"]
    copied = shown(client, "forked")
    assert copied[1]["id"] != reply["id"]
    assert "run_id" not in copied[1]
    assert [m["content"] for m in talk(client, "forked", "three")] == ["one", "one", "three", "three"]
    assert said(client, "source") == ["one", "one", "two", "two"]
    taken = post(client, "fork", "source", message_id=reply["id"], chat_id="forked")
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")


def test_a_fork_that_is_asked_for_twice_with_one_key_is_made_once(client: Client) -> None:
    first, reply = talk(client, "forked-twice", "one")

    answers = [post(client, "fork", "forked-twice", "key-of-fork", message_id=reply["id"]).json() for _ in range(2)]

    assert answers[0] == answers[1]
    other = post(client, "fork", "forked-twice", "key-of-fork", message_id=first["id"])
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_a_fork_asked_for_again_is_the_same_one_whatever_became_of_the_chat_it_was_made_of(client: Client) -> None:
    _, reply = talk(client, "forked-from", "one")
    body = {"message_id": reply["id"], "revision": revision(client, "forked-from")}
    first = post(client, "fork", "forked-from", "key-of-a-retry", **body).json()

    talk(client, "forked-from", "two")
    assert post(client, "fork", "forked-from", "key-of-a-retry", **body).json() == first
    client.http.delete("/chat/delete/forked-from")
    assert post(client, "fork", "forked-from", "key-of-a-retry", **body).json() == first


@pytest.mark.parametrize("what", ["regenerate", "edit"])
def test_asking_again_twice_with_one_key_asks_once(client: Client, what: str) -> None:
    first, _ = talk(client, f"once-{what}", "one")
    body = {"message_id": first["id"]} | ({"message": "uno"} if what == "edit" else {})

    answers = [post(client, what, f"once-{what}", f"key-{what}", **body).json() for _ in range(2)]

    assert answers[0]["run_id"] == answers[1]["run_id"]
    assert len(shown(client, f"once-{what}")[0 if what == "edit" else 1]["branch"]["message_ids"]) == 2
    mismatch = post(client, what, f"once-{what}", f"key-{what}", **body, temperature=1)
    assert mismatch.json()["code"] == "idempotency_mismatch"


def test_what_cannot_be_edited_or_made_anew_is_refused_with_the_reason(client: Client) -> None:
    _, reply = talk(client, "refused", "one")

    assert post(client, "edit", "refused", message_id=reply["id"], message="x").json()["errors"] == [
        {"path": "$.message_id", "message": "is no message of the user's"}
    ]
    for what in ("regenerate", "branch", "fork"):
        answer = post(client, what, "refused", message_id="msg_of_nobody").json()
        assert answer["errors"] == [{"path": "$.message_id", "message": "is no message of this chat"}]
    assert post(client, "edit", "refused", message_id=reply["id"], message="").status_code == 422
    assert post(client, "regenerate", "nobody").json()["code"] == "chat_not_found"
    assert said(client, "refused") == ["one", "one"]


def test_a_reply_on_another_branch_can_be_continued_and_becomes_the_active_one(client: Client) -> None:
    cut = client.send("[[tokens 10]]", "pieces", max_tokens=3).json()
    post(client, "regenerate", "pieces")
    assert said(client, "pieces") == ["[[tokens 10]]", "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9"]

    more = client.http.post("/chat/continue/pieces", json={"message_id": cut["message_id"]}).json()

    assert more["continues"] == cut["message_id"]
    assert said(client, "pieces") == ["[[tokens 10]]", "w0 w1 w2 ", "w3 w4 w5 w6 w7 w8 w9"]


def test_exchanges_show_a_reply_that_was_made_anew_with_its_own_question(client: Client) -> None:
    first, *_ = talk(client, "asked-again", "first question", "second question")
    again = post(client, "regenerate", "asked-again", message_id=first["id"]).json()

    assert client.http.get(f"/history/{again['run_id']}").json()["prompt"] == "first question"


def test_a_chat_gets_another_system_prompt(client: Client) -> None:
    talk(client, "prompted", "one")
    before = client.history("prompted")["history"]

    def put(text: str, chat_id: str = "prompted", **body: Any) -> httpx.Response:
        return client.http.patch(f"/chat/system-prompt/{chat_id}", json={"system_prompt": text, **body})

    answer = put("Be brief.", revision=1).json()

    after = client.history("prompted")["history"]
    assert answer == {"chat_id": "prompted", "title": "one", "revision": 2, "message_count": 2, "success": True}
    assert (before["system_prompt"], after["system_prompt"]) == ("You are a helpful AI assistant.", "Be brief.")
    assert after["last_updated"] == before["last_updated"]
    assert put("Be long.", revision=1).json()["code"] == "revision_conflict"
    assert put("a\0b").json()["errors"] == [{"path": "$.system_prompt", "message": "holds NUL"}]
    assert put("x", "nobody").json()["code"] == "chat_not_found"
    assert put("").json()["revision"] == 3
    assert client.history("prompted")["history"]["system_prompt"] == ""


def test_a_chat_is_renamed_while_its_first_reply_is_written(client: Client) -> None:
    run_id = client.begin("one two [[hang 1]]", "beginning")

    def patch(what: str, **body: Any) -> httpx.Response:
        return client.http.patch(f"/chat/{what}/beginning", json=body)

    renamed = patch("rename", title="Moon", revision=0)
    prompted = patch("system-prompt", system_prompt="Be brief.")

    answer = {"chat_id": "beginning", "title": "Moon", "revision": 1, "message_count": 0, "success": True}
    assert renamed.json() == answer
    assert prompted.json()["revision"] == 2
    assert client.chats()["beginning"]["title"] == "Moon"
    client.http.post(f"/runs/{run_id}/stop")
    history = client.history("beginning")["history"]
    assert (history["title"], history["system_prompt"], history["revision"]) == ("Moon", "Be brief.", 3)
    assert [message["role"] for message in history["messages"]] == ["system", "user", "assistant"]
