"""Errors as problem documents (RFC 9457)."""

import math
from http import HTTPStatus

import msgspec
import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap, Scope

from chatkeep.chat.events import FieldError, Problem, problem
from chatkeep.errors import ChatkeepError, InvalidRequest

_log = structlog.get_logger("chatkeep.api")

MEDIA_TYPE = "application/problem+json"
CODE = "problem_code"  # in a request's state: the code of the problem document that it was answered with
REFUSAL = "refusal"  # in a connection's state: the problem that a WebSocket is refused with

MEANINGS = {
    401: "A key is needed, or the one sent is not valid.",
    403: "The key's role does not allow this, or the request came by a host or from a page that is not taken.",
    404: "There is no such chat, run, provider or model.",
    409: "The chat is busy, its last reply cannot be continued, or the idempotency key was used with another body.",
    410: "That position of the run is not kept, or does not exist.",
    413: "The body is too large.",
    422: "The request is not valid.",
    429: "Too many requests, or generations at once: `Retry-After` says when to come back.",
    500: "A file cannot be read, or something broke.",
    502: "The provider failed; `partial` is what was kept.",
    503: "The provider cannot be used now, the search took too long, or the server is stopping.",
    504: "The provider took too long; `partial` is what was kept.",
    507: "The disk is full or read-only.",
}
"""What a status means, whatever the operation."""

AnyRequest = Request[object, object, State]

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 422: InvalidRequest.code}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The problem documents with these statuses, for a route's description."""
    return {
        status: ResponseSpec(Problem, description=MEANINGS[status], media_type=MEDIA_TYPE, generate_examples=False)
        for status in statuses
    }


def problem_response(request: AnyRequest, found: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    """The response that carries `found`, with this request's id."""
    request.scope["state"][CODE] = found.code
    body, named = encoded(found, request_id_of(request))
    return Response(body, status_code=found.status, media_type=MEDIA_TYPE, headers={**(headers or {}), **named})


def encoded(found: Problem, request_id: str) -> tuple[bytes, dict[str, str]]:
    """The body that carries `found`, and the headers that belong to it besides its media type."""
    named = msgspec.structs.replace(found, request_id=request_id, success=False)
    headers = {}
    if found.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(found.retry_after_s))
    if found.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers["Connection"] = "close"  # else the rest of the body, which may have no end, is read and thrown away
    if found.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="chatkeep"'  # RFC 9110, section 11.6.1
    return msgspec.json.encode(named), headers


def request_id_of(request: AnyRequest) -> str:
    """The id that the middleware gave this request."""
    return str(request.scope["state"]["request_id"])


def _on_own_error(request: AnyRequest, exc: ChatkeepError) -> Response[bytes]:
    if exc.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request_failed", code=exc.code, detail=exc.detail)
    return problem_response(request, problem(exc))


def _on_http_error(request: AnyRequest, exc: HTTPException) -> Response[bytes]:
    return problem_response(request, _http_problem(exc), dict(exc.headers or {}))


def _http_problem(exc: HTTPException) -> Problem:
    """Litestar's own refusals. It calls a body that is no JSON, or not of our form, 400; the contract says 422."""
    status = 422 if exc.status_code == HTTPStatus.BAD_REQUEST else exc.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request_crashed", exc_info=exc)
    errors = _field_errors(exc)
    code = _CODES.get(status, "http_error")
    return Problem(
        type=f"urn:chatkeep:problem:{code}",
        title=InvalidRequest.title if code == InvalidRequest.code else HTTPStatus(status).phrase,
        status=status,
        detail="; ".join(f"{error.path}: {error.message}" for error in errors) or _detail(status, exc),
        code=code,
        errors=errors,
    )


def _detail(status: int, exc: HTTPException) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return "There is nothing at this path. `GET /` lists what there is, /docs describes it."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"This path takes {(exc.headers or {}).get('allow', 'other methods')}."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "The body is larger than CHATKEEP_MAX_BODY_BYTES allows."
        case _:
            return exc.detail


def _field_errors(exc: HTTPException) -> list[FieldError]:
    if not isinstance(exc.extra, list):
        return []
    return [_field_error(**row) for row in exc.extra]


def _field_error(message: str = "", key: str = "", source: str = "") -> FieldError:
    """One row of Litestar's: `key` is a parameter, a field of the body, or `data`, which is the whole body."""
    if source != "body":
        return FieldError(key, message)
    if message == "'data'":  # how Litestar says it
        return FieldError("$", "the body is empty")
    return FieldError("$" if key == "data" else f"$.{key}", message)


def _on_crash(request: AnyRequest, exc: Exception) -> Response[bytes]:
    return problem_response(request, _crash(exc))


def _crash(exc: Exception) -> Problem:
    _log.error("request_crashed", exc_info=exc)
    return problem(ChatkeepError(f"An unexpected {type(exc).__name__}."))


async def note_refusal(exc: Exception, scope: Scope) -> None:
    """Called by Litestar after an exception. It knows no answer to a WebSocket but 403: the envelope gives this one."""
    if scope["type"] != ScopeType.WEBSOCKET:
        return
    match exc:
        case ChatkeepError():
            scope["state"][REFUSAL] = problem(exc)
        case HTTPException():
            scope["state"][REFUSAL] = _http_problem(exc)
        case _:
            scope["state"][REFUSAL] = _crash(exc)


HANDLERS: ExceptionHandlersMap = {
    ChatkeepError: _on_own_error,
    HTTPException: _on_http_error,
    Exception: _on_crash,
}
