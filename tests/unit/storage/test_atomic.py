"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from chatkeep.storage.atomic import read_regular


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_read_that_is_refused_leaves_no_descriptor_open(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "chat.json"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(path)

    again = os.dup(0)
    os.close(again)
    assert again == lowest_free
