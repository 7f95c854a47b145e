"""A copy of chatkeep with a web page of a test's own in it, as `make setup` puts the real one there."""

import shutil
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copy_code(folder: Path) -> Path:
    """Copy the code to `folder`/src, without any page, and return that: the PYTHONPATH of a server."""
    ignored = shutil.ignore_patterns("__pycache__", "static")
    return Path(shutil.copytree(ROOT / "src", folder / "src", ignore=ignored))


def build_page(code: Path, files: Mapping[str, bytes]) -> Path:
    """Put `files`, by their paths in the page, where a build puts them; that folder."""
    static = code / "chatkeep" / "static"
    for name, data in files.items():
        path = static / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return static
