"""What is built from the source has the web page in it, and serves it where it is installed."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.made_page import ROOT, build_page, copy_code
from tests.server import serving

PAGE = {"index.html": b"<!doctype html>packaged", "assets/script-1a2b.js": b"1", "assets/script-1a2b.js.br": b"2"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a wheel and an sdist of a clone in which the page was built."""
    clone = tmp_path_factory.mktemp("clone")
    build_page(copy_code(clone), PAGE)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, clone)
    run("-m", "hatchling", "build", "--directory", "dist", cwd=clone)
    return clone / "dist"


def run(*arguments: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_the_wheel_has_the_page_though_git_ignores_it_and_serves_it(built: Path, tmp_path: Path) -> None:
    wheel = only(built, "*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {f"chatkeep/static/{name}" for name in PAGE} <= set(names)
    assert [name for name in names if "node_modules" in name or name.startswith("web/")] == []

    installed = tmp_path / "installed"
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", f"--target={installed}", str(wheel), cwd=tmp_path)
    with serving(tmp_path / "chats", environment={"PYTHONPATH": str(installed)}) as server:
        page = server.client.http.get("/", headers={"Accept": "text/html"})
        assert page.content == PAGE["index.html"]
        script = server.client.http.get("/assets/script-1a2b.js", headers={"Accept-Encoding": "identity"})
        assert script.content == PAGE["assets/script-1a2b.js"]


def test_a_wheel_that_is_built_from_the_sdist_has_the_page_too(built: Path, tmp_path: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    source = only(tmp_path, "chatkeep-*")
    run("-m", "hatchling", "build", "--target", "wheel", "--directory", "dist", cwd=source)

    with zipfile.ZipFile(only(source / "dist", "*.whl")) as archive:
        assert {f"chatkeep/static/{name}" for name in PAGE} <= set(archive.namelist())
