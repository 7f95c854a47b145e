"""How what is typed is read: a command or a message."""

import pytest

from chatkeep.cli.terminal.slash import COMMANDS, KEYS, Typed, message_of, read_command, typed_text


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/help", "help", ""),
        ("/?", "help", ""),
        (" /model  openai/gpt ", "model", "openai/gpt"),
        ("/system Be brief.\nAnd kind.", "system", "Be brief.\nAnd kind."),
        ("/edit 2", "edit", "2"),
    ],
)
def test_a_slash_and_a_word_are_a_command(text: str, name: str, argument: str) -> None:
    found = read_command(text)
    assert found is not None
    assert (found.name, found.argument) == (name, argument)


@pytest.mark.parametrize("text", ["hello", "/etc/hosts is empty", "/* a comment */", "a /help", "/", "//help me", "/2"])
def test_what_looks_like_something_else_is_a_message(text: str) -> None:
    assert read_command(text) is None


def test_two_slashes_are_a_message_with_one() -> None:
    assert message_of("//help me") == "/help me"
    assert message_of(" // a comment ") == "// a comment"


def test_what_the_locale_could_not_read_is_read_as_utf_8() -> None:
    assert typed_text("Grüße".encode().decode("ascii", "surrogateescape")) == "Grüße"
    assert typed_text(b"a\xffb".decode("ascii", "surrogateescape")) == "a\ufffdb"


def test_an_unknown_command_comes_with_the_nearest() -> None:
    assert read_command("/modle x") == Typed(None, "x", "modle", "model")
    assert read_command("/xyzzy") == Typed(None, "", "xyzzy", None)


def test_every_command_and_key_is_explained() -> None:
    assert all(command.meaning.endswith(".") for command in COMMANDS)
    assert all(key and meaning for key, meaning in KEYS)
