"""Which problem documents an operation can answer with. Derived from what it does and takes, so no view lists them.

A view lists statuses (`problems.documented`); those that every route of its kind has are added here.
"""

from typing import Any

import msgspec

from chatkeep.access.policy import Action
from chatkeep.api.examples import DETAILS, REQUEST_ID
from chatkeep.api.problems import MEANINGS
from chatkeep.chat.events import FieldError, Problem, problem
from chatkeep.errors import error_of

_OWN = {"body_too_large": "Request Entity Too Large"}  # Litestar's refusal, with its title: no class of ours

_ANY = {"any"}
_RUN = {f"action:{Action.TALK}"}
_MODEL = {"body:model", "body:provider"}

# Code, and what an operation must do or take one of to answer with it when it documents the status.
_CODES: tuple[tuple[int, str, set[str]], ...] = (
    (401, "unauthorized", _ANY),
    (403, "forbidden", _ANY),
    (404, "chat_not_found", {"path:chat_id"}),
    (404, "generation_not_found", {"body:generation"}),
    (404, "run_not_found", {"path:run_id"}),
    (404, "provider_not_found", {"query:provider", *_MODEL}),
    (404, "model_not_found", _MODEL),
    (409, "chat_busy", {"body:chat_id", "path:chat_id"}),
    (409, "conflict", {"route:/chat/continue/{chat_id}", "route:/chat/restore/{chat_id}"}),
    (409, "revision_conflict", {"body:revision", "query:revision"}),
    (409, "idempotency_mismatch", {"header:Idempotency-Key"}),
    (410, "run_expired", _ANY),
    (413, "body_too_large", _ANY),
    (422, "invalid_request", _ANY),
    (422, "invalid_chat_id", {"path:chat_id", "body:chat_id", "query:chat_id"}),
    (422, "context_too_long", _RUN),
    (422, "content_denied", {*_RUN, "body:system_prompt"}),
    (429, "rate_limited", _ANY),
    (500, "internal_error", _ANY),
    (500, "storage_failed", {*_RUN, "action:read", "action:change", "action:audit", "route:/health/ready"}),
    (500, "chat_unreadable", {"path:chat_id", "body:chat_id"}),
    (502, "provider_error", _ANY),
    (503, "provider_unavailable", _RUN),
    (503, "provider_rate_limited", _RUN),
    (503, "provider_not_configured", _RUN),
    (503, "run_interrupted", _RUN),
    (503, "search_timeout", {"query:query"}),
    (503, "shutting_down", {*_RUN, "route:/health/ready"}),
    (504, "provider_timeout", _ANY),
    (507, "storage_full", _ANY),
)
_FALLBACK = {404: "not_found"}  # when nothing above says what it is that was not found


def statuses_of(action: Action, *, has_body: bool, has_parameters: bool) -> dict[int, str]:
    """Statuses that every operation of this kind can answer with besides those of its view, and what they mean."""
    found = {403, 500}
    if action is not Action.OPEN:
        found |= {401, 429}  # 429 also for too many wrong keys
    if has_body:
        found |= {413, 422}
    if has_parameters:
        found.add(422)
    return {status: MEANINGS[status] for status in sorted(found)}


def codes_of(status: int, marks: set[str]) -> list[str]:
    """The codes of problem documents with this status, by what the operation does and takes."""
    known = [code for at, code, needed in _CODES if at == status and needed & (marks | _ANY)]
    return known or [code for at, code in _FALLBACK.items() if at == status]


def problem_examples() -> dict[str, Any]:
    """One problem document for each code, as OpenAPI's `components.examples`."""
    found = {code: _example(status, code) for status, code in _all()}
    return {code: {"summary": example.title, "value": msgspec.to_builtins(example)} for code, example in found.items()}


def _all() -> list[tuple[int, str]]:
    return [(status, code) for status, code, _ in _CODES] + list(_FALLBACK.items())


def _example(status: int, code: str) -> Problem:
    if code in _OWN:
        found = Problem(f"urn:chatkeep:problem:{code}", _OWN[code], status, DETAILS[code], code)
    else:
        found = problem(error_of(code, DETAILS[code]))
    errors = [FieldError("$.message", "Expected `str` of length >= 1")] if code == "invalid_request" else []
    wait_s = 12.0 if code == "rate_limited" else found.retry_after_s
    return msgspec.structs.replace(found, request_id=REQUEST_ID, success=False, errors=errors, retry_after_s=wait_s)
