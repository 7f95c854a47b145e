"""What `chatkeep check` finds in real folders, what its repair does, and that nothing is lost by it."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.model import START, Chat, ChatKey, Message, now
from chatkeep.chat.query import parse_query
from chatkeep.storage.checking.finding import Code, Finding
from chatkeep.storage.checking.folder import FolderCheck
from chatkeep.storage.files import FileStore
from tests.unit.storage.checking.journals import journal

KEPT_S = 3600.0
Damage = Callable[[Path], object]


def a_chat(chat_id: str, run_id: str) -> Chat:
    moment = now()
    messages = [
        Message(role="system", content="Be brief."),
        Message(role="user", content=f"What is {chat_id}?", id=f"msg_{chat_id}_q", timestamp=moment),
        Message(
            role="assistant",
            content="A thing.",
            id=f"msg_{chat_id}_a",
            timestamp=moment,
            run_id=run_id,
            provider="echo",
        ),
    ]
    return Chat(chat_id, chat_id, 1, moment, moment, messages)


async def _fill(root: Path) -> None:
    store = FileStore(root, run_kept_s=KEPT_S, trash_days=7)
    await store.start()
    for owner, chat_id in (("", "one"), ("", "two"), ("", "deleted"), ("alice", "hers")):
        await store.save(ChatKey(owner, chat_id), a_chat(chat_id, f"run_{chat_id}"))
    branched = a_chat("branched", "run_branched")
    edited = Message(role="user", content="And that?", id="msg_b", timestamp=now(), parent_id=START)
    await store.save(
        ChatKey("", "branched"),
        msgspec.structs.replace(branched, revision=2, messages=[*branched.messages, edited], current="msg_b"),
    )
    await store.save(ChatKey("", "deleted"), msgspec.structs.replace(a_chat("deleted", "run_deleted"), revision=2))
    await store.delete(ChatKey("", "deleted"), purge=False)
    await store.aclose()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder as a server leaves it that was stopped."""
    folder = tmp_path / "chats"
    asyncio.run(_fill(folder))
    (folder / ".chatkeep/runs/run_one.jsonl").write_bytes(journal("run_one"))
    (folder / ".chatkeep/runs/run_one.jsonl").chmod(0o600)
    return folder


def look(root: Path, *, repair: bool = False) -> list[Finding]:
    check = FolderCheck(root, run_kept_s=KEPT_S, advance=lambda _done, _total: None)
    return list(check.findings(repair=repair))


def wrong(findings: list[Finding]) -> list[tuple[str, Code]]:
    return [(finding.file, finding.code) for finding in findings if not finding.is_information]


def notes(findings: list[Finding]) -> list[tuple[str, Code]]:
    return [(finding.file, finding.code) for finding in findings if finding.is_information]


def state(root: Path) -> dict[str, tuple[int, int, bytes | str]]:
    """Everything below a folder with its mode, time and content."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for path in sorted(root.rglob("*")):
        at = path.lstat()
        content: bytes | str = (
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        )
        found[str(path.relative_to(root))] = at.st_mode, at.st_mtime_ns, content
    return found


def contents(root: Path) -> set[bytes]:
    """The content of every file, wherever it is, but for the index, which is derived, and empty ones."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.read_bytes() for path in files if "index.sqlite3" not in path.name} - {b""}


def put(name: str, content: bytes, mode: int = 0o600) -> Damage:
    def damage(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)

    return damage


def edit(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def old(name: str, content: bytes) -> Damage:
    def damage(root: Path) -> None:
        put(name, content)(root)
        os.utime(root / name, (time.time() - 3600,) * 2)

    return damage


def open_to_others(root: Path) -> None:
    root.chmod(0o755)
    (root / "one.json").chmod(0o644)


def index(*statements: str) -> Damage:
    def damage(root: Path) -> None:
        database = sqlite3.connect(root / ".chatkeep/index.sqlite3")
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()

    return damage


def overwrite_index(root: Path) -> None:
    path = root / ".chatkeep/index.sqlite3"
    data = bytearray(path.read_bytes())
    data[8192:24576] = b"\xa5" * 16384
    path.write_bytes(bytes(data))


def index_folder(root: Path) -> None:
    (root / ".chatkeep/index.sqlite3").unlink()
    (root / ".chatkeep/index.sqlite3").mkdir()


def link_lock(root: Path) -> None:
    (root / ".chatkeep/lock").rename(root / ".lock")
    (root / ".chatkeep/lock").symlink_to(root / ".lock")


CUT = b'{\n  "format": 1,\n  "chat_id": "cut",\n  "mess'
RUNS = ".chatkeep/runs"
INDEX = ".chatkeep/index.sqlite3"
DAMAGES: dict[str, tuple[Damage, str, Code]] = {
    "cut chat": (put("cut.json", CUT), "cut.json", Code.NOT_JSON),
    "cut chat of an owner": (put("@alice/cut.json", CUT), "@alice/cut.json", Code.NOT_JSON),
    "no chat": (put("package.json", b'{"name": "x"}'), "package.json", Code.NOT_A_CHAT),
    "damaged text": (edit("one.json", lambda data: data.replace(b"thing", b"th\xffng")), "one.json", Code.NOT_UTF8),
    "renamed chat": (
        edit("one.json", lambda data: data.replace(b'"one"', b'"uno"', 1)),
        "one.json",
        Code.WRONG_CHAT_ID,
    ),
    "status": (
        edit("one.json", lambda data: data.replace(b'"echo"', b'"echo","status":"odd"')),
        "one.json",
        Code.WRONG_VALUE,
    ),
    "link": (lambda root: (root / "link.json").symlink_to("one.json"), "link.json", Code.NOT_A_FILE),
    "pipe": (lambda root: os.mkfifo(root / "pipe.json"), "pipe.json", Code.NOT_A_FILE),
    "folder": (lambda root: (root / "folder.json").mkdir(), "folder.json", Code.NOT_A_FILE),
    "name": (put("my notes.json", b'{"messages": []}'), "my notes.json", Code.NOT_A_CHAT_ID),
    "owner": (put("@No Body/x.json", b'{"messages": []}'), "@No Body", Code.NOT_AN_OWNER),
    "owner without a name": (lambda root: (root / "@").mkdir(), "@", Code.NOT_AN_OWNER),
    "owner no folder": (put("@bob", b"x"), "@bob", Code.NOT_AN_OWNER),
    "mode": (open_to_others, "one.json", Code.OPEN_TO_OTHERS),
    "journal torn": (
        edit(f"{RUNS}/run_one.jsonl", lambda data: data[:-30]),
        f"{RUNS}/run_one.jsonl",
        Code.JOURNAL_TORN,
    ),
    "journal gap": (
        edit(f"{RUNS}/run_one.jsonl", lambda data: data.replace(b'"id":2', b'"id":7')),
        f"{RUNS}/run_one.jsonl",
        Code.JOURNAL_GAP,
    ),
    "journal behind its end": (
        edit(f"{RUNS}/run_one.jsonl", lambda data: data + b"\0" * 9),
        f"{RUNS}/run_one.jsonl",
        Code.JOURNAL_AFTER_END,
    ),
    "journal of another name": (put(f"{RUNS}/run_x.jsonl", journal("run_y")), f"{RUNS}/run_x.jsonl", Code.JOURNAL_NAME),
    "second journal of a run": (
        put(f"{RUNS}/run_x.jsonl", journal("run_one")),
        f"{RUNS}/run_x.jsonl",
        Code.JOURNAL_NAME,
    ),
    "journal without record": (put(f"{RUNS}/run_x.jsonl", b"{}\n{}\n"), f"{RUNS}/run_x.jsonl", Code.JOURNAL_UNREADABLE),
    "journal put aside": (
        put(f"{RUNS}/run_x.unreadable", b"{}\n"),
        f"{RUNS}/run_x.unreadable",
        Code.JOURNAL_UNREADABLE,
    ),
    "journal a folder": (lambda root: (root / RUNS / "x.jsonl").mkdir(), f"{RUNS}/x.jsonl", Code.NOT_A_FILE),
    "trash": (put(".chatkeep/trash/x.json", b"{}"), ".chatkeep/trash/x.json", Code.TRASH_NAME),
    "trash of an owner": (put(".chatkeep/trash/@a/x~y.json", b"{}"), ".chatkeep/trash/@a/x~y.json", Code.TRASH_NAME),
    "generation name": (
        put(".chatkeep/generations/x.json", b"{}"),
        ".chatkeep/generations/x.json",
        Code.GENERATION_NAME,
    ),
    "generation": (
        put(".chatkeep/generations/one~4.json", CUT),
        ".chatkeep/generations/one~4.json",
        Code.GENERATION_UNREADABLE,
    ),
    "generation in the trash": (
        put(".chatkeep/trash/generations/@a/x~1~2.json", CUT),
        ".chatkeep/trash/generations/@a/x~1~2.json",
        Code.GENERATION_UNREADABLE,
    ),
    "generation name in the trash": (
        put(".chatkeep/trash/generations/x~1.json", CUT),
        ".chatkeep/trash/generations/x~1.json",
        Code.GENERATION_NAME,
    ),
    "sessions": (put(".chatkeep/sessions.json", b"{"), ".chatkeep/sessions.json", Code.SESSIONS_UNREADABLE),
    "lost file": (old(".chatkeep/tmp/@one-1234", CUT), ".chatkeep/tmp/@one-1234", Code.LOST_TEMPORARY),
    "index no database": (put(INDEX, b"no database" * 100), INDEX, Code.INDEX_BROKEN),
    "index overwritten": (overwrite_index, INDEX, Code.INDEX_BROKEN),
    "index a folder": (index_folder, INDEX, Code.INDEX_BROKEN),
    "index without a table": (index("DROP TABLE texts"), INDEX, Code.INDEX_BROKEN),
    "index count": (index("UPDATE chats SET message_count = 7 WHERE chat_id = 'hers'"), INDEX, Code.INDEX_WRONG),
    "index time": (index("UPDATE chats SET last_updated = '2020' WHERE chat_id = 'one'"), INDEX, Code.INDEX_WRONG),
    "index row missing": (
        index("DELETE FROM messages", "DELETE FROM texts", "DELETE FROM waiting", "DELETE FROM chats"),
        INDEX,
        Code.INDEX_WRONG,
    ),
    "index row too much": (
        index(
            "INSERT INTO chats (owner, chat_id, title, created_at, last_updated, message_count, size, mtime_ns, inode)"
            " VALUES ('', 'nobody', '', '', '', 0, 1, 1, 1)"
        ),
        INDEX,
        Code.INDEX_WRONG,
    ),
    "index messages without chat": (index("UPDATE messages SET chat = 99"), INDEX, Code.INDEX_WRONG),
    "index text missing": (index("DELETE FROM texts WHERE id IN (SELECT min(id) FROM texts)"), INDEX, Code.INDEX_WRONG),
    "index searched text missing": (index("DELETE FROM waiting"), INDEX, Code.INDEX_WRONG),
}


def test_a_folder_that_a_server_left_has_no_findings_and_is_only_read(root: Path) -> None:
    before = state(root)

    assert look(root) == []
    assert state(root) == before


def test_a_repair_of_a_sound_folder_changes_nothing_but_the_lock(root: Path) -> None:
    before = state(root)

    assert look(root, repair=True) == []

    after = state(root)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {".chatkeep/lock"}


@pytest.mark.parametrize(("damage", "file", "code"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_without_changing_anything_and_repaired_without_losing_a_byte(
    root: Path, damage: Damage, file: str, code: Code
) -> None:
    damage(root)
    before, bytes_before = state(root), contents(root)

    found = look(root)
    assert {(file, code)} == set(wrong(found))
    assert not any(finding.repaired for finding in found)
    assert state(root) == before

    repaired = look(root, repair=True)
    assert {(file, code)} == set(wrong(repaired))
    assert all(finding.repaired for finding in repaired if not finding.is_information)
    whole = b"".join(contents(root))
    # Why the end alone of a cut journal: its beginning is in place.
    assert all(content in contents(root) or content[-9:] in whole for content in bytes_before)

    assert wrong(look(root)) == []
    settled = state(root)
    assert wrong(look(root, repair=True)) == []
    assert {name: at for name, at in state(root).items() if "lock" not in name} == {
        name: at for name, at in settled.items() if "lock" not in name
    }
    asyncio.run(_starts_and_finds(root))


async def _starts_and_finds(root: Path) -> None:
    """A server can use the folder, and search finds what is in the chats."""
    store = FileStore(root, run_kept_s=KEPT_S, trash_days=7)
    await store.start()
    try:
        for owner, chat_id in (("", "two"), ("alice", "hers")):
            found = await store.search(owner, parse_query(chat_id), limit=5, offset=0)
            assert [hit.chat_id for hit in found.results] == [chat_id]
    finally:
        await store.aclose()


@pytest.mark.parametrize("name", [name for name, (_, file, _) in DAMAGES.items() if file != INDEX])
def test_what_the_report_says_brings_back_what_was_there(root: Path, name: str) -> None:
    damage, file, code = DAMAGES[name]
    damage(root)
    before = {name: at for name, at in state(root).items() if "index.sqlite3" not in name and "lock" not in name}

    look(root, repair=True)
    (report,) = (root / ".chatkeep/quarantine").glob("*/report.jsonl")
    (line,) = map(json.loads, report.read_text().splitlines())
    assert (line["file"], line["codes"]) == (file, [code])
    subprocess.run(["sh", "-c", line["undo"]], cwd=root, check=True)

    after = {name: at for name, at in state(root).items() if name in before}
    assert {name: at[::2] for name, at in after.items()} == {name: at[::2] for name, at in before.items()}


def test_a_copy_that_is_renamed_loses_the_runs_in_the_same_repair(root: Path) -> None:
    shutil.copy2(root / "one.json", root / "my copy.json")

    repaired = look(root, repair=True)

    assert all(finding.repaired for finding in repaired if not finding.is_information)
    assert set(wrong(repaired)) >= {("my copy.json", Code.NOT_A_CHAT_ID), ("my-copy.json", Code.DUPLICATE_RUN)}
    assert not wrong(look(root))


def test_a_copied_chat_loses_the_runs_of_the_one_it_was_copied_from(root: Path) -> None:
    shutil.copy(root / "one.json", root / "copy.json")
    (root / "@bob").mkdir(mode=0o700)
    shutil.copy2(root / "one.json", root / "@bob/one.json")
    os.utime(root / "one.json", ns=(1, 1))

    found = look(root)
    repaired = look(root, repair=True)

    assert set(wrong(found)) == {
        ("copy.json", Code.WRONG_CHAT_ID),
        ("copy.json", Code.DUPLICATE_RUN),
        ("@bob/one.json", Code.DUPLICATE_RUN),
    }
    assert all(finding.repaired for finding in repaired if not finding.is_information)
    assert wrong(look(root)) == []
    assert [b"run_one" in (root / name).read_bytes() for name in ("one.json", "copy.json", "@bob/one.json")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("damage", "file", "code"),
    [
        (put("new.json", b'{"format": 99, "messages": []}'), "new.json", Code.NEWER_FORMAT),
        (put(".chatkeep/keys.json", b"{"), ".chatkeep/keys.json", Code.KEYS_UNREADABLE),
        (link_lock, ".chatkeep/lock", Code.NOT_A_FILE),
    ],
)
def test_what_a_program_must_not_mend_is_left_as_it_is_and_stays_a_finding(
    root: Path, damage: Damage, file: str, code: Code
) -> None:
    damage(root)
    before = state(root)[file][2]

    finding = next(finding for finding in look(root, repair=True) if not finding.is_information)

    assert (finding.file, finding.code, finding.repaired) == (file, code, False)
    assert "not repaired" in finding.what
    assert state(root)[file][2] == before


NOTED: dict[str, tuple[Damage, str, Code]] = {
    "by hand": (put("hand.json", b'{"messages": [{"role": "user", "content": "hi"}]}'), "hand.json", Code.OLDER_FORMAT),
    "foreign field": (
        edit("one.json", lambda data: data.replace(b'"title"', b'"color": 1, "title"')),
        "one.json",
        Code.FOREIGN_FIELDS,
    ),
    "foreign file": (put("README.md", b"x"), "README.md", Code.FOREIGN_FILE),
    "foreign JSON": (put("a b.json", b"[]"), "a b.json", Code.FOREIGN_FILE),
    "no index": (lambda root: (root / INDEX).unlink(), INDEX, Code.INDEX_MISSING),
    "older index": (index("PRAGMA user_version = 1"), INDEX, Code.INDEX_OTHER_VERSION),
    "edited while no server ran": (edit("one.json", lambda data: data + b"\n"), INDEX, Code.INDEX_BEHIND),
    "removed while no server ran": (lambda root: (root / "one.json").unlink(), INDEX, Code.INDEX_BEHIND),
    "owner removed": (lambda root: shutil.rmtree(root / "@alice"), INDEX, Code.INDEX_BEHIND),
    "unfinished": (put(f"{RUNS}/r.jsonl", journal("r", ended=False)), f"{RUNS}/r.jsonl", Code.JOURNAL_UNFINISHED),
    "never begun": (put(f"{RUNS}/r.jsonl", b'{"run'), f"{RUNS}/r.jsonl", Code.JOURNAL_NEVER_BEGUN),
    "expired": (old(f"{RUNS}/r.jsonl", journal("r") + b""), f"{RUNS}/r.jsonl", Code.JOURNAL_EXPIRED),
    "audit": (put(".chatkeep/audit.jsonl", b'{"at": "\xff"}\n'), ".chatkeep/audit.jsonl", Code.AUDIT_TORN),
}


@pytest.mark.parametrize(("damage", "file", "code"), NOTED.values(), ids=NOTED)
def test_what_is_no_damage_is_told_and_neither_counted_nor_touched_by_a_repair(
    root: Path, damage: Damage, file: str, code: Code
) -> None:
    damage(root)
    before = state(root)

    found = look(root)
    repaired = look(root, repair=True)

    assert wrong(found) == wrong(repaired) == []
    assert (file, code) in notes(found)
    after = state(root)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {".chatkeep/lock"}


def test_an_index_json_of_the_older_format_hidden_files_and_new_temporary_ones_are_passed_over(root: Path) -> None:
    put("index.json", b'{"chats": []}')(root)
    put(".git/HEAD", b"x")(root)
    put(".one.json.swp", b"x")(root)
    put(".chatkeep/tmp/keys.json-12", b"x")(root)

    assert [finding for finding in look(root) if finding.code is not Code.INDEX_BEHIND] == []


def test_modes_do_not_matter_in_a_folder_that_others_cannot_enter(root: Path) -> None:
    root.chmod(0o700)
    (root / "one.json").chmod(0o644)

    assert look(root) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_finding(root: Path) -> None:
    (root / "one.json").chmod(0o000)

    assert wrong(look(root)) == [("one.json", Code.NOT_READABLE)]


def test_a_repair_that_the_disk_refuses_leaves_the_finding_and_the_file(root: Path) -> None:
    put("cut.json", CUT)(root)
    put(".chatkeep/quarantine", b"in the way")(root)

    (finding,) = [finding for finding in look(root, repair=True) if not finding.is_information]

    assert (finding.code, finding.repaired) == (Code.NOT_JSON, False)
    assert "It was not repaired" in finding.what
    assert (root / "cut.json").read_bytes() == CUT


def test_without_an_index_a_repair_mends_chats_and_leaves_the_index_to_the_next_start(root: Path) -> None:
    (root / INDEX).unlink()
    edit("one.json", lambda data: data.replace(b'"one"', b'"uno"', 1))(root)

    assert wrong(look(root, repair=True)) == [("one.json", Code.WRONG_CHAT_ID)]
    assert not (root / INDEX).exists()
