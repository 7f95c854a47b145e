"""`chatkeep export` and `chatkeep import`, as a person runs them: on a folder, beside its server, and elsewhere."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import chatkeep, in_terminal, json_of, line_of
from tests.server import Server, clean_environment, serving

SAMPLES = Path(__file__).parents[1] / "unit" / "archives" / "samples"
MOST_MEMORY_BYTES = 200 * 1000 * 1000


def lines_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every chat's file, by its path in the folder."""
    found = [path for path in folder.rglob("*.json") if ".chatkeep" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with keys: chats of alice, and of the folder itself."""
    with serving(tmp_path_factory.mktemp("archives") / "chats", start=False) as running:
        alice = running.add_key("alice")
        own = running.add_key("own", "--owner", "")
        running.start()
        running.client_of(alice).send("of alice é", "hers")
        running.client_of(own).send("of the folder", "own")
        running.client_of(own).send("another one", "other")
        yield running


def test_a_backup_is_restored_bit_for_bit_for_all_owners(server: Server, tmp_path: Path) -> None:
    made = chatkeep("export", "--all", "-o", "backup.tar.gz", "--json", chats_dir=server.folder, cwd=tmp_path)
    assert json_of(made) == {"path": "backup.tar.gz", "chats": 3}

    restored = chatkeep("import", "backup.tar.gz", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert (restored.returncode, restored.stdout) == (0, "3 chats imported, 0 were there already.\n")
    assert files_of(tmp_path / "new") == files_of(server.folder)
    assert set(files_of(tmp_path / "new")) == {"own.json", "other.json", "@alice/hers.json"}
    again = chatkeep("import", "backup.tar.gz", chats_dir=tmp_path / "new", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, "0 chats imported, 3 were there already.\n")


def test_an_unpacked_backup_is_a_data_folder_and_can_be_imported_too(server: Server, tmp_path: Path) -> None:
    chatkeep("export", "--all", "-o", "backup.tar.gz", chats_dir=server.folder, cwd=tmp_path)
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "xzf", "../backup.tar.gz"], cwd=tmp_path / "unpacked", check=True)

    done = chatkeep("import", "unpacked", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "new") == files_of(server.folder)


def test_one_owners_chats_are_backed_up_and_restored_alone(server: Server, tmp_path: Path) -> None:
    chatkeep("export", "--all", "-o", "all.tar.gz", chats_dir=server.folder, cwd=tmp_path)
    done = chatkeep("import", "all.tar.gz", "--owner", "alice", chats_dir=tmp_path / "new", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("whose chats are not the ones asked for") == 2
    assert set(files_of(tmp_path / "new")) == {"@alice/hers.json"}

    chatkeep("export", "--all", "--owner", "alice", "-o", "hers.tar.gz", chats_dir=server.folder, cwd=tmp_path)
    done = chatkeep("import", "hers.tar.gz", chats_dir=tmp_path / "newer", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(files_of(tmp_path / "newer")) == {"@alice/hers.json"}


def test_a_backup_over_the_network_is_the_keys_owners(server: Server, tmp_path: Path) -> None:
    key = server.add_key("alice-elsewhere", "--owner", "alice")
    there = {"CHATKEEP_URL": server.base_url, "CHATKEEP_API_KEY": key}

    made = chatkeep("export", "--all", "-o", "hers.tar.gz", cwd=tmp_path, environment=there)
    again = chatkeep("import", "hers.tar.gz", cwd=tmp_path, environment=there)
    restored = chatkeep("import", "hers.tar.gz", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert (made.returncode, again.stdout) == (0, "0 chats imported, 1 were there already.\n"), made.stderr
    assert restored.returncode == 0
    assert set(files_of(tmp_path / "new")) == {"@alice/hers.json"}


def test_a_backup_leaves_nothing_but_itself_and_an_earlier_one_stays_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "backup.tar.gz").write_bytes(b"earlier")

    failed = chatkeep("export", "--all", "-o", "backup.tar.gz", chats_dir=tmp_path / "none", cwd=tmp_path)

    assert failed.returncode == 3
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar.gz"]
    assert (tmp_path / "backup.tar.gz").read_bytes() == b"earlier"


def test_a_file_that_is_no_chat_is_told_and_the_backup_has_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "chats"
    folder.mkdir()
    (folder / "broken.json").write_text('{"messages": [')
    (folder / "good.json").write_text('{"messages": [{"role": "user", "content": "hi"}]}')
    (folder / "my notes.json").write_text('{"messages": [{"role": "user", "content": "hi"}]}')
    (folder / "index.json").write_text('{"good": {}}')  # the older format's list: not even told

    done = chatkeep("export", "--all", "-o", "backup.tar.gz", chats_dir=folder, cwd=tmp_path)

    assert done.returncode == 1
    assert "broken.json is not the file of a chat" in done.stderr
    assert "my notes.json has a name that no chat can have" in done.stderr
    assert "index.json" not in done.stderr
    restored = chatkeep("import", "backup.tar.gz", chats_dir=tmp_path / "new", cwd=tmp_path)
    assert (restored.returncode, set(files_of(tmp_path / "new"))) == (0, {"good.json"})


def test_one_chat_goes_to_standard_output_to_a_file_and_into_a_folder(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    data = (server.folder / "own.json").read_bytes()

    shown = chatkeep("export", "own", chats_dir=server.folder, cwd=tmp_path)
    to_file = chatkeep("export", "own", "--format", "md", "-o", "own.md", chats_dir=server.folder, cwd=tmp_path)
    several = chatkeep("export", "own", "other", "-o", "folder", "--json", chats_dir=server.folder, cwd=tmp_path)

    assert shown.stdout.encode() == data
    assert to_file.returncode == 0
    assert "> of the folder\n" in (tmp_path / "own.md").read_text()
    assert [each["path"] for each in json_of(several)] == ["folder/own.json", "folder/other.json"]
    assert (tmp_path / "folder" / "own.json").read_bytes() == data


def test_all_chats_as_text_are_files_in_folders(server: Server, tmp_path: Path) -> None:
    done = chatkeep("export", "--all", "--format", "txt", "-o", "texts", chats_dir=server.folder, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    found = {str(path.relative_to(tmp_path / "texts")) for path in (tmp_path / "texts").rglob("*.txt")}
    assert found == {"own.txt", "other.txt", "@alice/hers.txt"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["export"], 2),
        (["export", "own", "--all"], 2),
        (["export", "own", "other"], 2),
        (["export", "own", "--json"], 2),
        (["export", "--all", "--format", "md"], 2),
        (["export", "none-such"], 3),
        (["export", "a b"], 1),
        (["export", "own", "-o", "/dev/null/x"], 1),
        (["import"], 2),
        (["import", "no-such-file"], 2),
        (["import", str(SAMPLES / "chatgpt.json"), "--from", "claude"], 1),
        (["import", __file__], 1),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    server: Server, tmp_path: Path, arguments: list[str], code: int
) -> None:
    before = files_of(server.folder)

    done = chatkeep(*arguments, chats_dir=server.folder, cwd=tmp_path)

    assert done.returncode == code, done.stderr
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert files_of(server.folder) == before


def test_an_archive_is_imported_into_a_folder_that_a_server_owns_and_is_there_at_once(
    server: Server, tmp_path: Path
) -> None:
    archive = str(SAMPLES / "claude.json")

    done = chatkeep("import", archive, "--owner", "bob", "--json", chats_dir=server.folder, cwd=tmp_path)

    lines = lines_of(done)
    ids = [line["chat_id"] for line in lines if line["kind"] == "imported"]
    assert done.returncode == 1
    assert lines[-1] == {"kind": "done", "count": {"finding": 5, "imported": 2}}
    assert sorted(ids) == sorted(server.client_of(server.add_key("bob")).chats())
    assert lines[0]["what"] == "file cat.png: left out"


def test_a_dry_run_says_what_there_is_and_makes_nothing(tmp_path: Path) -> None:
    done = chatkeep("import", str(SAMPLES / "chatgpt.json"), "--dry-run", chats_dir=tmp_path / "none", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == "2 chats would be imported, if they are not there already.\n"
    assert done.stderr.count("left out") == 7
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b'{"messages": [[]]}'])
def test_what_is_said_of_a_whole_archive_names_it_once(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "some.json").write_bytes(data)

    done = chatkeep("import", "some.json", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[0].count("some.json") == 1


def test_what_came_before_a_broken_end_is_imported_and_the_whole_archive_completes_it(tmp_path: Path) -> None:
    data = (SAMPLES / "claude.json").read_bytes()
    (tmp_path / "claude.json").write_bytes(data[: data.index(b'"uuid": "7771eb71')])

    broken = chatkeep("import", "claude.json", chats_dir=tmp_path / "new", cwd=tmp_path)
    (tmp_path / "claude.json").write_bytes(data)
    whole = chatkeep("import", "claude.json", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert (broken.returncode, broken.stdout) == (1, "1 chats imported, 0 were there already.\n")
    assert "breaks off" in broken.stderr
    assert whole.stdout == "1 chats imported, 1 were there already.\n"


def test_a_file_of_a_chat_without_an_id_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "named.json").write_text('{"messages": [{"role": "user", "content": "hi"}]}')
    (tmp_path / "named (1).json").write_text('{"chat_id": "own-id", "messages": [{"role": "user", "content": "hi"}]}')

    done = chatkeep("import", "named.json", "named (1).json", chats_dir=tmp_path / "new", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert set(files_of(tmp_path / "new")) == {"named.json", "own-id.json"}


def test_nothing_is_overwritten_and_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "chats"
    folder.mkdir()
    (folder / "a.json").write_text('{"messages": [{"role": "user", "content": "mine"}]}')
    (tmp_path / "a.json").write_text('{"messages": [{"role": "user", "content": "theirs"}]}')
    before = files_of(folder)

    done = chatkeep("import", "a.json", chats_dir=folder, cwd=tmp_path)

    assert done.returncode == 1
    assert "a.json: a is the id of another chat; left out" in done.stderr
    assert files_of(folder) == before


def test_in_a_terminal_there_is_a_bar_and_in_a_pipe_there_is_none(tmp_path: Path) -> None:
    archive = str(SAMPLES / "openwebui.json")
    with in_terminal("import", archive, chats_dir=tmp_path / "one", cwd=tmp_path) as terminal:
        assert terminal.read_all() == 1
        assert "Importing" in terminal.screen
        assert "2 chats imported" in terminal.screen

    done = chatkeep("import", archive, chats_dir=tmp_path / "two", cwd=tmp_path)
    assert "Importing" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_large_archive_needs_little_memory(tmp_path: Path) -> None:
    """60 MB here; the figure of a larger one stands in docs/import-export.md."""
    nodes = {
        str(place): {
            "parent": str(place - 1) if place else None,
            "message": {
                "author": {"role": "user"},
                "create_time": 1.7e9,
                "content": {"content_type": "text", "parts": ["word " * 300]},
            },
        }
        for place in range(40)
    }
    conversation = json.dumps({"title": "T", "mapping": nodes})
    with (tmp_path / "large.json").open("w") as file:
        for place in range(60_000_000 // len(conversation)):
            file.write("," if place else "[")
            file.write(f'{{"id": "c{place}", ' + conversation[1:])
        file.write("]")

    # Why a process between: a child's figure begins with the memory of who started it, here all of pytest's.
    measured = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        " print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, *line_of("import", "large.json", "--dry-run")],
        cwd=tmp_path,
        env=clean_environment({}),
        capture_output=True,
        check=True,
    )
    code, peak_kib = map(int, done.stdout.split())

    assert code == 0
    assert peak_kib * 1024 < MOST_MEMORY_BYTES / 2
