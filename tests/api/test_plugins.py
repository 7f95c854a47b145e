"""Providers that installed packages bring, in a real server: they answer, and none of them stops it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packages import install
from tests.server import Server, eventually, serving

PROVIDERS = '''
import sys, threading, time
from chatkeep.chat.events import Delta, Finish, Reasoning


class Upper:
    async def generate_chat_response(self, messages, temperature):
        return messages[-1]["content"].upper()


class Blocking:
    """Blocks the thread that calls it, until it is asked to stop."""

    go = threading.Event()
    models = ["slow"]
    context_tokens = 2048

    def generate_chat_response(self, messages, temperature):
        self.go.wait()
        return "at last"


class Free:
    def generate_chat_response(self, messages, temperature):
        Blocking.go.set()
        return "go on"


class Broken:
    def generate_chat_response(self, messages, temperature):
        raise KeyError("no luck")


class Whole:
    async def models(self):
        return ["thinker"]

    async def check(self):
        return

    async def stream(self, request):
        yield Reasoning("hm ")
        yield Delta("whole")
        yield Finish("stop")


def hangs():
    threading.Event().wait()


def raises():
    raise ValueError("it wants a licence")


def leaves():
    sys.exit("bye")
'''

POINTS = {
    "upper": "Upper",
    "blocking": "Blocking",
    "free": "Free",
    "broken": "Broken",
    "whole": "Whole",
    "hangs": "hangs",
    "raises": "raises",
    "leaves": "leaves",
    "is-not-there": "NotThere",
    "Bad": "Upper",
    "echo": "Upper",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("plugins")
    install(folder, "acme-chats", PROVIDERS, POINTS)
    install(folder, "syntax-error", "def (", {"syntax": "Nothing"})
    environment = {"PYTHONPATH": str(folder), "CHATKEEP_FALLBACKS": "upper", "CHATKEEP_PROVIDER": "echo"}
    with serving(folder / "chats", environment=environment) as running:
        eventually(lambda: all(row["last_checked"] or "NOT" in row["state"] for row in rows(running).values()))
        yield running


def rows(server: Server) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in server.client.http.get("/api/llm/providers").json()["providers"]}


def say(server: Server, provider: str) -> dict[str, Any]:
    answer: dict[str, Any] = server.client.send("hello", provider=provider).json()
    return answer


def test_a_class_with_one_method_answers_like_any_provider(server: Server) -> None:
    answer = say(server, "upper")
    assert (answer["response"], answer["provider"], answer["model"]) == ("HELLO", "upper", "default")
    assert rows(server)["upper"]["state"] == "HEALTHY"


def test_a_whole_provider_streams(server: Server) -> None:
    with server.client.stream("hello", provider="whole") as stream:
        events = stream.rest()
    assert [event.event for event in events] == ["start", "reasoning", "delta", "done"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hangs", "it has been loading for some seconds"),
        ("raises", "ValueError: it wants a licence"),
        ("leaves", "SystemExit: bye"),
        ("is-not-there", "AttributeError"),
        ("syntax", "SyntaxError"),
        ("bad (acme-chats 1.0)", "the name 'Bad' is not"),
        ("echo (acme-chats 1.0)", "the name echo is taken"),
    ],
)
def test_one_that_cannot_be_used_is_not_configured_with_its_reason_also_in_the_log(
    server: Server, name: str, reason: str
) -> None:
    row = rows(server)[name]
    assert row["state"] == "NOT_CONFIGURED"
    assert reason in row["error"]
    warned = [
        entry for entry in server.log_entries if entry["event"] == "plugin_unusable" and entry["provider"] == name
    ]
    assert len(warned) == 1
    assert reason in warned[0]["error"]
    answer = server.client.http.post("/api/llm/generate", json={"prompt": "a", "provider": name})
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_not_configured")


def test_the_names_own_provider_is_not_replaced(server: Server) -> None:
    assert say(server, "echo")["response"] == "hello"


def test_one_that_raises_is_a_failed_call_and_its_fallback_answers(server: Server) -> None:
    answer = say(server, "broken")
    assert (answer["response"], answer["provider"]) == ("HELLO", "upper")
    (failed,) = answer["stats"]["failed"]
    assert (failed["provider"], failed["code"], failed["detail"]) == (
        "broken",
        "provider_error",
        "broken: KeyError: 'no luck'",
    )


def test_one_that_blocks_holds_nobody_up(server: Server) -> None:
    runs = [server.client.begin("hello", provider="blocking") for _ in range(4)]
    assert say(server, "echo")["response"] == "hello"
    assert {server.client.run(run_id)["state"] for run_id in runs} == {"running"}
    stopped = server.client.http.post(f"/runs/{runs[0]}/stop").json()
    assert stopped["state"] == "stopped"

    say(server, "free")

    for run_id in runs[1:]:
        assert [event.event for event in server.client.follow(run_id)][-1] == "done"


def test_what_it_says_of_its_models_is_listed(server: Server) -> None:
    (row,) = server.client.http.get("/api/llm/models", params={"provider": "blocking"}).json()["models"]
    assert (row["id"], row["context_tokens"]) == ("blocking/slow", 2048)
    assert (row["can_prefill"], row["can_see"]) == (False, False)


def test_a_plug_in_can_be_the_default_and_one_that_hangs_keeps_no_server_from_stopping(tmp_path: Path) -> None:
    install(tmp_path, "acme-chats", PROVIDERS, {"upper": "Upper", "hangs": "hangs", "blocking": "Blocking"})
    environment = {
        "PYTHONPATH": str(tmp_path),
        "CHATKEEP_PROVIDER": "upper",
        "CHATKEEP_FALLBACKS": "hangs,blocking/slow",
        "CHATKEEP_SHUTDOWN_S": "0",
    }
    with serving(tmp_path / "chats", environment=environment) as server:
        assert server.client.send("hello").json()["response"] == "HELLO"
        run_id = server.client.begin("hello", "a", provider="blocking")
        eventually(lambda: server.client.run(run_id)["state"] == "running")
        assert server.terminate() == 0
