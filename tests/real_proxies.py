"""nginx and Caddy as they are installed here, in front of a server; a test is skipped where they are not."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.server import DEADLINE_S, Server, eventually

_NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port}{tls};
        {settings}
    }}
}}
"""
_CADDY = """\
{{
    auto_https off
    admin off
}}
:{port} {{
    bind 127.0.0.1
    {settings}
}}
"""


@contextmanager
def nginx(folder: Path, server: Server, settings: str, certificate: Path | None = None) -> Iterator[str]:
    """Where it listens. `settings` are those of its `server` block; with a certificate for localhost it speaks TLS."""
    command = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if command is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    port, file = free_port(), folder / "nginx.conf"
    tls = f" ssl http2; ssl_certificate {certificate}; ssl_certificate_key {certificate}" if certificate else ""
    file.write_text(_NGINX.format(folder=folder, port=port, tls=tls, settings=here(settings, server)))
    with running(folder, [command, "-c", str(file), "-p", str(folder)], port):
        yield f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}"


@contextmanager
def caddy(folder: Path, server: Server, settings: str) -> Iterator[str]:
    """Where it listens. `settings` are those of its site."""
    command = shutil.which("caddy")
    if command is None:
        pytest.skip("Caddy is not installed: apt-get install caddy")
    port, file = free_port(), folder / "Caddyfile"
    file.write_text(_CADDY.format(port=port, settings=here(settings, server)))
    with running(folder, [command, "run", "--config", str(file), "--adapter", "caddyfile"], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(folder: Path, command: list[str], port: int) -> Iterator[None]:
    """A process that listens on `port` when this is entered, and is dead when it is left."""
    with (folder / "proxy.log").open("wb") as log:
        environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            eventually(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, (folder / "proxy.log").read_text()
            yield
        finally:
            process.kill()  # some wait for their connections to end
            process.wait(DEADLINE_S)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port: int = taken.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def here(settings: str, server: Server) -> str:
    return settings.replace("http://127.0.0.1:8000", server.base_url).replace(
        "127.0.0.1:8000", server.base_url.removeprefix("http://")
    )


def caddy_buffers() -> str:
    """The setting, which has had another name since 2.7."""
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed: apt-get install caddy")
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return "buffer_responses" if re.match(r"v?2\.[0-6]\.", version) else "response_buffers 8MiB"
