"""The server's own socket in the data folder: who may open it needs no key, and nobody else becomes them."""

import asyncio
import contextlib
import itertools
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from chatkeep.cli.local_listener import listen_locally
from tests.api.conftest import Keyed, key_of
from tests.server import Client, Server, clean_environment, eventually, serving


@pytest.fixture
def by_socket(keyed: Keyed) -> Client:
    return keyed.server.local_client()


def test_only_who_runs_the_server_may_open_it(server: Server) -> None:
    found = server.socket.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700


def test_it_needs_no_key_and_is_an_admins_of_the_folder_itself(by_socket: Client) -> None:
    assert by_socket.http.get("/login").json() == {"name": "local", "owner": "", "role": "admin", "success": True}
    assert by_socket.http.get("/admin/audit").status_code == 200


def test_its_header_picks_the_owner_whose_chats_it_is_about(keyed: Keyed, by_socket: Client) -> None:
    keyed.alice.send("by alice", "of-alice")
    as_alice = keyed.server.local_client("alice")
    as_alice.send("by the socket", "also-of-alice")

    assert as_alice.history("of-alice")["history"]["title"] == "by alice"
    assert {"of-alice", "also-of-alice"} <= keyed.alice.chats().keys()
    assert by_socket.http.get("/chat/history/of-alice").status_code == 404
    assert (keyed.server.folder / "@alice" / "also-of-alice.json").exists()


@pytest.mark.parametrize("owner", ["../x", "Alice", "@alice", "a" * 65, "\xff"])
def test_an_owner_that_cannot_be_is_refused(keyed: Keyed, by_socket: Client, owner: str) -> None:
    response = by_socket.http.get("/chat/history", headers=[(b"X-Chatkeep-Owner", owner.encode("latin-1"))])
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_two_owners_at_once_are_refused(by_socket: Client) -> None:
    named = [("X-Chatkeep-Owner", "alice"), ("X-Chatkeep-Owner", "bob")]
    assert by_socket.http.get("/chat/history", headers=named).status_code == 422


def test_over_tcp_the_header_gives_nothing(keyed: Keyed, server: Server) -> None:
    keyed.bob.send("by bob", "of-bob")
    named = {"X-Chatkeep-Owner": "bob"}

    assert keyed.nobody.http.get("/chat/history", headers=named).status_code == 401
    assert keyed.alice.http.get("/login", headers=named).json()["owner"] == "alice"
    assert keyed.alice.http.get("/chat/history/of-bob", headers=named).status_code == 404
    assert keyed.admin.http.get("/chat/history/of-bob", headers=named).status_code == 404
    assert keyed.reader.http.post("/chat", json={"message": "x"}, headers=named).status_code == 403
    who = server.client.http.get("/login", headers=named).json()
    assert (who["name"], who["owner"], who["role"]) == ("anonymous", "", "user")


def test_it_is_still_no_place_for_web_pages(by_socket: Client) -> None:
    assert by_socket.http.get("/chat/history", headers={"Host": "evil.example"}).status_code == 403
    assert by_socket.send("x", headers={"Origin": "https://evil.example"}).status_code == 403


def test_what_a_proxy_would_say_is_not_believed(keyed: Keyed, by_socket: Client) -> None:
    by_socket.send("from afar", "afar", headers={"X-Forwarded-For": "203.0.113.9"})
    assert "203.0.113.9" not in (keyed.server.folder / ".chatkeep" / "audit.jsonl").read_text()


def test_the_audit_log_names_it_once_there_are_keys(keyed: Keyed, by_socket: Client, server: Server) -> None:
    by_socket.send("hi", "audited-local")
    by_socket.http.delete("/chat/delete/audited-local")
    server.local_client().send("hi", "not-audited")

    lines = [json.loads(line) for line in (keyed.server.folder / ".chatkeep" / "audit.jsonl").read_text().splitlines()]
    about = [(line["who"], line["what"]) for line in lines if line.get("chat_id") == "audited-local"]
    assert about == [("local", "talk"), ("local", "DELETE /chat/delete/{chat_id}")]
    assert not (server.folder / ".chatkeep" / "audit.jsonl").exists()


def test_no_key_may_be_called_as_it(keyed: Keyed) -> None:
    done = keyed.server.keys("add", "local")
    assert done.returncode == 2
    assert "`local`" in done.stderr


def test_its_streams_outlast_the_end_of_every_key(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice")
        server.start()
        alice, local = server.client_of(key), server.local_client()
        slow = "[[tokens 120]] [[delay 0.02]]"
        with alice.stream(slow) as hers, local.stream(slow) as ours:
            hers.until(2)
            server.keys("revoke", "alice")
            hers.rest()
            assert ours.rest()[-1].event == "done"
        assert hers.lost


def test_requests_by_it_are_not_limited(tmp_path: Path) -> None:
    limits = {"CHATKEEP_RATE_LIMIT_ENABLED": "true", "CHATKEEP_RATE_LIMIT_REQUESTS": "2"}
    with serving(tmp_path / "chats", environment=limits) as server:
        local = server.local_client()
        seen = [local.http.get("/chat/history") for _ in range(5)]
        over_tcp = [server.client.http.get("/chat/history").status_code for _ in range(3)]

    assert [response.status_code for response in seen] == [200] * 5
    assert "X-RateLimit-Limit" not in seen[-1].headers
    assert over_tcp == [200, 200, 429]


def test_bodies_may_be_as_large_as_a_chat_may_be(keyed: Keyed, by_socket: Client) -> None:
    large = {"message": "x", "system_prompt": "y" * 3_000_000}
    assert by_socket.http.post("/chat", json={**large, "unknown": 1}).status_code == 422
    assert keyed.alice.http.post("/chat", json=large).status_code == 413


def test_it_is_gone_after_a_clean_stop_and_made_anew_after_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        server.kill()
        assert server.socket.exists()
        server.start()
        assert server.local_client().http.get("/health").status_code == 200
        assert server.terminate() == 0
        assert not server.socket.exists()


def test_making_it_leaves_folders_as_they_are_that_other_threads_make_meanwhile(tmp_path: Path) -> None:
    made, done = tmp_path / "made", threading.Event()
    made.mkdir()

    async def listen() -> set[int]:
        modes = set()
        for number in range(300):
            path = tmp_path / f"{number}.sock"
            server = await listen_locally(path, uvicorn.Config(_nothing, log_config=None), ServerState(), {})
            modes.add(stat.S_IMODE(path.stat().st_mode))
            server.close()
        return modes

    def make() -> None:
        for number in itertools.takewhile(lambda _: not done.is_set(), itertools.count()):
            (made / str(number)).mkdir(mode=0o700)

    with ThreadPoolExecutor(1) as threads:
        making = threads.submit(make)
        try:
            modes = asyncio.run(listen())
        finally:
            done.set()
        making.result()

    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o700}


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that is never asked."""


def test_a_second_server_leaves_the_first_ones_socket_alone(server: Server) -> None:
    with contextlib.closing(Server(server.folder)) as second:
        second.launch()
        assert second.wait() == 1
    assert server.local_client().http.get("/health").status_code == 200


def test_a_folder_whose_path_is_too_long_for_a_socket_has_one_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40) / "chats"
    folder.parent.mkdir()
    with serving(folder) as server:
        assert stat.S_ISSOCK(server.socket.stat().st_mode)
        descriptor = os.open(server.socket.parent, os.O_PATH)
        try:
            client = Client("http://localhost", socket=f"/proc/self/fd/{descriptor}/server.sock")
            with contextlib.closing(client.http):
                assert client.http.get("/login").json()["name"] == "local"
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def uvicorn_on(path: Path, folder: Path) -> Iterator[Client]:
    """`uvicorn --uds`, as behind a proxy."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "chatkeep.asgi:app", "--uds", str(path)],
        env=clean_environment({"CHATKEEP_CHATS_DIR": str(folder)}),
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = Client("http://localhost", socket=str(path), headers={"X-Chatkeep-Owner": "alice"})
    try:
        eventually(path.exists)
        yield client
    finally:
        client.http.close()
        process.kill()
        process.wait()


def test_a_socket_of_another_server_is_nobodys_but_the_keys(tmp_path: Path) -> None:
    owner = Server(tmp_path / "chats")
    key = owner.add_key("bob")
    with uvicorn_on(tmp_path / "uvicorn.sock", owner.folder) as client:
        assert client.http.get("/chat/history").status_code == 401
        assert client.http.get("/login", headers={"X-API-Key": key}).json()["owner"] == "bob"
        assert not owner.socket.exists()


def test_a_key_that_is_shown_by_it_changes_nothing(keyed: Keyed, by_socket: Client) -> None:
    assert by_socket.http.get("/login", headers={"X-API-Key": key_of(keyed.alice)}).json()["name"] == "local"
