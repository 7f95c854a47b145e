"""What must hold after a server was killed and another one started on its folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.server import Client, Event, Server

LAST = ("done", "failed")


@dataclass
class Witness:
    """What the sender of one message knows: `before` is the chat's messages before it; `answer` a 200's body."""

    chat_id: str
    message: str
    before: list[dict[str, Any]]
    key: str
    stream: bool = False
    background: bool = False
    run_id: str | None = None
    answer: dict[str, Any] | None = None
    seen: list[Event] = field(default_factory=list)
    raw: bytes = b""

    @property
    def body(self) -> dict[str, object]:
        """The request."""
        return {
            "message": self.message,
            "chat_id": self.chat_id,
            "stream": self.stream,
            "background": self.background,
        }

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server said anything about the message."""
        return self.run_id is not None or bool(self.seen)

    @property
    def is_complete(self) -> bool:
        """Whether the server said that the reply is there, whole."""
        return self.answer is not None or (bool(self.seen) and self.seen[-1].event == "done")

    def send(self, client: Client) -> None:
        """Send, and note what comes until the connection ends."""
        headers = {"Idempotency-Key": self.key}
        try:
            if self.stream:
                with client.stream(self.message, self.chat_id, headers, background=False) as stream:
                    assert stream.response.status_code == 200, stream.response.read()
                    self.seen = stream.seen
                    stream.rest()
                    self.raw = stream.raw
                    if self.seen:
                        self.run_id = str(self.seen[0].fields["run_id"])
                return
            response = client.http.post("/chat", json=self.body, headers=headers)
        except httpx.TransportError:
            return
        assert response.status_code in (200, 202), response.text
        self.run_id = response.json()["run_id"]
        if response.status_code == 200:
            self.answer = response.json()


def check_after_kill(server: Server, witness: Witness) -> None:
    """The dead server's folder: the chat's file is whole, as it was or with the whole turn."""
    check_file(server, witness)


def check_file(server: Server, witness: Witness) -> list[dict[str, Any]]:
    """The chat's file is whole, and what it had is unchanged; the messages of the turn, none or both."""
    messages = server.stored_messages(witness.chat_id)
    assert messages[: len(witness.before)] == witness.before, "an earlier turn has changed"
    new = messages[len(witness.before) :]
    assert [message["role"] for message in new] in ([], ["user", "assistant"])
    if new:
        assert new[0]["content"] == witness.message
    return new


def check_promises(server: Server, witness: Witness) -> None:
    """The new server keeps what the old one promised to `witness`."""
    client = server.client
    new = check_file(server, witness)
    if witness.is_acknowledged:
        assert new, "an acknowledged message is lost"
    if witness.is_complete:
        assert new[1]["status"] == "complete"
    if witness.answer is not None:
        assert new[1]["content"] == witness.answer["response"]
        assert new[1]["id"] == witness.answer["message_id"]
    if new:
        assert witness.run_id in (None, new[1]["run_id"])
        check_replay(client, new[1], witness.seen, witness.raw)
    check_index(server, witness.chat_id)
    check_nothing_left_over(server.folder)
    check_retry(server, witness, new)
    check_next_turn(server, witness.chat_id)


def check_replay(client: Client, reply: dict[str, Any], seen: list[Event], raw: bytes = b"") -> None:
    """The run's events: what was seen is there byte for byte, without gap or double, and it ends once."""
    run_id = reply["run_id"]
    with client.following(run_id) as stream:
        events = stream.rest()
        replayed = stream.raw
    assert not stream.lost
    assert events[: len(seen)] == seen, "a seen event has changed"
    assert replayed.startswith(raw)
    assert [event.id for event in events] == list(range(len(events)))
    assert [event.event in LAST for event in events] == [False] * (len(events) - 1) + [True]
    assert events[0].event == "start"
    assert "".join(event.fields["text"] for event in events if event.event == "delta") == reply["content"]
    for after in {0, *(event.id for event in seen[-1:])}:
        assert client.follow(run_id, after) == events[after + 1 :]
    assert events[-1].fields["message_id"] == reply["id"]
    assert events[-1].fields["state"] == client.run(run_id)["state"]
    assert (events[-1].event == "done") == (reply["status"] in ("complete", "stopped"))


def check_index(server: Server, chat_id: str) -> None:
    """The list says of the chat what its file says."""
    row, chat = server.client.chats()[chat_id], server.stored(chat_id)
    assert row["message_count"] == len(server.stored_messages(chat_id))
    assert row["last_updated"] == chat["last_updated"]
    assert row["active_run"] is None


def check_nothing_left_over(folder: Path) -> None:
    """No temporary file, and no journal without its end."""
    assert list((folder / ".chatkeep" / "tmp").iterdir()) == []
    for journal in (folder / ".chatkeep" / "runs").iterdir():
        lines = journal.read_text().splitlines()
        assert json.loads(lines[-1])["event"] in LAST, journal.name


def check_next_turn(server: Server, chat_id: str) -> None:
    """The chat goes on."""
    before = server.stored_messages(chat_id)
    response = server.client.send("and on", chat_id)
    assert response.status_code == 200, response.text
    messages = server.stored_messages(chat_id)
    assert messages[:-2] == before
    assert [message["content"] for message in messages[-2:]] == ["and on", "and on"]
    runs = [message["run_id"] for message in messages if message["role"] == "assistant"]
    assert len(runs) == len(set(runs)), "a run has two replies"


def check_retry(server: Server, witness: Witness, new: list[dict[str, Any]]) -> None:
    """The client sends again with its key: the same run when the message was kept, else a new one; never a second."""
    retry = Witness(witness.chat_id, witness.message, witness.before, witness.key, witness.stream, witness.background)
    retry.send(server.client)
    if new:
        assert retry.run_id in (new[1]["run_id"], None)
        assert check_file(server, witness) == new, "the retry made another turn"
    else:
        assert retry.run_id is not None
        server.client.follow(retry.run_id)
        assert len(check_file(server, witness)) == 2
