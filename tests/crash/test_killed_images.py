"""Kill -9 while the reply to a message with an image is awaited."""

from pathlib import Path

from tests.llm_service import llm_service
from tests.server import eventually, serving

PNG = "data:image/png;base64,iVBORw0KGgo="


def test_a_message_with_an_image_is_kept_whole_when_the_server_is_killed(tmp_path: Path) -> None:
    with llm_service() as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m", "CHATKEEP_PROVIDER": "acme"}
        with serving(tmp_path / "chats", environment=environment) as server:
            service.answers.clear()
            server.client.begin("What is this?", "seen", images=[PNG])
            eventually(lambda: service.calls or service.last_call)
            server.kill()
            service.answers.set()
            server.start()

            question, reply = server.stored_messages("seen")
            asked = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PNG}}]
            assert (question["content"], reply["status"]) == (asked, "interrupted")
            assert server.client.http.post("/chat/continue/seen", json={}).json()["response"] == "all is well"
            assert service.last_call["messages"][-1]["content"] == asked  # type: ignore[index]
