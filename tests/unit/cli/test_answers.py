"""What an answer means to a command, also one that is not chatkeep's."""

import httpx
import msgspec
import pytest

from chatkeep.cli.answers import answered, path_of, refused
from chatkeep.cli.exit_codes import CliError, ExitCode


def response(status: int, body: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, text=body, headers=headers, request=httpx.Request("GET", "https://chat.example.org/x")
    )


def problem(status: int, code: str, **more: object) -> httpx.Response:
    body = {"type": "t", "title": "T", "status": status, "detail": "Why.", "code": code, **more}
    return response(status, msgspec.json.encode(body).decode())


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthorized", ExitCode.REFUSED),
        (403, "forbidden", ExitCode.REFUSED),
        (404, "chat_not_found", ExitCode.NOT_FOUND),
        (409, "revision_conflict", ExitCode.CONFLICT),
        (422, "invalid_request", ExitCode.FAILED),
        (503, "shutting_down", ExitCode.FAILED),
        (507, "storage_full", ExitCode.FAILED),
    ],
)
def test_a_problem_document_is_its_detail_and_an_exit_code(status: int, code: str, exit_code: ExitCode) -> None:
    error = refused(problem(status, code), "it")
    assert (error.exit_code, error.problem_code, error.message) == (exit_code, code, "Why.")


def test_wrong_fields_are_named_once() -> None:
    errors = [{"path": "$.title", "message": "too long"}, {"path": "$", "message": "Why"}]
    assert refused(problem(422, "invalid_request", errors=errors), "it").message == "Why.\n  $.title: too long"


@pytest.mark.parametrize(
    ("found", "exit_code", "word"),
    [
        (response(502, "<html>"), ExitCode.UNREACHABLE, "502 Bad Gateway"),
        (response(404, "<html>"), ExitCode.UNREACHABLE, "404 Not Found"),
        (response(407, ""), ExitCode.REFUSED, "407"),
        (response(401, "<html>"), ExitCode.REFUSED, "401 Unauthorized"),
        (response(302, "", Location="https://login.example.org/"), ExitCode.UNREACHABLE, "login.example.org"),
        (response(500, '{"error": {"message": "x"}}'), ExitCode.UNREACHABLE, "500"),
    ],
)
def test_what_is_no_problem_document_comes_from_something_else(
    found: httpx.Response, exit_code: ExitCode, word: str
) -> None:
    error = refused(found, "https://chat.example.org")
    assert (error.exit_code, error.problem_code) == (exit_code, None)
    assert word in error.message
    assert "https://chat.example.org" in error.message


@pytest.mark.parametrize("body", ["<html>Please log in</html>", "", '{"a": "text"}', "[]"])
def test_an_answer_of_another_shape_is_an_error(body: str) -> None:
    with pytest.raises(CliError) as found:
        answered(response(200, body), dict[str, int], "it")
    assert found.value.exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize("none", ["", ".", ".."])
def test_what_would_make_another_path_is_the_id_of_nothing(none: str) -> None:
    with pytest.raises(CliError) as found:
        path_of("/chat/history/{}", none)
    assert found.value.exit_code == ExitCode.NOT_FOUND


def test_no_id_leaves_its_place_in_a_path() -> None:
    assert path_of("/chat/history/{}", "../x?a=b#c") == "/chat/history/..%2Fx%3Fa%3Db%23c"
