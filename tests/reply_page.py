"""The rendering of replies alone on a page, built from web/tests/text/harness and served with the page's headers."""

import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatkeep.api.page import _HEADERS

_WEB = Path(__file__).parent.parent / "web"
_BUILD_S = 120.0


@contextmanager
def reply_page(folder: Path) -> Iterator[str]:
    """The address of the page, which is built into `folder`; skips the test without Node."""
    _build(folder)
    (folder / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"/>')
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def _build(folder: Path) -> None:
    node = shutil.which("node")
    vite = _WEB / "node_modules" / "vite" / "bin" / "vite.js"
    if node is None:
        pytest.skip("Node is not installed: apt-get install nodejs npm")
    if not vite.exists():
        pytest.skip("the page's libraries are not installed: npm ci --prefix web")
    config = _WEB / "tests" / "text" / "harness" / "vite.config.ts"
    built = subprocess.run(
        [node, vite, "build", "--config", config],
        cwd=_WEB,
        env={**os.environ, "HARNESS_OUT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_S,
    )
    assert built.returncode == 0, built.stdout + built.stderr


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        for name, value in _HEADERS.get(self.path.removeprefix("/") or "index.html", {}).items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the class it overrides
        """Say nothing."""
