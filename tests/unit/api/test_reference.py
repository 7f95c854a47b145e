"""The pages of the API's description when their files are, or are not, installed."""

import re
from pathlib import Path

from chatkeep.api.reference import REQUIREMENT, PageFiles

ROOT = Path(__file__).parents[3]


def test_without_the_package_a_page_says_how_to_get_it() -> None:
    page, status = PageFiles.installed("no_such_package").page("swagger-ui.css", "swagger-init.js")

    assert status == 404
    assert f"pip install --no-deps {REQUIREMENT}" in page.decode()
    assert b"<script" not in page


def test_a_package_without_the_files_counts_as_not_installed() -> None:
    files = PageFiles.installed("chatkeep")

    assert files.read("swagger-ui.css") is None
    assert files.page()[1] == 404


def test_the_package_that_is_named_is_the_one_that_is_locked() -> None:
    lock = (ROOT / ".ci/locks/pages.lock").read_text()

    assert re.findall(r"^fastapi-offline==\S+", lock, re.MULTILINE) == [REQUIREMENT]
    assert f'"{REQUIREMENT}"' in (ROOT / "pyproject.toml").read_text()
