"""Servers and small disks for the tests of faults."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server, serving


class Disk:
    """A small file system of its own at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room for anything."""
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while os.write(descriptor, b"x" * 4096):
                pass
        except OSError:
            return
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Take the filler away."""
        self._filler.unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Allow no more writes, not even root's."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "chats"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk could be mounted: {mounted.stderr.decode().strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module; each test has chats of its own."""
    with serving(tmp_path_factory.mktemp("faults") / "chats") as running:
        yield running


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file in the data folder with its bytes, but for the index, which is derived."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("index.sqlite3")
    }
