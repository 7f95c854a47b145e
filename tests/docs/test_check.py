"""The page about `chatkeep check` names every finding there is."""

import re
from pathlib import Path

from chatkeep.storage.checking.finding import Code, Finding

PAGE = (Path(__file__).parents[2] / "docs" / "check.md").read_text()


def test_every_code_has_its_row_and_information_stands_apart() -> None:
    findings, information = PAGE.split("\n## Information\n")
    rows = [re.findall(r"^\| `([a-z0-9_]+)` \|", part, re.MULTILINE) for part in (findings, information)]

    expected: tuple[list[str], list[str]] = ([], [])
    for code in Code:
        expected[Finding("x", code, "x").is_information].append(code.value)
    assert rows == list(expected)
