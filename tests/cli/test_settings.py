"""`chatkeep settings`: each value and where it came from."""

from pathlib import Path
from typing import Any

from tests.commands import chatkeep, json_of


def shown(tmp_path: Path, *arguments: str, **environment: str) -> dict[str, tuple[Any, str]]:
    done = chatkeep("settings", "--json", *arguments, cwd=tmp_path, environment=environment)
    return {row["variable"]: (row["value"], row["source"]) for row in json_of(done)}


def test_each_value_is_shown_with_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHATKEEP_PORT=9000\nCHATKEEP_HOST=127.0.0.9\nCHATKEEP_MODEL=\n")
    found = shown(
        tmp_path, "--chats-dir", "elsewhere", CHATKEEP_PORT="9001", RATE_LIMIT_REQUESTS="7", CHATKEEP_CHECKS="cut,empty"
    )
    assert found["CHATKEEP_PORT"] == ("9001", "environment")
    assert found["CHATKEEP_HOST"] == ("127.0.0.9", ".env")
    assert found["CHATKEEP_CHATS_DIR"] == ("elsewhere", "option")
    assert found["CHATKEEP_TRASH_DAYS"] == ("7.0", "default")
    assert found["CHATKEEP_MODEL"] == (None, "default")
    assert found["CHATKEEP_RATE_LIMIT_REQUESTS"] == ("7", "environment, as RATE_LIMIT_REQUESTS")
    assert found["CHATKEEP_CHECKS"] == ("cut,empty", "environment")


def test_secrets_are_not_shown_but_that_they_are_there(tmp_path: Path) -> None:
    found = shown(
        tmp_path,
        CHATKEEP_API_KEY="server-secret-0123456789",
        OPENAI_API_KEY="sk-secret",
        OPENAI_MODEL="gpt-x",
        MINE_BASE_URL="http://user:sec@secret@127.0.0.1:9/v1",
    )
    assert found["CHATKEEP_API_KEY"] == ("***", "environment")
    assert found["OPENAI_API_KEY"] == ("***", "environment")
    assert found["OPENAI_MODEL"] == ("gpt-x", "environment")
    assert found["MINE_BASE_URL"] == ("http://***@127.0.0.1:9/v1", "environment")
    assert "secret" not in str(found)


def test_a_key_given_as_an_option_is_not_shown_either(tmp_path: Path) -> None:
    found = shown(tmp_path, "--url", "https://chat.example.org/", "--key", "ck_secret")
    assert found["CHATKEEP_URL"] == ("https://chat.example.org", "option")
    assert found["CHATKEEP_API_KEY"] == ("***", "option")


def test_a_wrong_address_is_said_in_our_words_alone(tmp_path: Path) -> None:
    done = chatkeep("list", "--url", "nonsense", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith("CHATKEEP_URL: write it as")


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    done = chatkeep("settings", cwd=tmp_path, environment={"CHATKEEP_PORT": "many"})
    assert done.returncode == 1
    assert "CHATKEEP_PORT" in done.stderr


def test_in_a_pipe_it_is_a_line_a_setting(tmp_path: Path) -> None:
    done = chatkeep("settings", cwd=tmp_path)
    assert "CHATKEEP_HOST\t127.0.0.1\tdefault" in done.stdout.splitlines()
