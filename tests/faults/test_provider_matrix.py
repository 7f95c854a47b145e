"""Each wire format and each way a service can fail: the same state, code, partial text and file, whoever answers.

Real sockets and a real folder; the services are tests/upstream.py's, and play the fault whenever they are asked.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from chatkeep.chat.guard import Limits
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.ports import ProviderState
from chatkeep.chat.run import Run
from chatkeep.providers.build import build_registry
from chatkeep.providers.registry import Registry
from chatkeep.settings import read_settings
from chatkeep.storage.files import FileStore
from tests.certificates import Authority
from tests.formats import FORMATS, MODEL, Format
from tests.upstream import Act, Endless, Step, Upstream, answer, upstream

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0
LIMITS = Limits(first_token_s=1, stall_s=1, run_s=60, max_output_chars=20_000, loop_guard=True)
MEGABYTE = 1_048_576
HEALTHY, UNHEALTHY = ProviderState.HEALTHY, ProviderState.UNHEALTHY

Script = Callable[[Format], list[Step]]


class Fault(NamedTuple):
    """What the service does, and what must come of it. A code of "" is a reply that counts as complete.

    `asked` is how often: a kept connection may be closed already when it is used, and then another one is tried.
    `at` is where it is looked for, and `is_unknown` says that no authority knows its certificate.
    """

    script: Script
    code: str
    state: ProviderState
    partial: str = ""
    status: str = "failed"
    asked: int = 1
    at: Callable[[Upstream], str] = lambda service: service.url
    is_unknown: bool = False


def refusal(status: int, *headers: str) -> Script:
    """An answer with an error of this status, in everybody's form."""
    body = json.dumps({"type": "error", "error": {"message": "No.", "type": "x", "code": status}}).encode()
    return lambda _spoken: answer(status, body, "application/json", *headers)


def after_two_words(*steps: Callable[[Format], Step] | Step, whole: bool = False) -> Script:
    """A reply that begins well; what follows is played when the reader has seen the two words."""

    def script(spoken: Format) -> list[Step]:
        then = [step(spoken) if callable(step) else step for step in steps]
        return spoken.stream("one ", "two ", Act.WAIT_FOR_GO, *then, whole=whole)

    return script


def line_of(megabytes: int) -> Callable[[Format], Iterable[bytes]]:
    """The beginning of an event, and then so much of it, without an end."""
    return lambda spoken: itertools.chain([spoken.event_head], itertools.repeat(b"x" * MEGABYTE, megabytes))


def unreachable(at: Callable[[Upstream], str] = lambda service: service.url, *, is_unknown: bool = False) -> Fault:
    """A service that is never asked, though it would answer well."""
    script = after_two_words(lambda spoken: spoken.end, whole=True)
    return Fault(script, "provider_unavailable", UNHEALTHY, asked=0, at=at, is_unknown=is_unknown)


FAULTS = {
    "refused": unreachable(lambda _service: "http://127.0.0.1:9"),  # the port of `discard`
    "TLS by an unknown authority": unreachable(is_unknown=True),
    "no TLS where it is due": unreachable(lambda service: service.url.replace("http:", "https:")),
    "401": Fault(refusal(401), "provider_error", UNHEALTHY),
    "402": Fault(refusal(402), "provider_error", UNHEALTHY),
    "403": Fault(refusal(403), "provider_error", UNHEALTHY),
    "404": Fault(refusal(404), "model_not_found", HEALTHY),
    "413": Fault(refusal(413), "provider_error", HEALTHY),
    "429 with Retry-After": Fault(refusal(429, "Retry-After: 7"), "provider_rate_limited", HEALTHY),
    "500": Fault(refusal(500), "provider_error", UNHEALTHY),
    "529": Fault(refusal(529), "provider_unavailable", UNHEALTHY),
    "slow headers": Fault(lambda _spoken: [Act.WAIT_FOR_CLOSE], "provider_timeout", UNHEALTHY),
    "silence before the first token": Fault(
        lambda spoken: spoken.stream(Act.WAIT_FOR_CLOSE), "provider_timeout", UNHEALTHY
    ),
    "silence": Fault(after_two_words(Act.WAIT_FOR_CLOSE), "provider_timeout", UNHEALTHY, "one two "),
    "cut": Fault(after_two_words(), "provider_error", UNHEALTHY, "one two "),
    "ended without its end": Fault(after_two_words(whole=True), "provider_error", UNHEALTHY, "one two "),
    "reset": Fault(after_two_words(Act.RESET), "provider_error", UNHEALTHY, "one two "),
    "reset before the answer": Fault(lambda _spoken: [Act.RESET], "provider_unavailable", UNHEALTHY, asked=2),
    "garbage": Fault(
        after_two_words(lambda spoken: spoken.event_head + b"hello\n\n"), "provider_error", UNHEALTHY, "one two "
    ),
    "no HTTP": Fault(lambda _spoken: [b"SSH-2.0-OpenSSH_9.9\r\n\r\n"], "provider_error", UNHEALTHY),
    "an error with status 200": Fault(refusal(200), "provider_error", UNHEALTHY),
    "a web page": Fault(lambda _spoken: answer(200, b"<html>Hi</html>", "text/html"), "provider_error", UNHEALTHY),
    "invalid UTF-8": Fault(
        after_two_words(lambda spoken: spoken.word("@").replace(b"@", b"\xff\xfe")),
        "provider_error",
        UNHEALTHY,
        "one two ",
    ),
    "a 100 MB line": Fault(
        after_two_words(lambda spoken: Endless(line_of(100)(spoken))), "provider_error", UNHEALTHY, "one two "
    ),
    "endless stream": Fault(
        lambda spoken: spoken.stream(
            Endless(spoken.word(f"{number * 2654435761 % 2**32:x} ") for number in itertools.count())
        ),
        "",
        HEALTHY,
        status="complete",
    ),
    "endless nothing": Fault(
        after_two_words(lambda spoken: Endless(itertools.repeat(spoken.word(""), 10_000)), Act.WAIT_FOR_CLOSE),
        "provider_timeout",
        UNHEALTHY,
        "one two ",
    ),
}


@asynccontextmanager
async def served(folder: Path, spoken: Format, base_url: str) -> AsyncIterator[tuple[ChatInterface, Registry]]:
    """A heart on a real folder whose one provider speaks that format at `base_url`. It was checked once."""
    dotenv = folder.with_name("settings")
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in spoken.variables(base_url).items()))
    registry = build_registry(read_settings(dotenv, embedded_enabled=False))
    store = FileStore(folder, run_kept_s=3600, trash_days=7)
    chat = ChatInterface(
        store=store, log=store.log, providers=registry, limits=LIMITS, system_prompt=lambda: "Be brief."
    )
    await store.start()
    await chat.start()
    await registry.check(spoken.name)
    try:
        yield chat, registry
    finally:
        await chat.aclose()
        await registry.aclose()
        await store.aclose()


async def turn(chat: ChatInterface, spoken: Format, service: Upstream) -> Run:
    """One turn in the chat `a`, to its end. A service that waits goes on as soon as two words were seen."""
    run = await chat.send("", SendRequest("hello", chat_id="a", provider=spoken.name, model=MODEL))
    async with asyncio.timeout(DEADLINE_S):
        while not run.ended and run.visible_text != "one two ":
            await run.changed()
        service.go.set()
        await run.wait_ended()
    return run


def written(folder: Path) -> list[dict[str, Any]]:
    """The messages of the chat's file."""
    messages: list[dict[str, Any]] = msgspec.json.decode((folder / "a.json").read_bytes())["messages"]
    return messages


def assert_kept(folder: Path, run: Run, fault: Fault) -> None:
    """The file has the question once and what there was of the reply; the journal has the end."""
    system, user, reply = written(folder)
    assert [message["role"] for message in (system, user, reply)] == ["system", "user", "assistant"]
    assert user["content"] == "hello"
    assert (reply["status"], reply.get("error")) == (fault.status, fault.code or None)
    assert reply["content"] == run.reply.text
    journal = (folder / ".chatkeep" / "runs" / f"{run.run_id}.jsonl").read_bytes()
    last = msgspec.json.decode(journal.splitlines()[-1])
    assert last["event"] == ("failed" if fault.code else "done")


@pytest.mark.parametrize("spoken", FORMATS, ids=lambda spoken: spoken.name)
@pytest.mark.parametrize("kind", FAULTS)
async def test_what_a_service_does_wrong_looks_the_same_in_every_format(
    tmp_path: Path, spoken: Format, kind: str
) -> None:
    fault = FAULTS[kind]
    tls = Authority(tmp_path).context_of("127.0.0.1") if fault.is_unknown else None
    async with (
        upstream(fault.script(spoken), asides=spoken.asides, tls=tls) as service,
        served(tmp_path / "chats", spoken, fault.at(service)) as (chat, registry),
    ):
        run = await turn(chat, spoken, service)

        assert (run.problem.code if run.problem else "") == fault.code
        assert registry.states()[spoken.name] is fault.state
        if fault.code:
            assert run.reply.text == fault.partial
            assert run.problem is not None
            assert run.problem.partial == fault.partial
            assert run.problem.retry_after_s == (7 if kind.startswith("429") else None)
        else:
            assert run.reply.finish_reason == "length"
            assert LIMITS.max_output_chars <= len(run.reply.text) <= LIMITS.max_output_chars + MEGABYTE
        assert service.sent_bytes < 32 * MEGABYTE, "it was read on after it had said too much"
        assert len(service.requests) == fault.asked
        assert_kept(tmp_path / "chats", run, fault)
