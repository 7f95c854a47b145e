"""What may reach a terminal."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.visible import visible, visible_json

CONTROLS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]


def test_no_control_character_but_newline_and_tab_is_left() -> None:
    assert len(CONTROLS) == 65
    assert [character for character in CONTROLS if character in visible(character)] == ["\t", "\n"]


def test_each_is_shown_by_a_stand_in_and_carriage_returns_are_left_out() -> None:
    assert visible("a\x1b[31mb\x07\x7f\x9b\r\nc\rd") == "a␛[31mb␇␡\ufffd\ncd"


def test_what_is_no_control_character_stays() -> None:
    assert visible("Grüße, 你好 👋🏽 \u2028 \u202e") == "Grüße, 你好 👋🏽 \u2028 \u202e"


@given(st.text(), st.integers(0))
def test_a_stream_may_be_cut_anywhere(text: str, cut: int) -> None:
    assert visible(text[:cut]) + visible(text[cut:]) == visible(text)


@given(st.text())
def test_json_means_the_same_and_has_no_control_characters(text: str) -> None:
    payload = visible_json(json.dumps({"text": text}, ensure_ascii=False).encode())
    assert json.loads(payload) == {"text": text}
    assert visible(payload.decode()) == payload.decode()


def test_an_error_shows_no_escape_sequence_of_a_providers() -> None:
    assert CliError(ExitCode.FAILED, "It said \x1b[2J").message == "It said ␛[2J"
