"""Kill -9 while several streams are going, while messages wait, and with the index gone afterwards."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.crash.conftest import Rig
from tests.crash.promises import (
    Witness,
    check_after_kill,
    check_file,
    check_index,
    check_next_turn,
    check_nothing_left_over,
    check_promises,
    check_replay,
    check_retry,
)
from tests.server import Server, eventually, showing_log

STREAMS = 3
TOKENS = 60


@contextmanager
def _sending(server: Server, witnesses: list[Witness]) -> Iterator[None]:
    """Each witness sends in a thread of its own; all have come to their end after the block."""
    with ThreadPoolExecutor(len(witnesses)) as threads:
        sent = [threads.submit(witness.send, server.client) for witness in witnesses]
        yield
    for each in sent:
        each.result()


@pytest.mark.parametrize("seed", range(10))
def test_streams_killed_at_a_random_moment_keep_every_promise(rig: Rig, seed: int) -> None:
    moment = random.Random(seed)
    server = rig.ready()
    with showing_log(server):
        witnesses = [_begin_chat(rig, stream=True) for _ in range(STREAMS)]
        least = moment.randrange(STREAMS * TOKENS)
        with _sending(server, witnesses):
            eventually(lambda: sum(len(witness.seen) for witness in witnesses) >= least)
            time.sleep(moment.uniform(0, 0.02))  # the very moment within the work on an event is left to chance
            server.kill()
        for witness in witnesses:
            check_after_kill(server, witness)

        rig.restart()
        for witness in witnesses:
            check_promises(server, witness)


def test_messages_that_waited_for_their_turn_are_kept_in_order_after_a_kill(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    waiting = [f"waiting {number}" for number in range(4)]
    with showing_log(server):
        with server.client.stream(f"[[delay 0.02]] [[tokens {TOKENS}]]", chat_id) as stream:
            stream.until(5)
            run_ids = [server.client.begin(message, chat_id) for message in waiting]
            server.kill()
            seen = stream.rest()

        rig.restart()
        messages = server.stored_messages(chat_id)
        questions, replies = messages[::2], messages[1::2]
        assert [message["role"] for message in messages] == ["user", "assistant"] * (1 + len(waiting))
        assert [message["content"] for message in questions[1:]] == waiting
        assert [message["run_id"] for message in replies[1:]] == run_ids
        check_replay(server.client, replies[0], seen, stream.raw)
        for reply in replies[1:]:
            check_replay(server.client, reply, [])
            assert server.client.run(reply["run_id"])["state"] == "interrupted"
        check_index(server, chat_id)
        check_nothing_left_over(server.folder)
        check_next_turn(server, chat_id)


def test_a_run_that_was_stopped_stays_stopped_after_a_kill(rig: Rig) -> None:
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        with server.client.stream("[[hang 3]] one two three four", chat_id) as stream:
            stream.until(4)
            receipt = server.client.http.post(f"/runs/{stream.seen[0].fields['run_id']}/stop").json()
            seen = stream.rest()
        server.kill()

        rig.restart()
        reply = server.stored_messages(chat_id)[-1]
        assert (receipt["state"], reply["status"], reply["content"]) == ("stopped", "stopped", "one two three ")
        check_replay(server.client, reply, seen, stream.raw)


def test_a_run_that_failed_is_failed_in_the_chat_and_in_its_events_after_a_kill(rig: Rig) -> None:
    """Killed when the chat has the failure and the journal does not."""
    server = rig.ready()
    chat_id = rig.new_chat()
    with showing_log(server):
        witness = Witness(chat_id, "[[fail 2]] one two three", [], "key of a failure", stream=True)
        rig.order("before 1 write journal failed")
        witness.send(server.client)
        server.wait()

        rig.restart()
        reply = server.stored_messages(chat_id)[-1]
        check_replay(server.client, reply, witness.seen, witness.raw)
        assert (reply["status"], reply["error"]) == ("failed", "provider_error")
        run = server.client.run(reply["run_id"])
        assert (run["state"], run["error"]) == ("failed", "provider_error")


@pytest.mark.parametrize("damage", ["deleted", "garbage", "cut"])
def test_everything_is_found_again_after_a_kill_that_took_the_index(rig: Rig, damage: str) -> None:
    server = rig.ready()
    with showing_log(server):
        witnesses = [_begin_chat(rig) for _ in range(STREAMS)]
        for witness in witnesses:
            witness.send(server.client)
        listed = server.client.chats()
        runs = {witness.run_id or "": server.client.run(witness.run_id or "") for witness in witnesses}
        server.kill()
        _damage_index(server, damage)

        rig.restart()
        assert server.client.chats() == listed
        for witness in witnesses:
            assert server.client.run(witness.run_id or "") == runs[witness.run_id or ""]
            check_promises(server, witness)


def test_runs_and_keys_are_found_in_the_chats_when_index_and_journals_are_gone(rig: Rig) -> None:
    server = rig.ready()
    with showing_log(server):
        witness = _begin_chat(rig)
        witness.send(server.client)
        run_id = witness.run_id or ""
        run = server.client.run(run_id)
        server.kill()
        _damage_index(server, "deleted")
        for journal in (server.folder / ".chatkeep" / "runs").iterdir():
            journal.unlink()

        rig.restart()
        same = ("run_id", "chat_id", "message_id", "state", "provider", "model", "finish_reason", "usage", "stats")
        found = server.client.run(run_id)
        assert {name: found[name] for name in same} == {name: run[name] for name in same}
        assert [event.event for event in server.client.follow(run_id)] == ["start", "delta", "done"]
        with server.client.following(run_id, after=1) as stream:
            stream.response.read()
            assert (stream.response.status_code, stream.response.json()["code"]) == (410, "run_expired")
        check_index(server, witness.chat_id)
        check_retry(server, witness, check_file(server, witness))
        check_next_turn(server, witness.chat_id)


def _begin_chat(rig: Rig, *, stream: bool = False) -> Witness:
    """A chat with one turn, and the witness of the next."""
    server = rig.server
    chat_id = rig.new_chat()
    assert server.client.send("earlier", chat_id).status_code == 200
    message = f"[[delay 0.005]] [[tokens {TOKENS}]]" if stream else "short"
    return Witness(chat_id, message, server.stored_messages(chat_id), f"key of {chat_id}", stream)


def _damage_index(server: Server, damage: str) -> None:
    index = server.folder / ".chatkeep" / "index.sqlite3"
    for path in index.parent.glob("index.sqlite3*"):
        if damage == "deleted":
            path.unlink()
        elif damage == "garbage":
            path.write_bytes(b"This is no database. " * 1000)
        else:
            path.write_bytes(path.read_bytes()[:5000])
