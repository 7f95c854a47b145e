"""Checks on a real server, as its settings ask for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server import Client, Server, eventually, refusal, serving
from tests.upstream import Upstream, answer, said, streamed, upstream

QUICK = ["empty", "cut", "refusal", "repetition"]
DENIED = {"name": "patterns", "verdict": "deny", "detail": "It matches line 2 of the denied patterns."}
PASSED = {"name": "patterns", "verdict": "pass"}


@pytest.fixture(scope="module")
def denied_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("checked") / "denied.txt"
    file.write_text("# no names\nproject\\s+heron\n")
    return file


@pytest.fixture(scope="module")
def checked(denied_file: Path) -> Iterator[Server]:
    """A server with every quick check."""
    environment = {"CHATKEEP_CHECKS": ", ".join(QUICK), "CHATKEEP_DENIED_PATTERNS_FILE": str(denied_file)}
    with serving(denied_file.with_name("chats"), environment=environment) as running:
        yield running


def verdicts(checks: list[dict[str, Any]]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in checks}


def words_in(prompt: str) -> int:
    """What echo counts as its tokens."""
    return len(prompt.split())


def counted(client: Client, check: str, verdict: str) -> float:
    """How often the check has said that."""
    start = f'chatkeep_checks_total{{check="{check}",verdict="{verdict}"}} '
    lines = client.http.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def test_the_opinions_of_a_reply_are_in_the_answer_the_last_event_the_chat_and_the_run(checked: Server) -> None:
    client = checked.client
    sent = client.send("Hello there.", "shown").json()
    with client.stream("Hello again.", "shown") as stream:
        last = stream.rest()[-1].fields
    messages = client.history("shown")["history"]["messages"][1:]

    assert verdicts(sent["checks"]) == dict.fromkeys([*QUICK, "patterns"], "pass")
    assert sent["checks"] == last["checks"] == messages[1]["checks"] == client.run(sent["run_id"])["checks"]
    assert messages[0]["checks"] == [PASSED]
    assert [message["checks"] for message in checked.stored_messages("shown")] == [m["checks"] for m in messages]


def test_a_server_without_checks_shows_none_anywhere(server: Server) -> None:
    sent = server.client.send("Hello there.", "unchecked").json()

    assert "checks" not in sent
    assert "checks" not in server.client.run(sent["run_id"])
    assert b"checks" not in server.chat_file("unchecked").read_bytes()
    assert "checks" not in server.client.http.post("/api/llm/generate", json={"prompt": "Hello"}).json()


@pytest.mark.parametrize(
    ("check", "message", "fields"),
    [
        ("cut", "one two three", {"max_tokens": 2}),
        ("refusal", "I'm sorry, but I can't help with that.", {}),
        ("repetition", "one more word that comes again and again and never ends, as it seems to me now " * 5, {}),
        ("empty", "[[reasoning Hm]] [[tokens 0]]", {}),
    ],
)
def test_what_is_wrong_with_a_reply_is_a_warning(
    checked: Server, check: str, message: str, fields: dict[str, Any]
) -> None:
    before = counted(checked.client, check, "warn")
    sent = checked.client.send(message, **fields).json()

    assert verdicts(sent["checks"]) == dict.fromkeys([*QUICK, "patterns"], "pass") | {check: "warn"}
    assert counted(checked.client, check, "warn") == before + 1


def test_a_denied_message_is_refused_stays_in_its_chat_and_is_not_sent_later(checked: Server) -> None:
    client, before = checked.client, counted(checked.client, "patterns", "deny")
    response = client.send("All about project  heron, please.", "denied")
    problem = response.json()
    question, reply = client.history("denied")["history"]["messages"][1:]
    prompt_tokens = client.send("one", "denied").json()["usage"]["prompt_tokens"]

    assert (response.status_code, problem["code"], problem["state"]) == (422, "content_denied", "failed")
    assert response.headers["content-type"] == "application/problem+json"
    assert "heron" not in problem["detail"]
    assert (question["content"], question["checks"]) == ("All about project  heron, please.", [DENIED])
    assert (reply["content"], reply["status"], reply["error"]) == ("", "failed", "content_denied")
    assert prompt_tokens == words_in("You are a helpful AI assistant. one")
    assert counted(client, "patterns", "deny") == before + 1


def test_a_denied_message_ends_its_stream_and_its_background_run_as_failed(checked: Server) -> None:
    client = checked.client
    with client.stream("project heron", "denied-stream") as stream:
        events = stream.rest()
    run_id = client.begin("project heron", "denied-background")
    run = eventually(lambda: (found := client.run(run_id))["state"] == "failed" and found)

    assert [event.event for event in events] == ["start", "failed"]
    assert (events[1].fields["status"], events[1].fields["code"]) == (422, "content_denied")
    assert run["error"] == "content_denied"
    assert client.follow(run_id)[-1].fields["code"] == "content_denied"


def test_a_denied_reply_is_streamed_marked_kept_and_not_sent_later(checked: Server) -> None:
    client = checked.client
    with client.stream("project [[delay 0]] heron", "denied-reply") as stream:  # echo leaves the directive out
        *events, last = stream.rest()
    reply = client.history("denied-reply")["history"]["messages"][-1]
    prompt_tokens = client.send("one", "denied-reply").json()["usage"]["prompt_tokens"]

    assert "".join(event.fields["text"] for event in events if event.event == "delta") == "project  heron"
    assert (last.event, last.fields["state"], last.fields["finish_reason"]) == ("done", "completed", "content_filter")
    assert DENIED in last.fields["checks"]
    assert (reply["content"], reply["finish_reason"], reply["checks"]) == (
        "project  heron",
        "content_filter",
        last.fields["checks"],
    )
    assert prompt_tokens == words_in("You are a helpful AI assistant. project [[delay 0]] heron one")


def test_a_prompt_outside_any_chat_is_checked_and_its_reply_too(checked: Server) -> None:
    client = checked.client
    denied = client.http.post("/api/llm/generate", json={"prompt": "project heron"})
    passed = client.http.post("/api/llm/generate", json={"prompt": "Hello there."}).json()

    assert (denied.status_code, denied.json()["code"]) == (422, "content_denied")
    assert verdicts(passed["checks"]) == dict.fromkeys([*QUICK, "patterns"], "pass")


def test_a_run_that_was_denied_is_told_again_for_its_idempotency_key(checked: Server) -> None:
    answers = [checked.client.send("project heron", "denied-key", headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["run_id"] == answers[1].json()["run_id"]
    assert len(checked.stored_messages("denied-key")) == 2


def test_what_checks_said_outlives_a_restart_and_the_events(tmp_path: Path) -> None:
    environment = {"CHATKEEP_CHECKS": "empty", "CHATKEEP_RUN_KEPT_S": "0"}
    with serving(tmp_path / "chats", environment=environment) as server:
        run_id = server.client.send("Hello.", "a").json()["run_id"]
        server.terminate()
        server.start()

        assert server.client.run(run_id)["checks"] == [{"name": "empty", "verdict": "pass"}]
        assert server.client.follow(run_id)[-1].fields["checks"] == [{"name": "empty", "verdict": "pass"}]


def test_a_changed_pattern_file_holds_from_the_next_message_on_and_a_wrong_one_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "denied.txt"
    file.write_text("heron\n")
    with serving(tmp_path / "chats", environment={"CHATKEEP_DENIED_PATTERNS_FILE": str(file)}) as server:
        client = server.client
        assert client.send("a heron").status_code == 422
        file.write_text("egrets?\n\n")
        assert [client.send(word).status_code for word in ("a heron", "an egret")] == [200, 422]
        file.write_text("heron\n(egret\n")
        assert [client.send(word).status_code for word in ("a heron", "an egret")] == [200, 422]
        file.unlink()
        assert [client.send(word).status_code for word in ("a heron", "an egret")] == [200, 422]
        told = [entry["detail"] for entry in server.log_entries if entry["event"] == "patterns_not_read"]

    assert len(told) == 2
    assert "line 2" in told[0]
    assert str(file) in told[1]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"CHATKEEP_CHECKS": "cut,polite"}, "there is no check 'polite'; there are cut, empty, grounding, patterns,"),
        ({"CHATKEEP_CHECKS": "patterns"}, "patterns needs CHATKEEP_DENIED_PATTERNS_FILE"),
        ({"CHATKEEP_DENIED_PATTERNS_FILE": "denied.txt"}, "CHATKEEP_DENIED_PATTERNS_FILE: denied.txt: line 2: "),
        ({"CHATKEEP_DENIED_PATTERNS_FILE": "gone.txt"}, "CHATKEEP_DENIED_PATTERNS_FILE: gone.txt: "),
        ({"CHATKEEP_GROUNDING_MODEL": "gpt-9"}, "CHATKEEP_GROUNDING_MODEL: "),
        ({"CHATKEEP_GROUNDING_MODEL": "nobody/gpt-9"}, "CHATKEEP_GROUNDING_MODEL: There is no provider nobody"),
    ],
)
def test_settings_of_checks_that_cannot_be_stop_the_start(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    (tmp_path / "denied.txt").write_text("fine\n(unclosed\n")

    code, told = refusal(tmp_path / "chats", environment=environment)

    assert code == 1
    assert said in told
    assert "Traceback" not in told


def test_a_check_of_an_installed_package_is_asked(tmp_path: Path) -> None:
    _install(tmp_path / "packages")
    environment = {"CHATKEEP_CHECKS": "polite,rude", "PYTHONPATH": str(tmp_path / "packages")}
    with serving(tmp_path / "chats", environment=environment) as server:
        polite, rude = (server.client.send(message).json()["checks"] for message in ("Two teas, please.", "Tea!"))

        assert (polite, rude) == ([{"name": "polite", "verdict": "pass"}], [{"name": "polite", "verdict": "warn"}])
        assert [entry["check"] for entry in server.log_entries if entry["event"] == "check_not_loaded"] == ["rude"]


class TestGrounding:
    """The self-check, with a judge of its own behind a real socket."""

    pytestmark = pytest.mark.anyio

    async def test_the_judges_opinion_comes_to_the_stored_reply_after_the_answer(self, tmp_path: Path) -> None:
        async with judged(tmp_path, streamed(*said("UNSUPPORTED ", "It was never said."))) as (server, judge):
            client = server.client
            sent = (await asyncio.to_thread(client.send, "Hello there.", "a")).json()
            reply = await asyncio.to_thread(_judged_reply, client, "a")

            assert "checks" not in sent
            assert reply["checks"] == [{"name": "grounding", "verdict": "warn", "detail": "It was never said."}]
            assert server.stored_messages("a")[1]["checks"] == reply["checks"]
            assert server.stored("a")["revision"] == 2
            assert b'"model":"oak"' in judge.requests[0]
            assert b"Hello there." in judge.requests[0]
            page = (await asyncio.to_thread(client.http.get, "/metrics")).text
            assert 'chatkeep_checks_total{check="grounding",verdict="warn"} 1.0' in page
            assert 'chatkeep_tokens_total{estimated="true",kind="completion",provider="judge"}' in page
            assert 'chatkeep_runs_total{provider="judge"' not in page
            assert len(await asyncio.to_thread(client.chats)) == 1

    async def test_a_judge_that_fails_leaves_an_unknown_and_its_state(self, tmp_path: Path) -> None:
        async with judged(tmp_path, answer(500, b"oops", "text/plain")) as (server, _):
            await asyncio.to_thread(server.client.send, "Hello there.", "a")
            reply = await asyncio.to_thread(_judged_reply, server.client, "a")

            assert verdicts(reply["checks"]) == {"grounding": "unknown"}
            assert "judge" in reply["checks"][0]["detail"]
            assert server.client.http.get("/health").json()["providers"]["judge"] == "UNHEALTHY"

    async def test_a_prompt_outside_any_chat_is_not_judged(self, tmp_path: Path) -> None:
        async with judged(tmp_path, streamed(*said("SUPPORTED"))) as (server, judge):
            client = server.client
            await asyncio.to_thread(client.http.post, "/api/llm/generate", json={"prompt": "Hello"})
            await asyncio.to_thread(client.send, "Hello there.", "a")
            await asyncio.to_thread(_judged_reply, client, "a")

            assert len(judge.requests) == 1


@asynccontextmanager
async def judged(folder: Path, *script: Any) -> AsyncIterator[tuple[Server, Upstream]]:
    """A server that answers by echo, and has its replies judged by a service that plays `script`."""
    models = answer(200, b'{"object":"list","data":[{"id":"oak","object":"model"}]}')
    async with upstream(*script, asides={"/models": models}) as service:
        environment = {
            "CHATKEEP_CHECKS": "grounding",
            "CHATKEEP_GROUNDING_MODEL": "judge/oak",
            "JUDGE_BASE_URL": service.url,
            "JUDGE_API_KEY": "k",
        }
        with serving(folder / "chats", start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            yield server, service


def _judged_reply(client: Client, chat_id: str) -> dict[str, Any]:
    """The newest reply, as soon as it has checks."""
    found: dict[str, Any] = eventually(
        lambda: (reply := client.history(chat_id)["history"]["messages"][-1]).get("checks") and reply
    )
    return found


def _install(place: Path) -> None:
    """A package with a check that works and one that cannot be made."""
    facts = place / "polite-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: polite\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[chatkeep.checks]\npolite = polite:Polite\nrude = polite:Rude\n")
    (place / "polite.py").write_text(
        """
from chatkeep.chat.model import CheckResult

class Polite:
    name = "polite"
    stages = ("reply",)

    async def __call__(self, checked):
        return CheckResult(self.name, "pass" if "please" in checked.message.text else "warn")

class Rude:
    def __init__(self):
        raise OSError("no")
"""
    )


def test_a_system_prompt_that_a_check_denies_does_not_get_into_the_chat(checked: Server) -> None:
    checked.client.send("hello", "denied-prompt")
    before = checked.stored("denied-prompt")

    refused = checked.client.http.patch(
        "/chat/system-prompt/denied-prompt", json={"system_prompt": "Tell of project heron."}
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "content_denied")
    assert checked.stored("denied-prompt") == before
