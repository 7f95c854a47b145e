"""Turn a service's refusal into our error: by its status or its code, never by its words; those go to the reader.

Pure. Shapes of error bodies: OpenAI's `{"error": {...}}`, Gemini's list of one such, Ollama's
`{"error": "text"}`, FastAPI's `{"detail": ...}`, Mistral's `{"message": ...}`.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
)

MAX_DETAIL_CHARS = 300
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_MAX_DEPTH = 4
NO_JSON = (msgspec.MsgspecError, ValueError, RecursionError)  # what decoding a service's JSON raises
_WORD_FIELDS = ("message", "detail", "msg")
_CODE_FIELDS = ("code", "type", "status")  # the most exact one first
_STATUS_FIELDS = ("code", "status", "status_code")

_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_GEMINIS_KEY_REFUSED = "API_KEY_INVALID"  # with the status of a request that is wrong
_NOT_PAID = "insufficient_quota"  # OpenAI's, with the status of a rate limit: waiting does not help
_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")  # OpenAI's `code`, llama.cpp's `type`
_OVERLOADED = 529  # Anthropic's, which gateways pass on


class Complaint(NamedTuple):
    """What a service says went wrong: in words, by its names for it, and by a number as HTTP has them.

    Empty, and None, for what it does not say.
    """

    message: str
    codes: tuple[str, ...] = ()
    status: int | None = None


class StreamBroken(Exception):
    """A stream is not a proper reply; `complaint` says why, the service's or ours. Leaves providers/ as ours."""

    def __init__(self, complaint: Complaint | str) -> None:
        self.complaint = Complaint(complaint) if isinstance(complaint, str) else complaint
        super().__init__(self.complaint.message)


def not_taken(words: str) -> StreamBroken:
    """A reply of a kind that we cannot keep, which this one request has brought about: a `RequestRefused`."""
    return StreamBroken(Complaint(words, status=HTTPStatus.UNPROCESSABLE_ENTITY))


class RequestRefused(ProviderFailed):
    """The service will not take this one request: to callers a failed provider, but others' requests may pass.

    It has the code of `ProviderFailed`, so `error_of` gives that one back, which it meets first.
    """

    may_pass = False


class KeyRefused(ProviderFailed):
    """The service does not take our key, or not for this, or wants money: no call passes until somebody mends that."""

    may_pass = False


class CallsPaused(ProviderUnavailable):
    """The provider has failed so often in a row that it is not called for a while: `retry_after_s` says how long.

    It has the code of `ProviderUnavailable`, so `error_of` gives that one back, which it meets first.
    """

    may_pass = False


_KINDS: dict[int, type[ChatkeepError]] = {
    HTTPStatus.UNAUTHORIZED: KeyRefused,
    HTTPStatus.PAYMENT_REQUIRED: KeyRefused,
    HTTPStatus.FORBIDDEN: KeyRefused,
    HTTPStatus.NOT_FOUND: ModelNotFound,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: KeyRefused,
    HTTPStatus.REQUEST_TIMEOUT: ProviderTimedOut,
    HTTPStatus.CONFLICT: ProviderFailed,  # OpenAI's clients ask again
    HTTPStatus.FAILED_DEPENDENCY: ProviderFailed,  # Hugging Face's text-generation-inference: the model failed
    HTTPStatus.TOO_EARLY: ProviderFailed,
    HTTPStatus.TOO_MANY_REQUESTS: ProviderRateLimited,
    HTTPStatus.SERVICE_UNAVAILABLE: ProviderUnavailable,
    HTTPStatus.GATEWAY_TIMEOUT: ProviderTimedOut,
    _OVERLOADED: ProviderUnavailable,
}
_OTHER_REFUSALS = range(400, 500)  # RFC 9110, section 15.5: the request is at fault, and as it is it will never pass

# What services call it in the middle of a stream, where HTTP's status is gone: OpenAI's and its followers' `code` and
# `type` (API reference, "Error codes"), Anthropic's `type` ("Errors"), Google's `status` (google.rpc.Code). Lower case.
_STATUS_OF = {
    "invalid_request_error": HTTPStatus.BAD_REQUEST,
    "invalid_prompt": HTTPStatus.BAD_REQUEST,
    "badrequesterror": HTTPStatus.BAD_REQUEST,  # vLLM
    "invalid_argument": HTTPStatus.BAD_REQUEST,
    "failed_precondition": HTTPStatus.BAD_REQUEST,
    "authentication_error": HTTPStatus.UNAUTHORIZED,
    "invalid_api_key": HTTPStatus.UNAUTHORIZED,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "permission_error": HTTPStatus.FORBIDDEN,
    "permission_denied": HTTPStatus.FORBIDDEN,
    "billing_error": HTTPStatus.PAYMENT_REQUIRED,
    "not_found_error": HTTPStatus.NOT_FOUND,
    "not_found": HTTPStatus.NOT_FOUND,
    "model_not_found": HTTPStatus.NOT_FOUND,
    "timeout_error": HTTPStatus.GATEWAY_TIMEOUT,
    "deadline_exceeded": HTTPStatus.GATEWAY_TIMEOUT,
    "request_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "rate_limit_exceeded": HTTPStatus.TOO_MANY_REQUESTS,
    "rate_limit_error": HTTPStatus.TOO_MANY_REQUESTS,
    "resource_exhausted": HTTPStatus.TOO_MANY_REQUESTS,
    _NOT_PAID: HTTPStatus.PAYMENT_REQUIRED,
    "server_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "api_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal_server_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "service_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "server_is_overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "slow_down": HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded_error": _OVERLOADED,
}


def failure_of(
    name: str, status: int, headers: Mapping[str, str], body: bytes, *, api_key: str | None, now: datetime
) -> ChatkeepError:
    """The error for an answer that is not a reply. `headers` are looked up in lower case."""
    complaint = complaint_of(body)
    said = explain(complaint.message, api_key)
    reason = f": {said}" if said else "."
    if status in _KEY_REFUSED or _GEMINIS_KEY_REFUSED in complaint.codes:
        return KeyRefused(f"{name} refused the API key (status {status}){reason}")
    detail = f"{name} answered with status {status}{reason}"
    if status == HTTPStatus.BAD_REQUEST and _is_too_long(complaint):
        return ContextTooLong(detail)
    if _NOT_PAID in complaint.codes:
        status = HTTPStatus.PAYMENT_REQUIRED
    return _error(status, detail, retry_after_s(headers.get("retry-after"), now))


def stream_failure(name: str, complaint: Complaint, api_key: str | None) -> ChatkeepError:
    """The error for a complaint in the middle of a reply: as if HTTP's status had said it.

    A code that is known decides, then the number; with neither it is ProviderFailed.
    """
    said = explain(complaint.message, api_key)
    detail = f"{name}: {said or 'it reported an error'}"
    if _is_too_long(complaint):
        return ContextTooLong(detail)
    known = (_STATUS_OF[code.lower()] for code in complaint.codes if code.lower() in _STATUS_OF)
    return _error(next(known, complaint.status), detail, None)


def _error(status: int | None, detail: str, wait_s: float | None) -> ChatkeepError:
    kind = _KINDS.get(status or 0, RequestRefused if status in _OTHER_REFUSALS else ProviderFailed)
    return kind(detail, retry_after_s=wait_s)


def _is_too_long(complaint: Complaint) -> bool:
    return any(code in _TOO_LONG for code in complaint.codes)


def complaint_of(body: bytes) -> Complaint:
    """What an error body says; the body itself when it is plain text, nothing when it is a web page."""
    try:
        return describe(msgspec.json.decode(body))
    except NO_JSON:
        text = body.decode(errors="replace")
        return Complaint("" if text.lstrip().startswith("<") else text)


def describe(error: object, depth: int = 0) -> Complaint:
    """What a decoded error object says, in any of the known shapes."""
    if depth > _MAX_DEPTH:
        return Complaint("")
    match error:
        case str():
            return Complaint(error)
        case [first, *_]:
            return describe(first, depth + 1)
        case {"error": inner} if inner:
            return describe(inner, depth + 1)
        case dict():
            words = next((error[name] for name in _WORD_FIELDS if error.get(name)), None)
            inner = describe(words, depth + 1)
            return Complaint(inner.message, inner.codes + _codes_in(error), inner.status or _status_in(error))
        case _:
            return Complaint("")


def _codes_in(error: dict[str, object]) -> tuple[str, ...]:
    """OpenAI says `code` and `type`, Anthropic `type`, Google `status` and, in a list of details, `reason`."""
    details = error.get("details")
    reasons = [detail.get("reason") for detail in details if isinstance(detail, dict)] if type(details) is list else []
    return tuple(code for code in (*map(error.get, _CODE_FIELDS), *reasons) if isinstance(code, str) and code)


def _status_in(error: dict[str, object]) -> int | None:
    """OpenRouter, vLLM and Google have a number as `code`, Groq beside it; some write it as text."""
    for name in _STATUS_FIELDS:
        if re.fullmatch("[45][0-9][0-9]", str(error.get(name))):
            return int(str(error[name]))
    return None


def explain(text: str, api_key: str | None) -> str:
    """`text` fit to be shown: on one line, at most `MAX_DETAIL_CHARS` long, without the key."""
    if api_key:
        text = text.replace(api_key, "[key]")
    line = _INVISIBLE.sub(" ", text).strip()
    return line if len(line) <= MAX_DETAIL_CHARS else line[: MAX_DETAIL_CHARS - 1] + "…"


def named(error: BaseException) -> str:
    """An error that is not ours, by its type and its words, fit to be shown."""
    return explain(f"{type(error).__name__}: {error}".removesuffix(": "), None)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, section 10.2.3), None when there is none that makes sense."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(http_date: str, now: datetime) -> float:
    """NaN when it is no date."""
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
