"""Files that change while they are read."""

from pathlib import Path

import pytest

from chatkeep.storage.checking.reading import look


def test_what_looks_wrong_and_has_changed_since_it_was_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(b"half")
    seen: list[bytes] = []

    def check(data: bytes) -> bytes:
        seen.append(data)
        path.write_bytes(b"the whole of it")
        return data

    report, identity = look(path, check, lambda data: data == b"the whole of it")

    assert (report, seen) == (b"the whole of it", [b"half", b"the whole of it"])
    assert identity.size == len(report)


def test_what_looks_wrong_and_stands_still_is_read_once_and_what_is_sound_whatever_happens(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(b"half")
    seen: list[bytes] = []

    def check(data: bytes) -> bytes:
        seen.append(data)
        return data

    def change(data: bytes) -> bytes:
        path.write_bytes(b"x")
        return check(data)

    assert look(path, check, lambda _data: False)[0] == b"half"
    assert look(path, change, lambda _data: True)[0] == b"half"
    assert seen == [b"half", b"half"]


def test_a_file_that_never_stands_still_is_told_of_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(b"0")

    def check(data: bytes) -> int:
        return path.write_bytes(data + b"0")

    assert look(path, check, lambda _size: False)[0] == 6


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "gone", bytes, bool)
