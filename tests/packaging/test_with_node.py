"""How the page is built, or left out, by what is on the PATH: `web/with-node`, which every make target uses.

Stand-ins for `node` and `npm` say and do what those of a machine would.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made_page import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A folder as web/ is, without packages."""
    folder = tmp_path / "web"
    folder.mkdir()
    for name in ("with-node", "package.json", "package-lock.json"):
        shutil.copy(ROOT / "web" / name, folder)
    return folder


@pytest.fixture
def run(web: Path, tmp_path: Path) -> Run:
    """Runs `with-node` with the given `node` and `npm`, and no others."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("bash", "dirname", "sed", "sort", "head", "touch", "mkdir", "env"):
        found = shutil.which(name)
        assert found
        (path / name).symlink_to(found)

    def begin(*command: str, node: str | None = "v20.19.0", npm: str = "mkdir -p node_modules") -> object:
        for name, does in (("node", node and f"echo {node}"), ("npm", f'[ "$1" = ls ] || {{ {npm}; }}')):
            program = path / name
            program.unlink(missing_ok=True)
            if node is not None:
                program.write_text(f"#!/usr/bin/env bash\n{does}\n")
                program.chmod(0o755)
        return subprocess.run(
            [web / "with-node", *command], env={"PATH": str(path)}, capture_output=True, text=True, check=False
        )

    return begin  # type: ignore[return-value]


def test_without_node_the_page_is_left_out_and_it_is_said_how_to_get_it(run: Run) -> None:
    done = run("touch", "done", node=None)

    assert (done.returncode, done.stdout) == (0, "")
    assert "left out: Node.js with npm is not installed" in done.stderr
    wanted = json.loads((ROOT / "web/package.json").read_text())["engines"]["node"]
    assert f"install Node.js {wanted.removeprefix('>=')} or newer and run `make setup`" in done.stderr


@pytest.mark.parametrize(
    ("version", "builds"),
    [("v18.20.4", False), ("v20.9.0", False), ("v8.17.0", False), ("v20.19.0", True), ("v24.1.0", True)],
)
def test_a_node_that_is_too_old_is_as_none(run: Run, web: Path, version: str, builds: bool) -> None:
    done = run("touch", "done", node=version)

    assert done.returncode == 0
    assert (web / "done").exists() is builds
    assert (f"left out: this is Node.js {version[1:]}." in done.stderr) is not builds


def test_packages_that_cannot_be_fetched_leave_the_page_out_and_are_fetched_by_the_next_run(
    run: Run, web: Path
) -> None:
    without_network = run("touch", "done", npm="echo no network >&2; exit 1")

    assert (without_network.returncode, (web / "done").exists()) == (0, False)
    assert "no network\nThe web page is left out" in without_network.stderr
    assert run("touch", "done").returncode == 0
    assert (web / "done").exists()


def test_a_command_that_fails_is_an_error(run: Run) -> None:
    assert run("bash", "-c", "exit 3").returncode == 3


def test_packages_are_installed_once_for_each_lock(run: Run, web: Path) -> None:
    npm = 'echo "$1" >>asked; mkdir -p node_modules'
    for _ in range(2):
        run("touch", "done", npm=npm)
    assert (web / "asked").read_text() == "ci\n"

    newer_s = (web / "node_modules" / ".installed").stat().st_mtime + 1
    os.utime(web / "package-lock.json", (newer_s, newer_s))
    run("touch", "done", npm=npm)
    assert (web / "asked").read_text() == "ci\nci\n"


def test_a_lock_that_does_not_belong_to_its_package_file_is_an_error(web: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    package = web / "package.json"
    package.write_text(package.read_text().replace('"preact": "', '"preact": "9.'))

    done = subprocess.run([web / "with-node", "true"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "run `npm install` in web/" in done.stderr
