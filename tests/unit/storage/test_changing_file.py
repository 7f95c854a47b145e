"""A file that others change, and what it may be."""

import os
from pathlib import Path

import pytest

from chatkeep.errors import StorageFailed
from chatkeep.storage.changing_file import MOST_BYTES, ChangingFile


def test_a_file_is_given_once_after_each_change_also_through_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"one")
    link.symlink_to(file)
    read = ChangingFile(link)
    first = [read(), read()]
    file.write_bytes(b"other")

    assert [*first, read(), read()] == [b"one", None, b"other", None]


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "device", "loop", "large"])
def test_what_is_no_file_of_a_sane_size_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "large":
            path.write_bytes(b"x" * (MOST_BYTES + 1))

    with pytest.raises(StorageFailed):
        ChangingFile(path)()


def test_a_file_that_could_not_be_read_is_given_when_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()
    read = ChangingFile(path)
    with pytest.raises(StorageFailed):
        read()
    path.rmdir()
    path.write_bytes(b"one")

    assert read() == b"one"
