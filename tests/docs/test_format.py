"""What docs/format.md shows of the file is what chatkeep does with it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatkeep.chat.branch import active_path
from chatkeep.chat.model import Chat, Message

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")

ROWS = [
    {"role": "system", "content": "s"},
    {"id": "q1", "role": "user", "content": "q1"},
    {"id": "a1", "role": "assistant", "content": "a1"},
    {"id": "q1b", "role": "user", "content": "q1b", "parent_id": ""},
    {"id": "a1b", "role": "assistant", "content": "a1b"},
    {"id": "a1c", "role": "assistant", "content": "a1c", "parent_id": "q1b"},
]


@pytest.mark.parametrize("current", [None, "a1", "a1b", "gone"])
@pytest.mark.parametrize("begin", [0, 1])
def test_the_snippet_that_follows_branches_finds_the_active_path(current: str | None, begin: int) -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "parent_id" in block)
    rows: list[dict[str, Any]] = json.loads(json.dumps(ROWS[begin:]))
    names: dict[str, Any] = {"messages": rows, "chat": {"current": current} if current else {}}

    exec(code, names)

    chat = Chat("c", "", 1, "", "", [Message(**row) for row in rows], {}, current)
    assert [row["content"] for row in names["path"]] == [message.content for message in active_path(chat)]
