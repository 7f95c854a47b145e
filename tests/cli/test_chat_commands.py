"""`chatkeep list`, `show`, `search`, `delete`, `rename`, `models`: what they print, for people and for programs."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatkeep.cli.exit_codes import ExitCode
from chatkeep.cli.main import keys, main
from tests.commands import chatkeep, in_terminal, json_of, line_of
from tests.server import Server, clean_environment, eventually, serving

ESCAPE = "\x1b[31mred\x1b[0m \x9b5m"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("commands") / "chats") as running:
        running.client.send("Tell me about **black** holes", "holes")
        running.client.send("Tell me about stars", "stars")
        running.client.send("More about stars", "stars")
        yield running


def run(server: Server, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    done = chatkeep(*arguments, chats_dir=server.folder, cwd=server.folder.parent, stdin=stdin)
    return done.returncode, done.stdout, done.stderr


def json_from(server: Server, *arguments: str) -> object:
    return json_of(chatkeep(*arguments, "--json", chats_dir=server.folder, cwd=server.folder.parent))


def test_the_list_is_newest_first_with_a_line_a_chat_and_tabs_between(server: Server) -> None:
    code, out, err = run(server, "list", "--limit", "2")
    rows = [line.split("\t") for line in out.splitlines()]
    newest = sorted(server.client.chats().items(), key=lambda chat: chat[1]["last_updated"], reverse=True)[:2]
    assert (code, err) == (0, "")
    assert rows == [[name, row["last_updated"], str(row["message_count"]), row["title"]] for name, row in newest]


def test_the_list_as_json_is_one_document_with_all_that_the_server_says(server: Server) -> None:
    listed = json_from(server, "list")
    assert isinstance(listed, list)
    assert {row.pop("chat_id"): row for row in listed} == server.client.chats()


def test_the_list_pages_through_more_chats_than_a_server_gives_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "chats"
    folder.mkdir()
    stored = {"format": 1, "revision": 1, "created_at": "2026-01-01T00:00:00.000000Z", "messages": []}
    for number in range(1005):
        text = json.dumps({**stored, "chat_id": f"c{number}", "title": "", "last_updated": stored["created_at"]})
        (folder / f"c{number}.json").write_text(text)
    done = chatkeep("list", chats_dir=folder, cwd=tmp_path)
    limited = chatkeep("list", "--limit", "1002", chats_dir=folder, cwd=tmp_path)
    assert len(set(done.stdout.splitlines())) == 1005
    assert len(limited.stdout.splitlines()) == 1002


def test_in_a_terminal_the_list_is_a_table_within_its_width(server: Server) -> None:
    server.client.send("A title that is longer than a terminal is wide, so that it has to be cut " * 3, "long")
    with in_terminal("list", chats_dir=server.folder, cwd=server.folder.parent) as terminal:
        assert terminal.read_all() == 0
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal.screen.splitlines()]
    assert lines[0].split() == ["ID", "UPDATED", "MESSAGES", "TITLE"]
    assert all(len(line) <= 100 for line in lines)
    assert any("…" in line and line.startswith("long ") for line in lines)


def test_a_chat_is_shown_as_markdown_source_in_a_pipe(server: Server) -> None:
    code, out, err = run(server, "show", "holes")
    reply = server.stored_messages("holes")[-1]["content"]
    assert (code, err) == (0, "")
    assert out.startswith("# Tell me about **black** holes\n")
    assert "## user · 20" in out
    assert reply in out


def test_a_chat_as_json_is_what_the_server_says(server: Server) -> None:
    assert json_from(server, "show", "holes") == server.client.history("holes")


def test_in_a_terminal_a_chat_is_rendered_and_without_colours_where_they_are_not_wanted(server: Server) -> None:
    with in_terminal("show", "holes", chats_dir=server.folder, cwd=server.folder.parent) as coloured:
        assert coloured.read_all() == 0
    plain_ones = {"NO_COLOR": "1"}
    with in_terminal("show", "holes", chats_dir=server.folder, cwd=server.folder.parent, environment=plain_ones) as it:
        assert it.read_all() == 0
    assert re.search(r"\x1b\[1mblack", coloured.screen)
    assert "**black**" not in coloured.screen.split("user", 1)[1]
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", coloured.screen)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", it.screen)


@pytest.fixture(scope="module")
def evil(server: Server) -> None:
    """A chat that a hand has made, with commands to a terminal wherever text stands."""
    server.client.send(ESCAPE, "evil")
    stored = server.stored("evil")
    for message in stored["messages"]:
        message |= {"model": ESCAPE}
    server.chat_file("evil").write_text(json.dumps({**stored, "title": ESCAPE}, ensure_ascii=False))


@pytest.mark.usefixtures("evil")
@pytest.mark.parametrize(
    "command",
    [("list",), ("show", "evil"), ("show", "evil", "--raw"), ("show", "evil", "--json"), ("search", "red")],
)
def test_what_is_stored_gives_a_terminal_no_commands(server: Server, command: tuple[str, ...]) -> None:
    with in_terminal(*command, chats_dir=server.folder, cwd=server.folder.parent) as terminal:
        assert terminal.read_all() == 0
    assert "red" in terminal.screen
    assert "\x1b[31mred" not in terminal.screen
    assert "\x9b" not in terminal.screen


def test_a_chat_that_is_being_answered_is_shown_with_what_there_is(server: Server) -> None:
    server.client.send("hi", "going")
    run_id = server.client.begin("[[tokens 4000]] [[delay 0.02]]", "going")
    eventually(lambda: server.client.run(run_id)["response_chars"])
    _, shown, _ = run(server, "show", "going")
    with in_terminal("list", "--limit", "1", chats_dir=server.folder, cwd=server.folder.parent) as terminal:
        terminal.read_all()
    server.client.http.post(f"/runs/{run_id}/stop")
    assert "## assistant · still coming" in shown
    assert "(a reply is coming)" in terminal.screen


def test_a_search_prints_a_line_a_match_without_marks(server: Server) -> None:
    code, out, _ = run(server, "search", "black", "holes")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert {row[0] for row in rows} == {"holes"}
    assert {row[2] for row in rows} == {"user", "assistant"}
    assert all("black" in row[4] and "\ue000" not in row[4] for row in rows)


def test_in_a_terminal_matches_stand_out(server: Server) -> None:
    with in_terminal("search", "stars", chats_dir=server.folder, cwd=server.folder.parent) as terminal:
        assert terminal.read_all() == 0
    assert re.search(r"\x1b\[1;33mstars\x1b\[0m", terminal.screen)


def test_a_search_says_what_it_leaves_out_and_when_nothing_matches(server: Server) -> None:
    _, out, err = run(server, "search", "stars", "--limit", "1")
    assert len(out.splitlines()) == 1
    assert "1 of 4; --limit shows more." in err
    code, out, err = run(server, "search", "nowhere-to-be-found")
    assert (code, out, err) == (0, "", "Nothing matches.\n")


def test_a_search_as_json_has_total_and_results(server: Server) -> None:
    found = json_from(server, "search", "stars")
    assert isinstance(found, dict)
    assert found["total"] == len(found["results"]) == 4


def test_a_deleted_chat_is_in_the_trash_and_a_purged_one_is_not(server: Server) -> None:
    trash = server.folder / ".chatkeep" / "trash"
    for chat_id in ("gone", "purged"):
        server.client.send("hi", chat_id)

    assert run(server, "delete", "gone")[0] == 0
    unsure = run(server, "delete", "purged", "--purge")
    assert unsure[0] == ExitCode.USAGE
    assert server.chat_file("purged").exists()
    assert json_from(server, "delete", "purged", "--purge", "--yes")

    assert [path.name.partition("~")[0] for path in trash.iterdir()] == ["gone"]
    assert run(server, "delete", "gone")[0] == ExitCode.NOT_FOUND


def test_a_person_is_asked_before_a_chat_is_removed_for_good(server: Server) -> None:
    server.client.send("hi", "asked")
    for answer, code, is_kept in (("n\n", 1, True), (None, 130, True), ("y\n", 0, False)):
        command = ("delete", "asked", "--purge")
        with in_terminal(*command, chats_dir=server.folder, cwd=server.folder.parent) as terminal:
            terminal.read_until("[y/N]: ")
            if answer is None:
                assert terminal.interrupt() == code
            else:
                terminal.write(answer)
                assert terminal.read_all() == code
        assert server.chat_file("asked").exists() is is_kept


def test_a_chat_is_renamed(server: Server) -> None:
    server.client.send("hi", "named")
    code, out, err = run(server, "rename", "named", "Another title")
    assert (code, out) == (0, "")
    assert "Another title" in err
    assert server.stored("named")["title"] == "Another title"
    assert run(server, "rename", "nothing", "x")[0] == ExitCode.NOT_FOUND
    assert run(server, "rename", "named", "")[0] == ExitCode.FAILED


def test_the_models_are_listed_with_and_without_a_server(server: Server, tmp_path: Path) -> None:
    with_server = json_from(server, "models", "--provider", "echo")
    (tmp_path / "chats").mkdir()
    without = json_of(chatkeep("models", "--provider", "echo", "--json", chats_dir=tmp_path / "chats", cwd=tmp_path))
    assert isinstance(with_server, list)
    assert [row["id"] for row in with_server] == [row["id"] for row in without] == ["echo/echo", "echo/echo-reasoning"]
    assert run(server, "models", "--provider", "nothing")[0] == ExitCode.NOT_FOUND
    assert "echo/echo\t" in run(server, "models")[1]
    unset = run(server, "models", "--provider", "openai")
    assert unset == (0, "", "No model of openai can be asked: Set OPENAI_API_KEY.\n")


@pytest.mark.parametrize("command", ["list", "models"])
def test_a_reader_that_leaves_early_is_no_error_that_anybody_sees(server: Server, command: str) -> None:
    line = " ".join(line_of(command, chats_dir=server.folder))
    done = subprocess.run(
        ["bash", "-c", f"{line} | true"],
        env=clean_environment({}),
        cwd=server.folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--limit", "0"),
        ("search",),
        ("restore",),
        ("restore", "holes", "--generation", "-1"),
        ("show",),
        ("nothing",),
        ("list", "--nothing"),
    ],
)
def test_wrong_usage_is_2(server: Server, arguments: tuple[str, ...]) -> None:
    assert run(server, *arguments)[0] == ExitCode.USAGE


def test_ids_are_completed_while_a_server_runs(server: Server) -> None:
    environment = {
        "_CHATKEEP_COMPLETE": "bash_complete",
        "COMP_WORDS": f"chatkeep show --chats-dir {server.folder} ho",
        "COMP_CWORD": "4",
    }
    done = chatkeep(cwd=server.folder.parent, environment=environment)
    assert done.stdout.splitlines() == ["plain,holes"]


def test_completion_starts_no_server_and_makes_nothing(tmp_path: Path) -> None:
    environment = {"_CHATKEEP_COMPLETE": "bash_complete", "COMP_WORDS": "chatkeep show ", "COMP_CWORD": "2"}
    done = chatkeep(cwd=tmp_path, environment=environment)
    assert (done.stdout.strip(), list(tmp_path.iterdir())) == ("", [])


def test_help_of_every_command_has_an_example() -> None:
    commands = {**main.commands, **{f"keys {name}": each for name, each in keys.commands.items()}}
    for name, command in commands.items():
        if command is not keys:
            assert f"chatkeep {name}" in (command.help or "").partition("Example: ")[2], name
