"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from chatkeep.storage.atomic import own_alike, read_regular


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_link_is_given_away_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    folder, target, link = tmp_path / "folder", tmp_path / "target", tmp_path / "folder" / "link"
    folder.mkdir()
    os.chown(folder, 1000, 1000)
    target.write_text("of root")
    link.symlink_to(target)

    own_alike(link, folder)

    assert (link.lstat().st_uid, target.stat().st_uid) == (1000, 0)
