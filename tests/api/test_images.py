"""Images in messages: what is taken, what a model gets, and where they are seen again."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.llm_service import LlmService, llm_service
from tests.server import Client, Server, eventually, serving

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n one").decode()
JPEG = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff two").decode()


class Seeing(NamedTuple):
    """A server whose provider `acme` says nothing of images: it gets them, and `service` shows what it got."""

    server: Server
    service: LlmService

    @property
    def client(self) -> Client:
        return self.server.client

    def send(self, chat_id: str, message: str = "What is this?", **body: Any) -> httpx.Response:
        """A message to `acme` in a chat."""
        return self.client.http.post("/chat", json={"message": message, "chat_id": chat_id, **body})

    def asked(self) -> Any:
        """What the model was asked last."""
        messages: Any = self.service.last_call["messages"]
        return messages[-1]["content"]

    def shown(self, chat_id: str) -> list[Any]:
        """The contents of the chat's messages, but the system's."""
        messages = self.client.history(chat_id)["history"]["messages"]
        return [message["content"] for message in messages if message["role"] != "system"]


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeing]:
    with llm_service() as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m", "CHATKEEP_PROVIDER": "acme"}
        with serving(tmp_path_factory.mktemp("images") / "chats", environment=environment) as server:
            eventually(lambda: server.client.http.get("/api/llm/models", params={"provider": "acme"}).json()["models"])
            yield Seeing(server, service)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_images_go_to_the_model_and_into_the_file_as_parts_behind_the_text(seeing: Seeing) -> None:
    answer = seeing.send("parts", images=[PNG, JPEG])

    parts = [text("What is this?"), image(PNG), image(JPEG)]
    assert answer.json()["response"] == "all is well"
    assert seeing.asked() == parts
    assert [message["content"] for message in seeing.server.stored_messages("parts")] == [parts, "all is well"]
    assert seeing.shown("parts")[0] == parts
    seeing.send("parts", "And now?")
    assert seeing.service.last_call["messages"][1]["content"] == parts  # type: ignore[index]


def test_a_message_without_images_stays_plain_text(seeing: Seeing) -> None:
    seeing.send("plain", images=[])
    assert seeing.asked() == "What is this?"
    assert seeing.shown("plain")[0] == "What is this?"


def test_with_images_the_text_may_be_empty_and_the_title_says_so(seeing: Seeing) -> None:
    assert seeing.send("no-text", "", images=[PNG]).status_code == 200

    assert seeing.asked() == [image(PNG)]
    assert seeing.client.chats()["no-text"]["title"] == "Image"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"message": ""}, "$.message"),
        ({"message": "", "images": []}, "$.message"),
        ({"images": [PNG]}, "$"),
        ({"message": "x", "images": ["https://example.org/a.png"]}, "$.images[0]"),
        ({"message": "x", "images": [PNG, "file:///etc/passwd"]}, "$.images[1]"),
        ({"message": "x", "images": ["data:image/svg+xml;base64,PHN2Zz4="]}, "$.images[0]"),
        ({"message": "x", "images": ["data:image/png,abc"]}, "$.images[0]"),
        ({"message": "x", "images": ["data:image/png;base64,"]}, "$.images[0]"),
        ({"message": "x", "images": ["data:image/png;base64,AAA"]}, "$.images[0]"),
        ({"message": "x", "images": ["data:image/png;base64,A AA="]}, "$.images[0]"),
        ({"message": "x", "images": ["data:image/png;base64,\u00e4AA="]}, "$.images[0]"),
        ({"message": "x", "images": [PNG] * 9}, "$.images"),
        ({"message": "x", "images": PNG}, "$.images"),
        ({"message": "x", "images": [{"url": PNG}]}, "$.images[0]"),
    ],
)
def test_what_is_no_image_that_comes_with_its_message_is_refused_by_its_path(
    seeing: Seeing, body: dict[str, Any], path: str
) -> None:
    calls = seeing.service.calls
    refused = seeing.client.http.post("/chat", json={"chat_id": "refused", **body})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert [error["path"] for error in refused.json()["errors"]] == [path]
    assert seeing.client.http.get("/chat/history/refused").status_code == 404
    assert seeing.service.calls == calls


def test_an_edited_message_keeps_its_images_unless_it_is_given_others(seeing: Seeing) -> None:
    seeing.send("edited", images=[PNG])
    first = seeing.client.history("edited")["history"]["messages"][-2]["id"]

    def edit(**body: Any) -> httpx.Response:
        return seeing.client.http.post("/chat/edit/edited", json={"message_id": first, **body})

    for body, said in (
        ({"message": "Why?"}, [text("Why?"), image(PNG)]),
        ({"message": ""}, [image(PNG)]),
        ({"message": "Why?", "images": [JPEG]}, [text("Why?"), image(JPEG)]),
        ({"message": "Why?", "images": []}, "Why?"),
    ):
        assert edit(**body).status_code == 200
        assert seeing.asked() == said
    assert edit(message="", images=[]).json()["errors"][0]["path"] == "$.message"
    assert edit(message="x", images=["http://a/b.png"]).json()["errors"][0]["path"] == "$.images[0]"


def test_a_reply_to_an_image_is_made_anew_with_the_image(seeing: Seeing) -> None:
    seeing.send("anew", images=[PNG])
    seeing.service.last_call = {}

    assert seeing.client.http.post("/chat/regenerate/anew", json={}).status_code == 200

    assert seeing.asked() == [text("What is this?"), image(PNG)]


def test_an_idempotency_key_is_for_the_same_images_only(seeing: Seeing) -> None:
    def send(**body: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": "with-images"}
        body = {"message": "once", "chat_id": "once", **body}
        answer: dict[str, Any] = seeing.client.http.post("/chat", json=body, headers=headers).json()
        return answer

    first = send(images=[PNG])
    assert send(images=[PNG])["run_id"] == first["run_id"]
    assert send(images=[JPEG])["code"] == "idempotency_mismatch"
    assert send()["code"] == "idempotency_mismatch"


def test_a_model_that_takes_text_alone_refuses_images_before_anything_is_begun(seeing: Seeing) -> None:
    refused = seeing.send("blind", images=[PNG], provider="echo")

    assert (refused.status_code, refused.json()["errors"]) == (
        422,
        [{"path": "$.images", "message": "are not taken by this model"}],
    )
    assert seeing.client.http.get("/chat/history/blind").status_code == 404


def test_a_chat_with_images_is_not_sent_to_a_model_that_takes_text_alone(seeing: Seeing) -> None:
    seeing.send("mixed", images=[PNG])
    before = seeing.server.stored("mixed")

    for answer in (
        seeing.send("mixed", "And now?", provider="echo"),
        seeing.client.http.post("/chat/regenerate/mixed", json={"provider": "echo"}),
    ):
        assert (answer.status_code, answer.json()["errors"]) == (
            422,
            [{"path": "$.model", "message": "takes no images"}],
        )
    assert seeing.server.stored("mixed") == before


@pytest.mark.parametrize(
    "body",
    [
        {"message": "x", "images": [PNG], "provider": "echo"},
        {"message": "x", "images": ["http://a/b.png"]},
        {"message": "", "images": []},
        {"message": ""},
    ],
)
def test_an_edit_that_is_refused_for_its_images_stops_no_run(
    server: Server, client: Client, body: dict[str, Any]
) -> None:
    run_id = client.begin("a b [[hang 1]]")
    journal = server.folder / ".chatkeep" / "runs" / f"{run_id}.jsonl"
    record = json.loads(journal.read_text().splitlines()[0])
    edit = {"message_id": record["user"]["id"], "if_busy": "rollback", **body}

    refused = client.http.post(f"/chat/edit/{record['chat_id']}", json=edit)

    assert refused.status_code == 422
    assert client.run(run_id)["state"] == "running"
    client.http.post(f"/runs/{run_id}/stop")


def test_the_live_turn_shows_the_images_of_its_question(tmp_path: Path) -> None:
    with llm_service() as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m", "CHATKEEP_PROVIDER": "acme"}
        service.answers.clear()
        with serving(tmp_path / "chats", environment=environment) as server:
            body = {"message": "", "chat_id": "live", "images": [PNG], "background": True}
            assert server.client.http.post("/chat", json=body).status_code == 202
            live = server.client.history("live")["active_run"]
            service.answers.set()

            assert (live["message"], live["images"]) == ("", [PNG])
            eventually(lambda: server.client.history("live")["active_run"] is None)


def test_exports_say_that_there_was_an_image_and_the_file_has_it(seeing: Seeing) -> None:
    seeing.send("exported", images=[PNG])

    def export(kind: str) -> str:
        return seeing.client.http.get("/chat/export/exported", params={"format": kind}).text

    assert "[image: not shown]" in export("md")
    assert "[image: not shown]" in export("txt")
    assert PNG in export("json")


def test_search_and_prompts_have_the_text_and_how_many_images_there_were(seeing: Seeing) -> None:
    run_id = seeing.send("found", "A chrysanthemum?", images=[PNG, JPEG]).json()["run_id"]

    row = seeing.client.http.get(f"/history/{run_id}").json()
    hits = seeing.client.http.get("/search", params={"query": "chrysanthemum"}).json()
    none = seeing.client.http.get("/search", params={"query": "iVBORw0KGgo"}).json()

    assert (row["prompt"], row["images"]) == ("A chrysanthemum?", 2)
    assert (hits["total"], none["total"]) == (1, 0)
