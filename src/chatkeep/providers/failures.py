"""Turn a service's refusal into our error: by its status, never by its words; the words go to the reader.

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

_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")  # OpenAI's `code`, llama.cpp's `type`


class StreamBroken(Exception):
    """A stream is not a proper reply; the text says why and may quote the service. Leaves providers/ as ours."""


class RequestRefused(ProviderFailed):
    """The service will not take this one request: to callers a failed provider, but others' requests may pass.

    It has the code of `ProviderFailed`, so `error_of` gives that one back, which it meets first.
    """


_KINDS: dict[int, type[ProviderFailed]] = {
    HTTPStatus.BAD_REQUEST: RequestRefused,
    HTTPStatus.REQUEST_TIMEOUT: ProviderTimedOut,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RequestRefused,
    HTTPStatus.UNPROCESSABLE_ENTITY: RequestRefused,
    HTTPStatus.TOO_MANY_REQUESTS: ProviderRateLimited,
    HTTPStatus.SERVICE_UNAVAILABLE: ProviderUnavailable,
    HTTPStatus.GATEWAY_TIMEOUT: ProviderTimedOut,
    529: ProviderUnavailable,  # Anthropic's overloaded_error, which gateways pass on
}


class Complaint(NamedTuple):
    """What a service says went wrong; both empty when it says nothing."""

    message: str
    code: str


def failure_of(
    name: str, status: int, headers: Mapping[str, str], body: bytes, *, api_key: str | None, now: datetime
) -> ChatkeepError:
    """The error for an answer that is not a reply. `headers` are looked up in lower case."""
    complaint = complaint_of(body)
    said = explain(complaint.message, api_key)
    detail = f"{name} answered with status {status}{': ' + said if said else '.'}"
    if status in _KEY_REFUSED:
        return ProviderFailed(f"{name} refused the API key (status {status}){': ' + said if said else '.'}")
    if status == HTTPStatus.NOT_FOUND:
        return ModelNotFound(detail)
    if status == HTTPStatus.BAD_REQUEST and complaint.code in _TOO_LONG:
        return ContextTooLong(detail)
    kind = _KINDS.get(status, ProviderFailed)
    return kind(detail, retry_after_s=retry_after_s(headers.get("retry-after"), now))


def complaint_of(body: bytes) -> Complaint:
    """What an error body says; the body itself when it is plain text, nothing when it is a web page."""
    try:
        return describe(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError):
        text = body.decode(errors="replace")
        return Complaint("" if text.lstrip().startswith("<") else text, "")


def describe(error: object, depth: int = 0) -> Complaint:
    """What a decoded error object says, in any of the known shapes."""
    if depth > _MAX_DEPTH:
        return Complaint("", "")
    match error:
        case str():
            return Complaint(error, "")
        case [first, *_]:
            return describe(first, depth + 1)
        case {"error": inner} if inner:
            return describe(inner, depth + 1)
        case {"message": message, **others} | {"detail": message, **others} | {"msg": message, **others} if message:
            inner = describe(message, depth + 1)
            codes = (others.get("code"), others.get("type"))
            return Complaint(inner.message, inner.code or next((code for code in codes if isinstance(code, str)), ""))
        case _:
            return Complaint("", "")


def explain(text: str, api_key: str | None) -> str:
    """`text` fit to be shown: on one line, at most `MAX_DETAIL_CHARS` long, without the key."""
    if api_key:
        text = text.replace(api_key, "[key]")
    line = _INVISIBLE.sub(" ", text).strip()
    return line if len(line) <= MAX_DETAIL_CHARS else line[: MAX_DETAIL_CHARS - 1] + "…"


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
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
