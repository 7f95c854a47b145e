from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.errors import ProviderFailed, ProviderRateLimited, error_of
from chatkeep.providers.failures import (
    MAX_DETAIL_CHARS,
    Complaint,
    RequestRefused,
    complaint_of,
    explain,
    failure_of,
    retry_after_s,
)

NOW = datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"error":{"message":"m","type":"t","param":null,"code":"c"}}', Complaint("m", "c")),
        (b'{"error":{"message":"m","type":"t","code":400}}', Complaint("m", "t")),
        (b'{"error":"m"}', Complaint("m", "")),
        (b'[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]', Complaint("m", "")),
        (b'{"object":"error","message":"m","type":"t","code":null}', Complaint("m", "t")),
        (b'{"detail":"m"}', Complaint("m", "")),
        (b'{"detail":[{"loc":["body"],"msg":"m"}]}', Complaint("m", "")),
        (b'{"message":{"detail":"m"}}', Complaint("m", "")),
        (b"plain text", Complaint("plain text", "")),
        (b" <!doctype html><p>no</p>", Complaint("", "")),
        (b"", Complaint("", "")),
        (b"null", Complaint("", "")),
        (b"{}", Complaint("", "")),
        (b'{"error":null}', Complaint("", "")),
        (b"\xff\xfe", Complaint("\ufffd\ufffd", "")),
    ],
)
def test_what_a_service_says_is_found_in_every_known_shape(body: bytes, complaint: Complaint) -> None:
    assert complaint_of(body) == complaint


@given(st.binary())
def test_no_body_makes_reading_it_fail(body: bytes) -> None:
    complaint_of(body)


def test_a_deep_body_is_not_followed_for_ever() -> None:
    assert complaint_of(b'{"error":' * 100 + b'"m"' + b"}" * 100) == Complaint("", "")


def test_what_is_shown_is_one_short_line_without_the_key_and_invisible_characters() -> None:
    shown = explain("Bad\x00\r\nkey sk-1234 \u202egpj\x1b[31m" + "x" * 500, "sk-1234")
    assert shown.startswith("Bad key [key] gpj [31mxxx")
    assert len(shown) == MAX_DETAIL_CHARS


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sat, 21 Nov 2026 05:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 04:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 05:01:00 -0000", 60.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_a_refused_key_is_named_as_such() -> None:
    error = failure_of("x", 401, {}, b'{"error":{"message":"Incorrect key sk-1234"}}', api_key="sk-1234", now=NOW)
    assert type(error) is ProviderFailed
    assert error.detail == "x refused the API key (status 401): Incorrect key [key]"


def test_the_status_decides_and_not_the_words() -> None:
    body = b'{"error":{"message":"rate limit exceeded","code":"rate_limit_exceeded"}}'
    assert type(failure_of("x", 500, {}, body, api_key=None, now=NOW)) is ProviderFailed
    assert type(failure_of("x", 429, {}, b"all is well", api_key=None, now=NOW)) is ProviderRateLimited


def test_a_refused_request_is_to_callers_a_failed_provider() -> None:
    error = failure_of("x", 400, {}, b"no", api_key=None, now=NOW)
    assert type(error) is RequestRefused
    assert (error.code, error.status) == ("provider_error", 502)
    assert type(error_of(error.code, error.detail)) is ProviderFailed
