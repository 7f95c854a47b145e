from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
    error_of,
)
from chatkeep.providers.failures import (
    MAX_DETAIL_CHARS,
    Complaint,
    KeyRefused,
    RequestRefused,
    complaint_of,
    explain,
    failure_of,
    retry_after_s,
    stream_failure,
)

NOW = datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"error":{"message":"m","type":"t","param":null,"code":"c"}}', Complaint("m", ("c", "t"))),
        (b'{"error":{"message":"m","type":"t","code":400}}', Complaint("m", ("t",), 400)),
        (b'{"error":"m"}', Complaint("m")),
        (
            b'[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]',
            Complaint("m", ("RESOURCE_EXHAUSTED",), 429),
        ),
        (b'{"object":"error","message":"m","type":"t","code":null}', Complaint("m", ("t",))),
        (b'{"detail":"m"}', Complaint("m")),
        (b'{"detail":[{"loc":["body"],"msg":"m"}]}', Complaint("m")),
        (b'{"message":{"detail":"m"}}', Complaint("m")),
        (b'{"type":"error","error":{"type":"t","message":"m"}}', Complaint("m", ("t",))),
        (b'{"error":{"message":"m","code":"503"}}', Complaint("m", ("503",), 503)),
        (b'{"error":{"message":"m","status_code":422}}', Complaint("m", (), 422)),
        (b'{"error":{"message":"m","code":200,"status":7000}}', Complaint("m")),
        (b'{"error":{"code":502}}', Complaint("", (), 502)),
        (
            b'{"error":{"code":400,"message":"m","status":"S","details":[7,{"reason":"R"},{"reason":null}]}}',
            Complaint("m", ("S", "R"), 400),
        ),
        (b'{"error":{"message":"m","details":{"reason":"R"}}}', Complaint("m")),
        (b"plain text", Complaint("plain text")),
        (b" <!doctype html><p>no</p>", Complaint("")),
        (b"", Complaint("")),
        (b"null", Complaint("")),
        (b"{}", Complaint("")),
        (b'{"error":null}', Complaint("")),
        (b"\xff\xfe", Complaint("\ufffd\ufffd")),
    ],
)
def test_what_a_service_says_is_found_in_every_known_shape(body: bytes, complaint: Complaint) -> None:
    assert complaint_of(body) == complaint


@given(st.binary())
def test_no_body_makes_reading_it_fail(body: bytes) -> None:
    complaint_of(body)


def test_a_deep_body_is_not_followed_for_ever() -> None:
    assert complaint_of(b'{"error":' * 100 + b'"m"' + b"}" * 100) == Complaint("")


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
        ("Sat, 21 Nov 99999999999999999999 05:01:00 GMT", None),
        ("Sat, 21 Nov 0001 05:01:00 +2359", 0.0),
        ("Sat, 21 Nov 2026 05:01:00 +99999999999999999999", None),
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
    assert type(error) is KeyRefused
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


@pytest.mark.parametrize("status", [400, 402, 403, 405, 407, 413, 414, 415, 421, 422, 431, 451])
def test_what_asking_again_cannot_mend_may_not_pass_whatever_its_status(status: int) -> None:
    error = failure_of("x", status, {"retry-after": "1"}, b"no", api_key=None, now=NOW)
    assert isinstance(error, RequestRefused | KeyRefused)
    assert not error.may_pass


@pytest.mark.parametrize("status", [409, 424, 425, 429, 500, 502, 503, 529])
def test_what_may_be_over_in_a_moment_may_pass(status: int) -> None:
    error = failure_of("x", status, {}, b"no", api_key=None, now=NOW)
    assert isinstance(error, ProviderFailed)
    assert error.may_pass


def test_a_bill_that_is_not_paid_is_no_rate_limit() -> None:
    body = b'{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}'
    error = failure_of("x", 429, {}, body, api_key=None, now=NOW)
    assert type(error) is KeyRefused
    assert error.detail == "x answered with status 429: m"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"message":"m","type":"server_error","code":null}', ProviderFailed),
        (b'{"message":"m","type":"tokens","code":"rate_limit_exceeded"}', ProviderRateLimited),
        (b'{"message":"m","type":"rate_limit_error"}', ProviderRateLimited),
        (b'{"message":"m","code":429}', ProviderRateLimited),
        (b'{"message":"m","type":"overloaded_error"}', ProviderUnavailable),
        (b'{"message":"m","code":503,"status":"UNAVAILABLE"}', ProviderUnavailable),
        (b'{"message":"m","code":"3505","type":"Rate_Limit_Exceeded"}', ProviderRateLimited),
        (b'{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}', ContextTooLong),
        (b'{"message":"m","type":"exceed_context_size_error","code":400}', ContextTooLong),
        (b'{"message":"m","type":"BadRequestError","code":400}', RequestRefused),
        (b'{"message":"m","type":"timeout_error"}', ProviderTimedOut),
        (b'{"message":"m","type":"authentication_error"}', KeyRefused),
        (b'{"message":"m","type":"not_found_error"}', ModelNotFound),
        (b'{"message":"rate limit, overloaded, timeout","type":"odd"}', ProviderFailed),
        (b'{"message":"m","type":"billing_error"}', KeyRefused),
        (b'{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}', KeyRefused),
        (b'{"message":"m","code":418}', RequestRefused),
        (b'"m"', ProviderFailed),
    ],
)
def test_an_error_in_a_stream_becomes_what_its_code_would_be_as_a_status(
    error: bytes, kind: type[ChatkeepError]
) -> None:
    assert type(stream_failure("x", complaint_of(error), None)) is kind


def test_an_error_in_a_stream_is_told_in_its_words_without_the_key() -> None:
    assert stream_failure("x", Complaint("No\nto sk-1234"), "sk-1234").detail == "x: No to [key]"
    assert stream_failure("x", Complaint(""), None).detail == "x: it reported an error"
