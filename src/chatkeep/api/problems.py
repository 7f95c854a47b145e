"""Errors as problem documents (RFC 9457)."""

import math
from http import HTTPStatus

import msgspec
import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap

from chatkeep.chat.events import FieldError, Problem, problem
from chatkeep.errors import ChatkeepError, InvalidRequest

_log = structlog.get_logger("chatkeep.api")

MEDIA_TYPE = "application/problem+json"

_MEANINGS = {
    404: "There is no such chat, run, provider or model.",
    409: "The chat is busy, or the idempotency key was used with another body.",
    410: "That position of the run is not kept, or does not exist.",
    413: "The body is too large.",
    422: "The request is not valid.",
    500: "A file cannot be read, or something broke.",
    502: "The provider failed; `partial` is what was kept.",
    503: "The provider cannot be used now, the search took too long, or the server is stopping.",
    504: "The provider took too long; `partial` is what was kept.",
    507: "The disk is full or read-only.",
}

AnyRequest = Request[object, object, State]

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 422: InvalidRequest.code}


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The problem documents with these statuses, for a route's description."""
    return {
        status: ResponseSpec(Problem, description=_MEANINGS[status], media_type=MEDIA_TYPE, generate_examples=False)
        for status in statuses
    }


def problem_response(request: AnyRequest, found: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    """The response that carries `found`, with this request's id."""
    named = msgspec.structs.replace(found, request_id=request_id_of(request), success=False)
    headers = dict(headers or {})
    if found.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(found.retry_after_s))
    return Response(msgspec.json.encode(named), status_code=found.status, media_type=MEDIA_TYPE, headers=headers)


def request_id_of(request: AnyRequest) -> str:
    """The id that the middleware gave this request."""
    return str(request.scope["state"]["request_id"])


def _on_own_error(request: AnyRequest, exc: ChatkeepError) -> Response[bytes]:
    if exc.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request_failed", code=exc.code, detail=exc.detail)
    return problem_response(request, problem(exc))


def _on_http_error(request: AnyRequest, exc: HTTPException) -> Response[bytes]:
    """Litestar's own refusals. It calls a body that is no JSON, or not of our form, 400; the contract says 422."""
    status = 422 if exc.status_code == HTTPStatus.BAD_REQUEST else exc.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request_crashed", exc_info=exc)
    errors = _field_errors(exc)
    code = _CODES.get(status, "http_error")
    found = Problem(
        type=f"urn:chatkeep:problem:{code}",
        title=InvalidRequest.title if code == InvalidRequest.code else HTTPStatus(status).phrase,
        status=status,
        detail="; ".join(f"{error.path}: {error.message}" for error in errors) or exc.detail,
        code=code,
        errors=errors,
    )
    return problem_response(request, found, dict(exc.headers or {}))


def _field_errors(exc: HTTPException) -> list[FieldError]:
    if not isinstance(exc.extra, list):
        return []
    return [_field_error(**row) for row in exc.extra]


def _field_error(message: str = "", key: str = "", source: str = "") -> FieldError:
    """One row of Litestar's: `key` is a parameter, a field of the body, or `data`, which is the whole body."""
    if source != "body":
        return FieldError(key, message)
    return FieldError("$" if key == "data" else f"$.{key}", message)


def _on_crash(request: AnyRequest, exc: Exception) -> Response[bytes]:
    _log.error("request_crashed", exc_info=exc)
    return problem_response(request, problem(ChatkeepError(f"An unexpected {type(exc).__name__}.")))


HANDLERS: ExceptionHandlersMap = {
    ChatkeepError: _on_own_error,
    HTTPException: _on_http_error,
    Exception: _on_crash,
}
