import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from chatkeep.telemetry.logging import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in root.handlers:
        handler.close()
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


KEY = "ck_" + "x" * 43


@pytest.mark.parametrize("as_json", [True, False])
def test_a_key_in_an_exception_or_in_another_library_s_entry_is_masked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, as_json: bool
) -> None:
    configure_logging("info", as_json=as_json, folder=tmp_path)

    try:
        int(f"Bearer {KEY}")
    except ValueError:
        structlog.get_logger("test").exception("broke", headers={"Authorization": KEY})
        logging.getLogger("library").exception("sent %s", KEY)

    (handler,) = logging.getLogger().handlers
    handler.close()
    for written in (capsys.readouterr().err, (tmp_path / "app.log").read_text()):
        assert written.count("ValueError") >= 2
        assert "***" in written
        assert KEY not in written


INJECTED = "a\n2026-01-01 [error] made up\r\x1b[31m \x85 \u2028 end"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_cannot_begin_a_new_line_nor_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure_logging("info", as_json=as_json)

    structlog.get_logger("test").info(INJECTED, field=INJECTED, deep=[INJECTED])
    logging.getLogger("library").warning("about %s", INJECTED)

    written = capsys.readouterr().err
    assert len(written.splitlines()) == 2
    assert "\x1b" not in written


def test_a_traceback_on_a_console_cannot_be_taken_for_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=False)

    try:
        float(INJECTED)
    except ValueError:
        structlog.get_logger("test").exception("broke")

    first, *rest = capsys.readouterr().err.splitlines()
    assert "broke" in first
    assert len(rest) > 2
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize("odd", ["\udc80", 2**100, float("nan"), {1: {2}}, object(), b"\xff"])
def test_whatever_is_logged_is_a_json_line(capsys: pytest.CaptureFixture[str], odd: object) -> None:
    configure_logging("info", as_json=True)

    structlog.get_logger("test").info("odd", value=odd)

    assert json.loads(capsys.readouterr().err)["event"] == "odd"


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.http11", "asyncio", "websockets.server", "uvicorn.access", "limits"]
)
def test_other_libraries_are_heard_from_warnings_on_and_never_with_what_they_write_for_debugging(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    configure_logging("info", as_json=True)
    logging.getLogger(name).info("too much")
    configure_logging("debug", as_json=True)
    logging.getLogger(name).debug("headers and frames")
    logging.getLogger(name).warning("odd")

    (entry,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (entry["event"], entry["logger"]) == ("odd", name)


def test_the_server_tells_of_its_start_and_stop_and_of_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", as_json=True)
    server = logging.getLogger("uvicorn.error")
    server.info("Shutting down")
    server.info('%s - "WebSocket %s" [accepted]', "127.0.0.1", "/api/llm/ws/status?api_key=secret")

    (entry,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert entry["event"] == "Shutting down"


def test_a_terminal_that_went_away_stops_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = (tmp_path / "stderr").open("w")
    monkeypatch.setattr("sys.stderr", gone)
    configure_logging("info", as_json=True, folder=tmp_path)
    gone.close()

    structlog.get_logger("test").info("still here")

    (handler,) = logging.getLogger().handlers
    handler.close()
    assert json.loads((tmp_path / "app.log").read_text())["event"] == "still here"
