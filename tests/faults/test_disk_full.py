"""A disk without room: an answer that says so, nothing torn, and on again when there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Disk, snapshot
from tests.server import Server, eventually, refusal, serving

SLOW = "[[delay 0.002]] [[tokens 20000]]"


@pytest.fixture
def server(disk: Disk) -> Iterator[Server]:
    with serving(disk.folder) as running:
        yield running


def test_a_message_that_finds_no_room_gets_507_and_changes_nothing(disk: Disk, server: Server) -> None:
    client = server.client
    client.send("hello", "a")
    client.chats()  # the index has caught up
    disk.fill()
    before = snapshot(disk.folder)

    for chat_id in ("a", "new"):
        response = client.send("no room", chat_id, {"Idempotency-Key": f"key of {chat_id}"})
        assert (response.status_code, response.json()["code"]) == (507, "storage_full")
        assert response.headers["content-type"] == "application/problem+json"

    assert snapshot(disk.folder) == before
    assert [message["content"] for message in client.history("a")["history"]["messages"][1:]] == ["hello", "hello"]
    assert client.http.get("/chat/history/new").status_code == 404
    assert set(client.chats()) == {"a"}


def test_a_list_that_cannot_be_brought_up_to_date_says_so_or_is_complete(disk: Disk, server: Server) -> None:
    server.client.send("hello", "a")
    disk.fill()  # before the index, which is written a moment later

    response = server.client.http.get("/chat/history")

    assert response.status_code == 507 or set(response.json()["chats"]) == {"a"}


def test_a_login_that_finds_no_room_gets_507_and_no_cookie(disk: Disk) -> None:
    with serving(disk.folder, start=False) as server:
        key = server.add_key("alice")
        server.start()
        disk.fill()
        before = snapshot(disk.folder)

        refused = server.client.http.post("/login", json={"key": key})

        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "set-cookie" not in refused.headers
        assert snapshot(disk.folder) == before
        assert server.client_of(key).http.get("/login").status_code == 200  # reading needs no room
        disk.free()
        assert "set-cookie" in server.client.http.post("/login", json={"key": key}).headers


def test_a_key_that_finds_no_room_is_not_printed_and_the_others_still_hold(disk: Disk) -> None:
    with serving(disk.folder, start=False) as server:
        key = server.add_key("alice")
        server.start()
        disk.fill()

        done = server.keys("add", "bob")

        assert (done.returncode, done.stdout) == (1, "")
        assert "No space left" in " ".join(done.stderr.replace("│", "").split())  # it is wrapped in a box
        assert server.client_of(key).http.get("/login").json()["name"] == "alice"
        disk.free()
        assert server.keys("add", "bob").returncode == 0


def test_messages_are_taken_again_when_there_is_room(disk: Disk, server: Server) -> None:
    client = server.client
    client.send("hello", "a")
    disk.fill()
    key = {"Idempotency-Key": "the same before and after"}
    assert client.send("again", "a", key).status_code == 507
    assert client.http.get("/health/ready").status_code == 507

    disk.free()

    assert client.http.get("/health/ready").status_code == 200
    assert client.send("again", "a", key).status_code == 200
    assert [message["content"] for message in server.stored_messages("a")] == ["hello", "hello", "again", "again"]
    assert client.chats()["a"]["message_count"] == 4


def test_a_chat_can_be_removed_for_good_to_make_room(disk: Disk, server: Server) -> None:
    server.client.send("word " * 2000, "big")
    disk.fill()

    assert server.client.http.delete("/chat/delete/big", params={"purge": "true"}).status_code == 200
    assert server.client.http.get("/chat/history/big").status_code == 404
    assert server.client.send("small", "small").status_code == 200


def test_an_earlier_generation_that_finds_no_room_gets_507_and_changes_nothing(disk: Disk, server: Server) -> None:
    client = server.client
    for text in ("one", "two", "three"):
        client.send(text, "a")
    client.chats()  # the index has caught up
    disk.fill()
    before = snapshot(disk.folder)

    refused = client.http.post("/chat/restore/a", json={"generation": 1})

    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert snapshot(disk.folder) == before
    disk.free()
    assert client.http.post("/chat/restore/a", json={"generation": 1}).json()["revision"] == 4
    assert client.http.post("/chat/restore/a", json={"generation": 3}).json()["revision"] == 5
    assert [message["content"] for message in server.stored_messages("a")][::2] == ["one", "two", "three"]


def test_a_restore_takes_the_turn_that_the_disk_refused_into_the_past_with_it(disk: Disk, server: Server) -> None:
    server.client.send("earlier", "a")
    with server.client.stream(SLOW, "a") as stream:
        stream.until(10)
        disk.fill()
        stream.rest()
    disk.free()

    answer = server.client.http.post("/chat/restore/a", json={"generation": 1})

    assert answer.json()["revision"] == 3
    assert [message["content"] for message in server.stored_messages("a")] == ["earlier", "earlier"]
    assert server.client.http.post("/chat/restore/a", json={"generation": 2}).status_code == 200
    assert server.stored_messages("a")[2]["content"] == SLOW


def test_a_deleted_chat_comes_back_on_a_full_disk_with_its_past_as_it_was(disk: Disk, server: Server) -> None:
    for text in ("one", "two", "three"):
        server.client.send(text, "a")
    before = snapshot(disk.folder / ".chatkeep" / "generations")
    server.client.http.delete("/chat/delete/a")
    server.client.chats()  # the index has caught up
    disk.fill()

    assert server.client.http.post("/chat/restore/a", json={}).json()["revision"] == 3
    assert snapshot(disk.folder / ".chatkeep" / "generations") == before


def test_a_message_is_saved_where_no_generation_can_be_kept_and_the_log_says_so(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        generations = server.folder / ".chatkeep" / "generations"
        generations.rmdir()
        generations.write_text("in the way")

        for text in ("one", "two"):
            assert server.client.send(text, "a").status_code == 200

        assert [message["content"] for message in server.stored_messages("a")][::2] == ["one", "two"]
        told = [entry for entry in server.log_entries if entry["event"] == "generation_not_kept"]
        assert [(entry["chat_id"], entry["revision"], entry["level"]) for entry in told][-1] == ("a", 1, "warning")


def test_a_disk_that_fills_up_during_a_stream_ends_it_with_storage_full(disk: Disk, server: Server) -> None:
    with server.client.stream(SLOW, "a") as stream:
        stream.until(10)
        disk.fill()
        events = stream.rest()

    assert not stream.lost
    assert [event.id for event in events] == list(range(len(events)))
    problem = events[-1].fields
    assert (events[-1].event, problem["code"], problem["status"]) == ("failed", "storage_full", 507)
    assert problem["partial"] == "".join(event.fields["text"] for event in events if event.event == "delta")
    assert not server.chat_file("a").exists()


def test_a_turn_the_disk_refused_is_in_the_chat_when_there_is_room(disk: Disk, server: Server) -> None:
    with server.client.stream(SLOW, "a") as stream:
        stream.until(10)
        disk.fill()
        events = stream.rest()
    disk.free()

    eventually(server.chat_file("a").exists)
    question, reply = server.stored_messages("a")
    assert question["content"] == SLOW
    assert (reply["content"], reply["error"]) == (events[-1].fields["partial"], "storage_full")
    assert server.client.follow(events[0].fields["run_id"]) == events
    assert server.client.send("and on", "a").status_code == 200
    assert len(server.stored_messages("a")) == 4
    eventually(lambda: server.client.chats()["a"]["message_count"] == 4)


def test_the_next_message_comes_after_a_turn_the_disk_refused(disk: Disk, server: Server) -> None:
    with server.client.stream(SLOW, "a") as stream:
        stream.until(10)
        disk.fill()
        stream.rest()
    disk.free()

    assert server.client.send("and on", "a").status_code == 200
    assert [message["content"] for message in server.stored_messages("a")[::2]] == [SLOW, "and on"]


def test_a_turn_the_disk_refused_survives_a_kill_and_a_restart(disk: Disk, server: Server) -> None:
    with server.client.stream(SLOW, "a") as stream:
        stream.until(10)
        disk.fill()
        events = stream.rest()
    server.kill()
    disk.free()

    server.start()
    question, reply = server.stored_messages("a")
    assert question["content"] == SLOW
    assert len(reply["content"]) > 20
    assert events[-1].fields["partial"].startswith(reply["content"])
    assert server.client.send("and on", "a").status_code == 200


def test_streams_on_a_full_disk_do_not_disturb_the_others_once_there_is_room(disk: Disk, server: Server) -> None:
    run_ids = [server.client.begin(SLOW, f"chat-{number}") for number in range(4)]
    eventually(lambda: all(server.client.run(run_id)["event_count"] > 3 for run_id in run_ids))
    disk.fill()
    eventually(lambda: all(server.client.run(run_id)["state"] == "failed" for run_id in run_ids))
    disk.free()

    for number in range(4):
        eventually(server.chat_file(f"chat-{number}").exists)
        assert server.client.send("and on", f"chat-{number}").status_code == 200
        assert len(server.stored_messages(f"chat-{number}")) == 4


def test_a_server_does_not_start_on_a_full_disk_and_says_so_in_one_line(disk: Disk) -> None:
    disk.fill()

    code, said = refusal(disk.folder)

    assert code == 1
    assert len(said.splitlines()) == 1
    assert str(disk.folder) in said
    assert "No space left" in said


def test_a_server_does_not_start_in_a_read_only_folder_and_says_so_in_one_line(disk: Disk) -> None:
    disk.make_read_only()

    code, said = refusal(disk.folder)

    assert code == 1
    assert len(said.splitlines()) == 1
    assert str(disk.folder) in said
    assert "Read-only" in said


def test_a_server_does_not_start_in_a_used_folder_that_became_read_only(disk: Disk) -> None:
    with serving(disk.folder) as server:
        server.client.send("hello", "a")
        server.terminate()
    before = snapshot(disk.folder)
    disk.make_read_only()

    code, said = refusal(disk.folder)

    assert code == 1
    assert len(said.splitlines()) == 1
    assert snapshot(disk.folder) == before


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "chats").write_text("not a folder")

    code, said = refusal(tmp_path / "chats")

    assert code in (1, 2)
    assert "chats" in said
    assert "Traceback" not in said
