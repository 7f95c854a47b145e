"""What is printed: nothing of it is a command to a terminal, and JSON stays what it was."""

import json

import msgspec
import pytest

from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.printing import print_json, styled

COMMANDS = "\x1b[31m \x07 \x7f \x9b5m \x85"


@pytest.mark.parametrize(
    "value", [{"é": COMMANDS}, msgspec.Raw(json.dumps(["é", COMMANDS], ensure_ascii=False).encode())]
)
def test_json_holds_no_control_character_and_means_the_same(
    value: object, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    print_json(value)
    printed = capsysbinary.readouterr().out
    assert json.loads(printed) == json.loads(msgspec.json.encode(value))
    assert not any(is_control(character) for character in printed.decode().rstrip("\n"))
    assert "é" in printed.decode()


def test_text_for_the_console_holds_no_control_character() -> None:
    assert not any(is_control(character) for character in styled(COMMANDS, "dim").plain)


def test_an_error_in_the_words_of_a_server_holds_no_control_character() -> None:
    assert not any(is_control(character) for character in CliError(ExitCode.FAILED, COMMANDS).message)


def is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0
