"""A service that is down for a moment, over real sockets: it is asked again, and the message is sent and kept once."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.server import DEADLINE_S, serving
from tests.upstream import Step, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

MODELS = {"/models": answer(200, b'{"object":"list","data":[{"id":"m","object":"model"}]}')}
ANSWER = streamed(*said("well ", "again"))


@pytest.mark.parametrize(
    ("failing", "code"),
    [
        (answer(503, b"{}", "application/json", "Retry-After: 0"), "provider_unavailable"),
        (answer(429, b"{}", "application/json", "Retry-After: 0"), "provider_rate_limited"),
        (answer(500, b"oops", "text/plain"), "provider_error"),
        (streamed(whole=False), "provider_error"),
    ],
)
async def test_a_service_that_fails_before_its_first_word_is_asked_again(
    tmp_path: Path, failing: list[Step], code: str
) -> None:
    async with upstream(failing, failing, ANSWER, asides=MODELS) as service:
        environment = {
            "ACME_BASE_URL": service.url,
            "ACME_API_KEY": "k",
            "ACME_MODEL": "m",
            "CHATKEEP_RETRIES": "2",
            "CHATKEEP_RETRY_WAIT_S": "0.05",
        }
        with serving(tmp_path / "chats", start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            async with httpx.AsyncClient(base_url=server.base_url, timeout=DEADLINE_S, trust_env=False) as http:
                body = {"message": "hello", "chat_id": "a", "provider": "acme", "stream": True}
                response = await http.post("/chat", json=body)

            events = [line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event")]
            assert [event for event in events if event != "usage"][:3] == ["start", "retry", "retry"]
            assert events[-1] == "done"
            question, reply = server.stored_messages("a")
            assert (question["content"], reply["content"]) == ("hello", "well again")
            assert [call["code"] for call in reply["stats"]["failed"]] == [code, code]
        assert len(service.requests) == 3
        assert {request.count(b'"hello"') for request in service.requests} == {1}
