"""`chatkeep chat -m` where no person reads: pipes, files, JSON and exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cuttable_line import line_to
from tests.screen import CTRL_C, on_screen
from tests.server import DEADLINE_S, Server, clean_environment, eventually, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(
        tmp_path_factory.mktemp("pipes") / "chats", environment={"CHATKEEP_MAX_BODY_BYTES": "100000"}
    ) as running:
        yield running


def chat(server: Server, *arguments: str, piped: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(server.base_url, *arguments),
        env=clean_environment({}),
        cwd=server.folder.parent,
        input=piped,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )


def command(url: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "chatkeep", "chat", *arguments, "--url", url]


def test_the_reply_goes_to_standard_output_and_all_else_to_standard_error(server: Server) -> None:
    done = chat(server, "-m", "Say **this**.")
    assert (done.returncode, done.stdout) == (0, b"Say **this**.\n")
    assert b"Go on with: chatkeep chat " in done.stderr


def test_what_is_piped_in_stands_before_the_message(server: Server) -> None:
    done = chat(server, "piped", "-m", "what broke?", piped=b"line 1\nline 2\n")
    assert done.returncode == 0
    assert server.stored_messages("piped")[0]["content"] == "line 1\nline 2\n\nwhat broke?"


def test_what_is_piped_in_alone_is_the_message(server: Server) -> None:
    assert chat(server, "alone", piped=b"hello\n").stdout == b"hello\n"
    assert server.stored_messages("alone")[0]["content"] == "hello"


def test_bytes_that_are_no_text_are_replaced(server: Server) -> None:
    assert chat(server, "-m", "x", piped=b"a\xff\0b").stdout.decode() == "a\ufffd\ufffdb\n\nx\n"


def test_an_argument_that_is_no_text_is_replaced(server: Server) -> None:
    assert chat(server, "-m", os.fsdecode(b"a\xffb")).stdout.decode() == "a\ufffdb\n"


def test_nothing_to_send_is_wrong_usage(server: Server) -> None:
    done = chat(server, piped=b" \n")
    assert done.returncode == 2
    assert b"nothing to send" in done.stderr


def test_more_than_a_request_may_have_is_refused_with_the_limit(server: Server) -> None:
    done = chat(server, "-m", "x", piped=b"a" * 2_000_000)
    assert done.returncode == 1
    assert b"1,048,576 bytes" in done.stderr
    done = chat(server, "-m", "x", piped=b"a" * 1_000_000)
    assert done.returncode == 1
    assert b"CHATKEEP_MAX_BODY_BYTES" in done.stderr


def test_json_is_the_answer_document_and_nothing_else(server: Server) -> None:
    done = chat(server, "--json", "-m", "hello")
    answer = json.loads(done.stdout)
    assert done.stderr == b""
    assert server.stored_messages(answer["chat_id"])[-1]["id"] == answer["message_id"]
    assert (answer["response"], answer["finish_reason"], answer["success"]) == ("hello", "stop", True)


def test_json_of_a_failed_reply_is_the_problem_with_what_came(server: Server) -> None:
    done = chat(server, "--json", "-m", "one two three [[fail 2]]")
    problem = json.loads(done.stdout)
    assert done.returncode == 1
    assert (problem["partial"], problem["code"]) == ("one two ", "provider_error")


def test_a_reply_that_fails_leaves_1_and_says_where_the_rest_can_be_asked_for(server: Server) -> None:
    done = chat(server, "failing", "-m", "one two three [[fail 2]]")
    assert (done.returncode, done.stdout) == (1, b"one two \n")
    assert b"What came is kept: chatkeep chat failing." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-m", "x", "--model", "nonsense"], 3),
        (["not/an/id", "-m", "x"], 1),
        (["-m", "x", "--temperature", "9"], 2),
        (["-m", ""], 2),
    ],
)
def test_the_exit_code_says_what_kind_of_failure_it_was(server: Server, arguments: list[str], code: int) -> None:
    done = chat(server, *arguments)
    assert done.returncode == code
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr


def test_no_server_is_unreachable(server: Server) -> None:
    done = subprocess.run(
        command("http://127.0.0.1:9", "-m", "x"),
        env=clean_environment({}),
        cwd=server.folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 5


def test_the_options_go_with_the_message(server: Server) -> None:
    asked = ["--model", "echo/echo-reasoning", "--system", "Be brief.", "--max-tokens", "1", "--temperature", "0"]
    done = chat(server, "options", "-m", "one two", *asked)
    assert done.stdout == b"one \n"
    assert b"ended by `length`" in done.stderr
    assert server.stored("options")["messages"][0]["content"] == "Be brief."


def test_a_reader_that_leaves_ends_the_command_quietly_and_the_run_goes_on(server: Server) -> None:
    with subprocess.Popen(
        command(server.base_url, "left", "-m", "[[tokens 300]] [[delay 0.005]]"),
        env=clean_environment({}),
        cwd=server.folder.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(3) == b"w0 "
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_S) == 1
    eventually(server.chat_file("left").exists)
    assert server.stored_messages("left")[-1]["status"] == "complete"


def test_ctrl_c_leaves_130_and_says_how_to_go_on(server: Server) -> None:
    with subprocess.Popen(
        command(server.base_url, "interrupted", "-m", "[[tokens 200]] [[delay 0.01]]"),
        env=clean_environment({}),
        cwd=server.folder.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 130
    assert b"chatkeep chat interrupted shows it" in said
    eventually(server.chat_file("interrupted").exists)


def test_a_reply_in_a_pipe_goes_on_where_it_was_when_the_line_breaks(server: Server) -> None:
    with (
        line_to(server.base_url) as line,
        subprocess.Popen(
            command(line.url, "cut", "-m", "[[tokens 120]] [[delay 0.01]]"),
            env=clean_environment({}),
            cwd=server.folder.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as process,
    ):
        assert process.stdout is not None
        begun = process.stdout.read(10)
        line.cut()
        rest, said = process.communicate(timeout=DEADLINE_S)
    assert (begun + rest).split() == [f"w{number}".encode() for number in range(120)]
    assert b"reconnecting" in said


def test_control_characters_of_a_model_are_shown_by_stand_ins(server: Server) -> None:
    done = chat(server, "-m", "a\x1b[31mb\x9bc\x07\rd\te")
    assert done.stdout.decode() == "a␛[31mb\ufffdc␇d\te\n"
    done = chat(server, "--json", "-m", "a\x1b[31mb\x9bc\x7f")
    assert json.loads(done.stdout)["response"] == "a\x1b[31mb\x9bc\x7f"
    assert done.stdout.isascii()
    assert b"\x7f" not in done.stdout


def test_one_message_in_a_terminal_is_shown_as_formatted_text(server: Server, tmp_path: Path) -> None:
    with on_screen("chat", "-m", "Some **bold** words.", "--url", server.base_url, cwd=tmp_path) as screen:
        assert screen.ends() == 0
        assert screen.lines[0] == "Some bold words."


def test_raw_shows_it_as_it_was_written(server: Server, tmp_path: Path) -> None:
    with on_screen("chat", "-m", "Some **bold** words.", "--raw", "--url", server.base_url, cwd=tmp_path) as screen:
        assert screen.ends() == 0
        assert screen.lines[0] == "Some **bold** words."


def test_ctrl_c_in_a_terminal_leaves_130(server: Server, tmp_path: Path) -> None:
    with on_screen(
        "chat", "there", "-m", "[[tokens 200]] [[delay 0.01]]", "--url", server.base_url, cwd=tmp_path
    ) as screen:
        screen.shows("w20").type(CTRL_C)
        assert screen.ends() == 130
        assert "chatkeep chat there shows it" in screen.text


def test_a_folder_without_a_server_answers_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chatkeep", "chat", "-m", "hello", "--chats-dir", str(tmp_path / "chats")],
        env=clean_environment({}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert (done.returncode, done.stdout) == (0, b"hello\n"), os.fsdecode(done.stderr)
    assert b'{"' not in done.stderr
