"""A server that cannot start says why in one clear line, and exits with 1."""

from pathlib import Path

import pytest

from tests.faults.conftest import snapshot
from tests.server import refusal, serving


def test_a_second_server_on_a_folder_is_refused_with_the_process_id_of_the_first(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as first:
        first.client.send("hello", "a")
        before = snapshot(first.folder)

        code, said = refusal(first.folder)

        assert code == 1
        assert len(said.splitlines()) == 1
        assert str(first.pid) in said
        assert snapshot(first.folder) == before
        assert first.client.send("still there", "a").status_code == 200


def test_a_folder_is_free_again_when_its_server_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        server.kill()
        server.start()
        assert server.client.send("hello", "a").status_code == 200


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as first:
        port = first.base_url.rpartition(":")[2]

        code, said = refusal(tmp_path / "others", "--port", port)

    assert code == 1
    assert len(said.splitlines()) == 1
    assert port in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHATKEEP_PORT", "eighty"),
        ("CHATKEEP_PORT", "70000"),
        ("CHATKEEP_SHUTDOWN_S", "-1"),
        ("CHATKEEP_STALL_S", "0"),
        ("CHATKEEP_ECHO", "perhaps"),
        ("CHATKEEP_LOG_LEVEL", "loud"),
        ("CHATKEEP_MAX_BODY_BYTES", "many"),
        ("CHATKEEP_FALLBACKS", "nobody"),
        ("CHATKEEP_FALLBACKS", "openai/gpt-4o-mini"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(tmp_path: Path, variable: str, value: str) -> None:
    code, said = refusal(tmp_path / "chats", environment={variable: value}, port=None)

    assert code == 1
    assert variable in said
    assert value in said
    assert "Traceback" not in said
    assert not (tmp_path / "chats").exists()


def test_a_wrong_address_of_a_provider_is_named(tmp_path: Path) -> None:
    code, said = refusal(tmp_path / "chats", environment={"ACME_BASE_URL": "localhost", "ACME_API_KEY": "hidden-key"})

    assert code == 1
    assert "ACME_BASE_URL" in said
    assert "hidden-key" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("taken", ["logs", "logs/app.log/file", "logs/error.log/file"])
def test_a_log_folder_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("in the way")

    code, said = refusal(tmp_path / "chats", environment={"CHATKEEP_LOG_DIR": str(tmp_path / "logs")})

    assert code == 1
    assert len(said.splitlines()) == 1
    assert "CHATKEEP_LOG_DIR" in said
    assert str(tmp_path / "logs") in said
    assert not (tmp_path / "chats").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 10_000, b'{"format":99,"secret":"00","keys":[]}', b"\xff", None]
)
def test_a_file_of_keys_that_cannot_be_read_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    """It never starts open, as one without keys would."""
    keys = tmp_path / "chats/.chatkeep/keys.json"
    keys.parent.mkdir(parents=True)
    if content is None:
        keys.symlink_to(tmp_path / "elsewhere.json")
    else:
        keys.write_bytes(content)

    code, said = refusal(tmp_path / "chats")

    assert code == 1
    assert len(said.splitlines()) == 1
    assert str(keys) in said


def test_traces_without_their_packages_name_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "hidden" / "opentelemetry").mkdir(parents=True)
    (tmp_path / "hidden" / "opentelemetry" / "__init__.py").write_text("raise ImportError(name=__name__)")
    environment = {"CHATKEEP_OTEL": "true", "PYTHONPATH": str(tmp_path / "hidden")}

    code, said = refusal(tmp_path / "chats", environment=environment)

    assert code == 1
    assert len(said.splitlines()) == 1
    assert "pip install 'chatkeep[otel]'" in said
