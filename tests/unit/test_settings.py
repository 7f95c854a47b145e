from pathlib import Path

import pytest

from chatkeep.settings import Settings, WrongSettings, doubts, is_address, read_settings, variable_of


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(__import__("os").environ):
        monkeypatch.delenv(name)


def test_without_anything_the_defaults_hold() -> None:
    settings = read_settings()

    assert (settings.host, settings.port, settings.chats_dir) == ("127.0.0.1", 8000, Path("chats"))
    assert settings.providers == ()


def test_an_option_wins_over_the_environment_which_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CHATKEEP_PORT=1\nCHATKEEP_HOST=one\nCHATKEEP_STALL_S=1\nGROQ_API_KEY=from-file\n")
    monkeypatch.setenv("CHATKEEP_PORT", "2")
    monkeypatch.setenv("CHATKEEP_HOST", "two")

    settings = read_settings(port=3)

    assert (settings.port, settings.host, settings.stall_s) == (3, "two", 1)
    assert [provider.name for provider in settings.providers] == ["groq"]


def test_an_option_that_was_left_out_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKEEP_PORT", "2")

    assert read_settings(port=None).port == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHATKEEP_PORT", "99999"),
        ("CHATKEEP_PORT", "http"),
        ("CHATKEEP_STALL_S", "0"),
        ("CHATKEEP_LOG_LEVEL", "loud"),
        ("CHATKEEP_CONTEXT_TOKENS", "1"),
        ("LOG_JSON", "maybe"),
    ],
)
def test_a_wrong_value_names_the_variable_and_shows_the_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(WrongSettings) as caught:
        read_settings()

    (line,) = str(caught.value).splitlines()
    assert variable.removeprefix("CHATKEEP_") in line
    assert value in line


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKEEP_PORT", "-1")
    monkeypatch.setenv("CHATKEEP_RUN_S", "-1")

    with pytest.raises(WrongSettings) as caught:
        read_settings()

    assert len(str(caught.value).splitlines()) == 2


def test_an_empty_value_counts_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKEEP_PORT", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")

    settings = read_settings()

    assert (settings.port, settings.providers) == (8000, ())


def test_any_name_makes_a_provider_and_our_own_names_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "MY_SERVER_BASE_URL",
        "MY_SERVER_MODEL",
        "CHATKEEP_API_KEY",
        "API_KEY",
        "OLLAMA_MODEL",
    ):
        monkeypatch.setenv(name, "x")

    names = {provider.name: provider.model for provider in read_settings().providers}

    assert names == {"openai": None, "my_server": "x"}


def test_a_key_is_shown_by_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    assert "sk-very-secret" not in repr(read_settings())


def test_ollamas_address_may_leave_out_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "gpu:11434")

    assert read_settings().ollama_host == "http://gpu:11434"


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert variable_of(name).isupper() or field.exclude


def test_a_setting_that_does_not_exist_and_a_key_that_can_be_guessed_are_doubted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATKEEP_RATE_LIMIT_REQUEST", "5")
    monkeypatch.setenv("CHATKEEP_API_KEY", "short")
    monkeypatch.setenv("CHATKEEP_PORT", "1")

    said = doubts(read_settings())

    assert len(said) == 2
    assert "CHATKEEP_RATE_LIMIT_REQUEST " in said[0]
    assert "CHATKEEP_API_KEY" in said[1]
    assert "short" not in said[1]


@pytest.mark.parametrize("key", ["schlüssel", "two words", "x" * 5000])
def test_a_key_that_no_header_carries_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("CHATKEEP_API_KEY", key)

    with pytest.raises(WrongSettings) as caught:
        read_settings()

    assert key not in str(caught.value)


def test_a_proxys_network_is_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATKEEP_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
    assert read_settings().trusted_proxies == ("10.0.0.0/8", "127.0.0.1")

    monkeypatch.setenv("CHATKEEP_TRUSTED_PROXIES", '["127.0.0.1"]')
    with pytest.raises(WrongSettings):
        read_settings()


@pytest.mark.parametrize(
    "address",
    [
        "https://chat.example.org",
        "http://[::1]:8000",
        "http://localhost:8000/chat/",
        "https://me:secret@müller.example",
    ],
)
def test_an_address_may_have_a_port_a_path_and_a_password(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "wrong",
    [
        *("chat.example.org", "ftp://chat.example.org", "http://", "http://:8000", "http://[", "http://[::1"),
        *("http://h:abc", "http://h:99999", "http://h/?query", "http://h/#part", "http://h/a b", "HTTP", ""),
    ],
)
def test_what_a_client_could_not_ask_is_no_address(wrong: str) -> None:
    assert not is_address(wrong)
