import pytest

from chatkeep.telemetry.masks import mask_secrets, mask_text

KEY = "ck_" + "Ab-_9" * 8 + "xyz"  # 43 characters after the prefix


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "Authorization",
        "openai_api_key",
        "cookie",
        "access_token",
        "token",
        "X-Auth-Token",
        "refreshToken",
        "X-API-Key",
        "client_secret",
        "Set-Cookie",
    ],
)
def test_what_sounds_like_a_secret_is_masked(name: str) -> None:
    assert mask_secrets(None, "info", {name: "sk-1", "event": "x"}) == {name: "***", "event": "x"}


@pytest.mark.parametrize(
    "name", ["prompt_tokens", "tokens_per_second", "time_to_first_token_ms", "first_token_s", "key", "chat_id", "route"]
)
def test_what_does_not_is_left_as_it_is(name: str) -> None:
    assert mask_secrets(None, "info", {name: 12}) == {name: 12}


def test_headers_are_masked_in_each_form_they_have() -> None:
    event = mask_secrets(
        None,
        "info",
        {
            "mapping": {"Authorization": "Basic abc", "Accept": "text/html"},
            "pairs": [(b"authorization", b"whatever"), (b"accept", b"text/html")],
            "deep": {"request": [{"headers": {"Cookie": "session=1"}}]},
        },
    )

    assert event == {
        "mapping": {"Authorization": "***", "Accept": "text/html"},
        "pairs": [["authorization", "***"], ["accept", "text/html"]],
        "deep": {"request": [{"headers": {"Cookie": "***"}}]},
    }


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("bearer abc", "bearer ***"),
        (f"key {KEY} is wrong", "key *** is wrong"),
        (f'{{"key":"{KEY}"}}', '{"key":"***"}'),
        ("invalid key sk-proj-0123456789abcdef", "invalid key ***"),
        ("invalid key sk-ant-api03-0123_456-789abcdef", "invalid key ***"),
        ("x?key=AIzaSyA-0123456789abcdefghij_klmnopqrst&alt=sse", "x?key=***&alt=sse"),
        ("invalid key gsk_0123456789abcdefABCDEF", "invalid key ***"),
        ("invalid key xai-0123456789abcdefABCDEF", "invalid key ***"),
        ("a task-0123456789abcdefghij", "a task-0123456789abcdefghij"),
        ("ck_short", "ck_short"),
    ],
)
def test_a_key_is_masked_wherever_it_stands(text: str, masked: str) -> None:
    assert mask_text(text) == masked
    assert mask_secrets(None, "info", {"event": [{"detail": text.encode()}]}) == {"event": [{"detail": masked}]}


def test_an_object_is_masked_as_the_text_it_becomes() -> None:
    assert mask_secrets(None, "info", {"error": ValueError(f"no {KEY}")}) == {"error": "ValueError('no ***')"}


def test_a_text_without_end_is_cut() -> None:
    assert len(mask_text("x" * 1_000_000)) < 5000
