"""`chatkeep doctor` through real proxies: each with the settings that docs/deploy.md shows, and with worse ones."""

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatkeep.cli.examine import Plan, examine
from chatkeep.doctor.report import Finding, Verdict
from tests.server import DEADLINE_S, Server, eventually, serving

DEPLOY = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")

_NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port};
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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("proxied") / "chats") as running:
        yield running


@contextmanager
def nginx(folder: Path, server: Server, settings: str) -> Iterator[str]:
    command = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if command is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port, settings=here(settings, server)))
    with running(folder, [command, "-c", str(file), "-p", str(folder)], port) as url:
        yield url


@contextmanager
def caddy(folder: Path, server: Server, settings: str) -> Iterator[str]:
    command = shutil.which("caddy")
    if command is None:
        pytest.skip("Caddy is not installed: apt-get install caddy")
    port, file = free_port(), folder / "Caddyfile"
    file.write_text(_CADDY.format(port=port, settings=here(settings, server)))
    with running(folder, [command, "run", "--config", str(file), "--adapter", "caddyfile"], port) as url:
        yield url


@contextmanager
def running(folder: Path, command: list[str], port: int) -> Iterator[str]:
    with (folder / "proxy.log").open("wb") as log:
        environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            eventually(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, (folder / "proxy.log").read_text()
            yield f"http://127.0.0.1:{port}"
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


def look(url: str) -> dict[str, Finding]:
    report = asyncio.run(examine(url, None, Plan(silence_s=1), lambda _: None))
    return {finding.check: finding for finding in report.findings}


def shown(name: str) -> str:
    """What docs/deploy.md shows for a proxy: the left or the right column of its one listing of both."""
    (both,) = re.findall(r"```\n(# Caddy +# nginx\n.*?)```", DEPLOY, re.DOTALL)
    heading, *lines = both.splitlines()
    middle = heading.index("# nginx")
    columns = [line[:middle] if name == "Caddy" else line[middle:] for line in lines]
    return "\n".join(columns)


@pytest.mark.parametrize("name", ["nginx", "Caddy"])
def test_all_is_well_with_the_settings_that_the_docs_show(name: str, server: Server, tmp_path: Path) -> None:
    if name == "nginx":
        with nginx(tmp_path, server, shown(name)) as url:
            found = look(url)
    else:
        settings = "\n".join(shown(name).strip().splitlines()[1:-1])
        with caddy(tmp_path, server, settings) as url:
            found = look(url)

    assert f"through {name}" in found["reach"].sentence
    assert [(check, each.sentence) for check, each in found.items() if each.verdict is not Verdict.OK] == []


def test_nginx_without_settings_streams_and_refuses_sockets_and_pages(server: Server, tmp_path: Path) -> None:
    with nginx(tmp_path, server, "location / { proxy_pass http://127.0.0.1:8000; }") as url:
        found = look(url)

    assert {check for check, each in found.items() if each.verdict is Verdict.PROBLEM} == {"websocket", "origin"}
    assert found["address"].verdict is Verdict.WARNING
    assert found["buffering"].verdict is Verdict.OK
    assert [remedy.of for remedy in found["websocket"].remedies] == ["nginx"]


@pytest.mark.parametrize(("ignores", "verdict"), [(False, Verdict.WARNING), (True, Verdict.PROBLEM)])
def test_nginx_that_compresses_streams_holds_them_back_when_it_ignores_our_wish(
    server: Server, tmp_path: Path, verdict: Verdict, *, ignores: bool
) -> None:
    settings = "gzip on; gzip_types text/event-stream;" + ("proxy_ignore_headers X-Accel-Buffering;" if ignores else "")
    with nginx(tmp_path, server, f"location / {{ {settings} proxy_pass http://127.0.0.1:8000; }}") as url:
        found = look(url)

    assert found["compression"].verdict is verdict
    assert "gzip off;" in found["compression"].remedies[0].setting
    assert found["buffering"].verdict is Verdict.OK


def test_nginx_that_takes_only_small_bodies_is_told_the_size(server: Server, tmp_path: Path) -> None:
    settings = "client_max_body_size 100k; proxy_read_timeout 1h;"
    with nginx(tmp_path, server, f"location / {{ {settings} proxy_pass http://127.0.0.1:8000; }}") as url:
        found = look(url)

    assert "refused with status 413" in found["body"].sentence
    assert found["body"].remedies[0].setting == "client_max_body_size 1m;"


def test_nginx_whose_server_is_away_is_named(server: Server, tmp_path: Path) -> None:
    with nginx(tmp_path, server, f"location / {{ proxy_pass http://127.0.0.1:{free_port()}; }}") as url:
        found = look(url)

    assert found["reach"].sentence == "nginx answers 502: it does not get through to chatkeep."


def test_caddy_that_buffers_is_found_to_hold_streams_back(server: Server, tmp_path: Path) -> None:
    with caddy(tmp_path, server, f"reverse_proxy 127.0.0.1:8000 {{\n{caddy_buffers()}\n}}") as url:
        found = look(url)

    assert found["buffering"].verdict is Verdict.PROBLEM
    assert [remedy.of for remedy in found["buffering"].remedies] == ["Caddy"]


def caddy_buffers() -> str:
    """The setting, which has had another name since 2.7."""
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed: apt-get install caddy")
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return "buffer_responses" if re.match(r"v?2\.[0-6]\.", version) else "response_buffers 8MiB"
