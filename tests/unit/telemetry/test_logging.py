import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from chatkeep.telemetry.logging import configure_logging, mask_secrets


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_an_entry_is_a_json_line_with_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=True)

    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger("test").info("happened", chat_id="chat")

    entry = json.loads(capsys.readouterr().err)
    assert (entry["event"], entry["level"], entry["request_id"], entry["chat_id"]) == (
        "happened",
        "info",
        "req_1",
        "chat",
    )
    assert entry["timestamp"].endswith("Z")


def test_entries_of_other_libraries_have_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=True)

    logging.getLogger("library").warning("odd %s", "thing")

    assert json.loads(capsys.readouterr().err)["event"] == "odd thing"


def test_entries_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", as_json=True)

    structlog.get_logger("test").info("quiet")
    logging.getLogger("library").info("quiet")

    assert capsys.readouterr().err == ""


def test_an_exception_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=True)

    log_a_crash()

    (line,) = capsys.readouterr().err.splitlines()
    assert "ZeroDivisionError" in json.dumps(json.loads(line)["exception"])


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_shows_no_variables_for_they_hold_what_people_said(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure_logging("info", as_json=as_json)

    log_a_crash()

    written = capsys.readouterr().err
    assert "ZeroDivisionError" in written
    assert "what-people-said" not in written


def log_a_crash() -> None:
    message = "what people said".replace(" ", "-")
    try:
        assert len(message) // 0
    except ZeroDivisionError:
        structlog.get_logger("test").exception("broke")


@pytest.mark.parametrize("name", ["api_key", "Authorization", "openai_api_key", "cookie", "access_token"])
def test_what_sounds_like_a_secret_is_masked(name: str) -> None:
    assert mask_secrets(None, "info", {name: "sk-1", "event": "x"}) == {name: "***", "event": "x"}
