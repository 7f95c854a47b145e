"""`chatkeep restore`: what it lists and brings back, with a running server and without one."""

from collections.abc import Iterator

import pytest

from chatkeep.cli.exit_codes import ExitCode
from tests.commands import chatkeep, json_of
from tests.server import Server, serving


@pytest.fixture(scope="module", params=["with a server", "without one"])
def stopped_or_not(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A folder with a chat of three revisions, and a deleted one; each is of one test alone."""
    with serving(tmp_path_factory.mktemp("restore") / "chats") as server:
        for message in ("first", "second", "third"):
            server.client.send(message, "kept")
        server.client.send("hi", "deleted")
        server.client.http.delete("/chat/delete/deleted")
        if request.param == "without one":
            server.terminate()
        yield server


def run(server: Server, *arguments: str) -> tuple[int, str, str]:
    done = chatkeep("restore", *arguments, chats_dir=server.folder, cwd=server.folder.parent)
    return done.returncode, done.stdout, done.stderr


def test_a_deleted_chat_is_listed_and_comes_back(stopped_or_not: Server) -> None:
    code, out, _ = run(stopped_or_not, "--list")
    row = out.rstrip("\n").split("\t")
    assert (code, row[0], row[2:]) == (0, "deleted", ["2", "hi"])

    assert run(stopped_or_not, "deleted")[0] == 0
    assert stopped_or_not.stored_messages("deleted")[0]["content"] == "hi"
    assert run(stopped_or_not, "--list")[1:] == ("", "The trash is empty.\n")
    assert run(stopped_or_not, "deleted")[0] in (ExitCode.NOT_FOUND, ExitCode.CONFLICT)


def test_a_chat_becomes_what_it_was_in_an_earlier_generation(stopped_or_not: Server) -> None:
    before = stopped_or_not.stored_messages("kept")
    folder = stopped_or_not.folder
    kept = json_of(chatkeep("restore", "kept", "--list", "--json", chats_dir=folder, cwd=folder.parent))
    earlier = next(row for row in kept if row["message_count"] == 4)

    code, out, err = run(stopped_or_not, "kept", "--generation", str(earlier["generation"]))

    assert (code, out) == (0, "")
    assert f"revision {earlier['generation']}" in err
    assert stopped_or_not.stored_messages("kept") == before[:4]
    assert len(run(stopped_or_not, "kept", "--list")[1].splitlines()) > len(kept)


def test_what_is_not_there_is_3(stopped_or_not: Server) -> None:
    assert run(stopped_or_not, "nothing")[0] == ExitCode.NOT_FOUND
    assert run(stopped_or_not, "kept", "--generation", "99")[0] == ExitCode.NOT_FOUND
    assert run(stopped_or_not, "nothing", "--list")[0] == ExitCode.NOT_FOUND
