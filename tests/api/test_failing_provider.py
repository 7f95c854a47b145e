"""A provider that fails again and again: it is not called for a while, and every view says so."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.llm_service import LlmService, llm_service
from tests.server import DEADLINE_S, Server, eventually, serving


class Failing(NamedTuple):
    """A server whose provider `acme` is `service`."""

    server: Server
    service: LlmService

    @property
    def acme(self) -> dict[str, Any]:
        """What is known of it."""
        rows = self.server.client.http.get("/api/llm/providers").json()["providers"]
        return next(row for row in rows if row["name"] == "acme")

    def call(self, chat_id: str = "a") -> tuple[int, dict[str, Any]]:
        """Ask it; status and answer."""
        response = self.server.client.send("hello", chat_id, provider="acme")
        return response.status_code, response.json()

    def figure(self, name: str, **labels: str) -> float:
        """One figure of the metrics about it; 0 when it is not there."""
        pairs = ",".join(f'{label}="{value}"' for label, value in sorted({"provider": "acme", **labels}.items()))
        page = self.server.client.http.get("/metrics").text
        start = f"chatkeep_{name}{{{pairs}}} "
        return next((float(line.removeprefix(start)) for line in page.splitlines() if line.startswith(start)), 0.0)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Failing]:
    with llm_service() as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m"}
        with serving(tmp_path / "chats", environment=environment) as server:
            case = Failing(server, service)
            eventually(lambda: case.acme["state"] == "HEALTHY")
            yield case


def break_down(case: Failing) -> None:
    case.service.status = 500
    assert [case.call()[0] for _ in range(3)] == [502, 502, 502]


def until(opened: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of that kind."""
    while True:
        message: dict[str, Any] = json.loads(opened.recv(timeout=DEADLINE_S))
        if message["type"] == kind:
            return message


def test_a_provider_that_fails_three_times_is_not_called_until_it_is_tried_again(failing: Failing) -> None:
    assert (failing.acme["retry_at"], failing.figure("provider_breaker_open")) == (None, 0)
    break_down(failing)

    response = failing.server.client.send("hello", "a", provider="acme")

    assert failing.service.calls == 3
    assert (response.status_code, response.json()["code"]) == (503, "provider_unavailable")
    assert "acme has failed since " in response.json()["detail"]
    assert response.json()["detail"].endswith("acme answered with status 500: overheated")
    assert 1 <= int(response.headers["retry-after"]) <= 7
    assert failing.acme["retry_at"] in response.json()["detail"]
    assert (failing.acme["state"], failing.acme["error"]) == (
        "UNHEALTHY",
        "acme answered with status 500: overheated",
    )
    assert (failing.figure("provider_breaker_open"), failing.figure("provider_healthy")) == (1, 0)
    assert failing.figure("provider_calls_total", outcome="provider_error") == 3


def test_every_message_to_it_is_kept_and_the_others_answer_meanwhile(failing: Failing) -> None:
    break_down(failing)
    failing.call("kept")

    assert [message["content"] for message in failing.server.stored_messages("kept")][:1] == ["hello"]
    assert failing.server.client.send("hello", "other").json()["response"] == "hello"


def test_it_comes_back_by_itself_when_it_is_well_again(failing: Failing) -> None:
    with connect(failing.server.base_url.replace("http", "ws") + "/api/llm/ws/status", proxy=None) as socket:
        break_down(failing)
        assert until(socket, "state_change").items() >= {"provider": "acme", "new": "UNHEALTHY"}.items()
        failing.service.status = 200
        assert failing.call()[0] == 503

        answered = eventually(lambda: failing.call()[1].get("response"))

        assert answered == "all is well"
        assert (
            until(socket, "state_change").items() >= {"provider": "acme", "old": "UNHEALTHY", "new": "HEALTHY"}.items()
        )
    assert (failing.acme["state"], failing.acme["error"], failing.acme["retry_at"]) == ("HEALTHY", None, None)
    assert failing.figure("provider_calls_total", outcome="ok") == 1
    assert failing.figure("provider_breaker_open") == 0


def test_a_user_who_asks_for_what_it_refuses_takes_it_from_nobody(failing: Failing) -> None:
    for failing.service.status in (400, 403, 404, 422, 429):
        for _ in range(3):
            assert failing.call()[0] in (404, 502, 503)
    failing.service.status = 200

    assert failing.call()[1]["response"] == "all is well"


def test_echo_fails_as_often_as_it_is_told_to(failing: Failing) -> None:
    codes = [failing.server.client.send("[[fail 0]]", "echo").status_code for _ in range(5)]
    assert codes == [502] * 5
    assert failing.server.client.send("hello", "echo").json()["response"] == "hello"


def test_its_fallback_answers_while_it_is_not_called(tmp_path: Path) -> None:
    with llm_service() as service:
        service.status = 500
        environment = {"ACME_BASE_URL": service.url, "ACME_MODEL": "m", "CHATKEEP_FALLBACKS": "echo"}
        with serving(tmp_path / "chats", environment=environment) as server:
            answers = [server.client.send("hello", "a", provider="acme").json() for _ in range(4)]

    assert [answer["provider"] for answer in answers] == ["echo"] * 4
    assert [answer["stats"]["failed"][0]["code"] for answer in answers] == ["provider_error"] * 3 + [
        "provider_unavailable"
    ]
    assert service.calls == 3
