"""Kill -9 at every point of `chatkeep check --repair` where something is written, synced, linked or renamed."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatkeep.chat.model import Chat, ChatKey, Message, now
from chatkeep.storage.checking.folder import FolderCheck
from chatkeep.storage.files import FileStore
from tests.crash.conftest import KILLER
from tests.server import DEADLINE_S, clean_environment
from tests.unit.storage.checking.journals import journal

CUT = b'{\n  "format": 1,\n  "chat_id": "cut",\n  "mess'
TORN = b'{"id":4,"event":"del'


async def _fill(root: Path) -> None:
    store = FileStore(root, run_kept_s=3600, trash_days=7)
    await store.start()
    moment = now()
    user = Message(role="user", content="hello", id="msg_1", timestamp=moment)
    for chat_id in ("sound", "renamed"):
        await store.save(ChatKey("", chat_id), Chat(chat_id, "T", 1, moment, moment, [user]))
    await store.aclose()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each kind of damage that is repaired in another way."""
    root = tmp_path_factory.mktemp("damaged") / "chats"
    asyncio.run(_fill(root))
    renamed = root / "renamed.json"
    renamed.write_bytes(renamed.read_bytes().replace(b'"renamed"', b'"name"'))
    (root / "cut.json").write_bytes(CUT)
    (root / "my notes.json").write_bytes(b'{"messages": [{"role": "user", "content": "note"}]}')
    (root / ".chatkeep/runs/run_1.jsonl").write_bytes(journal("run_1", ended=False) + TORN)
    for path in root.rglob("*.json*"):
        path.chmod(0o600)
    root.chmod(0o755)
    (root / "sound.json").chmod(0o644)
    with sqlite3.connect(root / ".chatkeep/index.sqlite3") as database:
        database.execute("UPDATE messages SET chat = 99")
    database.close()
    return root


def _repair(root: Path, order: str) -> subprocess.CompletedProcess[str]:
    control = root.with_name("control")
    control.write_text(order)
    return subprocess.run(
        [sys.executable, str(KILLER), str(control), "check", "--repair", "--chats-dir", str(root)],
        env=clean_environment({}),
        cwd=root.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


def _contents(root: Path) -> list[bytes]:
    """Of every file but the index, which is derived, and the lock, which holds a process id."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    return [path.read_bytes() for path in files if "index.sqlite3" not in path.name]


def _orders(root: Path) -> list[str]:
    """Before each point in turn, and in the middle of each write. A kill loses nothing that is not synced yet."""
    done = _repair(root, "list")
    assert done.returncode == 0, done.stdout + done.stderr
    counts: Counter[str] = Counter()
    orders = []
    for point in root.with_name("control.points").read_text().splitlines():
        if point.startswith("sync"):
            continue
        counts[point] += 1
        orders.append(f"before {counts[point]} {point}")
        if point.startswith("write") and point != "write lock":
            orders.append(f"during {counts[point]} {point}")
    return orders


def _check_killed(damaged: Path, root: Path, order: str) -> None:
    shutil.copytree(damaged, root)

    killed = _repair(root, order)

    assert killed.returncode == -signal.SIGKILL, (order, killed.stdout, killed.stderr)
    found = _contents(root)
    for content in filter(None, _contents(damaged)):
        kept = content.removesuffix(TORN)
        assert any(kept in each for each in found), order
        assert kept == content or any(each.endswith(TORN) for each in found), order

    check = FolderCheck(root, run_kept_s=3600, advance=lambda _done, _total: None)
    again = [finding for finding in check.findings(repair=True) if not finding.is_information]
    assert all(finding.repaired for finding in again), (order, again)
    assert not [finding for finding in check.findings(repair=False) if not finding.is_information], order


def test_wherever_a_repair_is_killed_every_byte_is_in_place_or_in_quarantine_and_the_next_one_mends_the_rest(
    damaged: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "listed" / "chats"
    shutil.copytree(damaged, listed)
    orders = _orders(listed)
    for point in ("replace chat", "replace transcript", "link chat", "truncate journal", "replace index.sqlite3"):
        assert f"before 1 {point}" in orders

    with ThreadPoolExecutor(2) as threads:
        roots = [tmp_path / str(number) / "chats" for number in range(len(orders))]
        list(threads.map(_check_killed, [damaged] * len(orders), roots, orders))
