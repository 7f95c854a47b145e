"""`chatkeep doctor` through real proxies: each with the settings that docs/deploy.md shows, and with worse ones."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatkeep.cli.examine import Plan, examine
from chatkeep.doctor.report import Finding, Verdict
from tests.certificates import Authority
from tests.real_proxies import caddy, caddy_buffers, free_port, nginx
from tests.server import DEADLINE_S, Server, clean_environment, serving

DEPLOY = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("proxied") / "chats") as running:
        yield running


def look(url: str) -> dict[str, Finding]:
    report = asyncio.run(examine(url, None, Plan(silence_s=1, interval_ms=100), lambda _: None))
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


def test_nginx_that_speaks_http_2_to_browsers_is_seen_to_offer_it_though_we_speak_http_1_1(
    server: Server, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    authority.context_of("localhost")
    with nginx(tmp_path, server, shown("nginx"), certificate=tmp_path / "localhost.pem") as url:
        done = subprocess.run(
            [sys.executable, "-m", "chatkeep", "doctor", url, "--silence", "1", "--json"],
            env=clean_environment({"SSL_CERT_FILE": str(authority.file)}),
            capture_output=True,
            text=True,
            check=False,
            timeout=3 * DEADLINE_S,
        )

    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["http_version"]["sentence"] == "Browsers get HTTP/2."
    assert {check for check, each in found.items() if each["verdict"] != "ok"} == {"tls"}  # it ends tomorrow
