"""`chatkeep doctor` through proxies of every kind, on real sockets: a test a verdict."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatkeep.cli.examine import Plan, examine
from chatkeep.doctor.report import Finding, Report, Verdict
from tests.certificates import Authority
from tests.reverse_proxy import reverse_proxy
from tests.server import DEADLINE_S, Server, clean_environment, serving

QUICK = Plan(silence_s=1, interval_ms=50)
PACED = Plan(silence_s=1, interval_ms=100)  # where it matters that events come one by one, also on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("doctor") / "chats") as running:
        yield running


def port_of(server: Server) -> int:
    port = urlsplit(server.base_url).port
    assert port is not None
    return port


def look(url: str, plan: Plan = QUICK, key: str | None = None) -> dict[str, Finding]:
    return findings(asyncio.run(examine(url, key, plan, lambda _: None)))


def findings(report: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings}


def verdicts(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.verdict.value for check, finding in found.items()}


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chatkeep", "doctor", *arguments],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * DEADLINE_S,
    )


def test_without_a_proxy_all_is_well(server: Server) -> None:
    done = doctor(server.base_url, "--silence", "1", "--json")

    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, report["verdict"], report["proxies"]) == (0, "ok", []), report
    assert {finding["check"] for finding in report["findings"]} == {
        *("reach", "buffering", "compression", "idle", "duration", "websocket", "body", "origin", "address"),
    }
    assert all(finding["remedies"] == [] for finding in report["findings"])


def test_a_proxy_that_holds_streams_back_is_a_problem_and_says_how_much_it_holds(server: Server) -> None:
    with reverse_proxy(port_of(server), holds=True) as proxy:
        found = look(proxy.url)

    assert found["buffering"].verdict is Verdict.PROBLEM
    assert "GET, POST" in found["buffering"].sentence
    assert re.search(r"Even \d\d KiB are held until the end", found["buffering"].sentence)
    assert [remedy.of for remedy in found["buffering"].remedies] == ["nginx"]
    assert "proxy_buffering off;" in found["buffering"].remedies[0].setting


def test_a_proxy_that_compresses_and_so_holds_streams_back_is_told_from_one_that_buffers(server: Server) -> None:
    with reverse_proxy(port_of(server), compresses=True, flushes=False) as proxy:
        found = look(proxy.url, PACED)

    assert found["compression"].verdict is Verdict.PROBLEM
    assert "(gzip)" in found["compression"].sentence
    assert "gzip off;" in found["compression"].remedies[0].setting
    assert "held" not in found["buffering"].sentence


def test_compression_that_holds_nothing_back_is_a_warning(server: Server) -> None:
    with reverse_proxy(port_of(server), compresses=True) as proxy:
        found = look(proxy.url, PACED)

    assert found["compression"].verdict is Verdict.WARNING
    assert "no-transform" in found["compression"].sentence


def test_a_cut_off_that_comes_before_the_next_comment_is_a_problem(server: Server) -> None:
    with reverse_proxy(port_of(server), idle_s=1) as proxy:
        found = look(proxy.url, Plan(silence_s=2.5, interval_ms=50))

    assert found["idle"].verdict is Verdict.PROBLEM
    assert "duration" not in found
    assert "proxy_read_timeout" in found["idle"].remedies[0].setting


def test_a_cut_off_that_comments_prevent_is_a_warning_for_who_waits_without_a_stream(server: Server) -> None:
    with reverse_proxy(port_of(server), idle_s=1.5) as proxy:
        found = look(proxy.url, Plan(silence_s=3.5, ping_s=0.2, interval_ms=50))

    assert verdicts(found) | {"idle": "warning", "duration": "ok"} == verdicts(found)
    assert "Streams live on" in found["idle"].sentence


def test_a_limit_on_the_length_of_answers_is_told_from_a_limit_on_silence(server: Server) -> None:
    with reverse_proxy(port_of(server), life_s=1.5) as proxy:
        found = look(proxy.url, Plan(silence_s=3, ping_s=0.2, interval_ms=50))

    assert found["duration"].verdict is Verdict.PROBLEM
    assert "also while it moves" in found["duration"].sentence
    assert "idle" not in found


def test_a_proxy_without_any_of_the_usual_settings_gets_a_sentence_and_a_setting_for_each(server: Server) -> None:
    with reverse_proxy(port_of(server), refuses_upgrades=True, most_body=1000, host="127.0.0.1:1") as proxy:
        found = look(proxy.url)

    assert verdicts(found) | {"websocket": "problem", "body": "problem", "origin": "problem", "address": "warning"} == (
        verdicts(found)
    )
    assert "refused with status 400" in found["websocket"].sentence
    assert "proxy_set_header Upgrade" in found["websocket"].remedies[0].setting
    assert "1 MiB, which chatkeep takes, is refused with status 413" in found["body"].sentence
    assert found["body"].remedies[0].setting == "client_max_body_size 1m;"
    assert "CHATKEEP_CORS_ORIGINS" in found["origin"].sentence
    assert [remedy.of for remedy in found["origin"].remedies] == ["chatkeep", "nginx"]
    assert "does not say who you are" in found["address"].sentence


def test_a_proxy_that_nobody_knows_gets_the_settings_of_all_four(server: Server) -> None:
    with reverse_proxy(port_of(server), refuses_upgrades=True, server="Apache") as proxy:
        found = look(proxy.url)

    assert "through apache" in found["reach"].sentence
    assert [remedy.of for remedy in found["websocket"].remedies] == ["nginx", "Caddy", "Traefik", "Cloudflare"]


def test_an_address_that_a_trusted_proxy_passes_on_is_believed_and_of_another_is_not(
    server: Server, tmp_path: Path
) -> None:
    said = (("X-Forwarded-For", "127.0.0.9"),)
    with reverse_proxy(port_of(server), headers=said) as proxy:
        believed = look(proxy.url)["address"]
    with (
        serving(tmp_path / "chats", environment={"CHATKEEP_TRUSTED_PROXIES": "10.9.9.9"}) as other,
        reverse_proxy(port_of(other), headers=said) as proxy,
    ):
        doubted = look(proxy.url)["address"]

    assert (believed.verdict, doubted.verdict) == (Verdict.OK, Verdict.WARNING)
    assert "127.0.0.9, as the proxy says" in believed.sentence
    assert doubted.remedies[0].setting == "CHATKEEP_TRUSTED_PROXIES=127.0.0.1"


def test_a_name_that_chatkeep_does_not_take_is_explained_in_its_own_words(server: Server) -> None:
    with reverse_proxy(port_of(server), host="chat.example.org") as proxy:
        found = look(proxy.url)

    assert verdicts(found) == {"admission": "problem"}
    assert "'chat.example.org'. If it should be, add it to CHATKEEP_ALLOWED_HOSTS" in found["admission"].sentence


def test_a_proxy_that_does_not_get_through_is_told_from_a_server_that_is_something_else(server: Server) -> None:
    with reverse_proxy(port_of(server), answer=502) as proxy:
        away = look(proxy.url)
    with reverse_proxy(port_of(server), answer=200) as proxy:
        other = look(proxy.url)

    assert away["reach"].sentence == "nginx answers 502: it does not get through to chatkeep."
    assert "proxy_pass" in away["reach"].remedies[0].setting
    assert "is not chatkeep" in other["reach"].sentence


def test_a_redirect_to_the_same_host_is_followed_and_named(server: Server) -> None:
    with reverse_proxy(port_of(server), answer=308, location=server.base_url) as proxy:
        found = look(proxy.url, PACED)

    assert (found["redirect"].verdict, found["buffering"].verdict) == (Verdict.WARNING, Verdict.OK)
    assert server.base_url in found["redirect"].sentence


def test_a_key_goes_to_no_other_host(server: Server) -> None:
    with (
        reverse_proxy(port_of(server)) as target,
        reverse_proxy(port_of(server), answer=308, location=target.url.replace("127.0.0.1", "localhost")) as proxy,
    ):
        found = look(proxy.url, key="secret-of-mine")

    assert "localhost" in found["reach"].sentence
    assert verdicts(found) == {"reach": "problem"}
    assert target.asked == []
    assert {key for _, key in proxy.asked} == {None}


def test_a_key_goes_to_no_other_host_that_a_websocket_is_sent_on_to(server: Server) -> None:
    with (
        reverse_proxy(port_of(server)) as target,
        reverse_proxy(port_of(server), upgrades_at=target.url.replace("127.0.0.1", "localhost")) as proxy,
    ):
        found = look(proxy.url, key="secret-of-mine")

    assert "refused with status 307" in found["websocket"].sentence
    assert target.asked == []


def test_what_is_on_the_way_gives_a_terminal_no_commands(server: Server) -> None:
    with reverse_proxy(port_of(server), answer=502, server="evil\x1b[31m") as proxy:
        done = doctor(proxy.url)

    assert "evil" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_a_stream_whose_events_are_changed_on_the_way_is_a_problem_and_ends_nothing(server: Server) -> None:
    with reverse_proxy(port_of(server), swaps=(b'"sent_ms"', b'"sent"')) as proxy:
        found = look(proxy.url)

    assert (found["buffering"].verdict, found["websocket"].verdict) == (Verdict.PROBLEM, Verdict.OK)


def test_a_key_goes_to_no_address_without_encryption_from_one_with_it(server: Server, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with reverse_proxy(port_of(server)) as plain:
        to = plain.url.replace("127.0.0.1", "localhost")
        with reverse_proxy(port_of(server), authority.context_of("localhost"), answer=301, location=to) as proxy:
            url = proxy.url.replace("127.0.0.1", "localhost")
            done = doctor(url, "--json", "--key", "secret-of-mine", SSL_CERT_FILE=str(authority.file))

    assert done.returncode == 1
    assert f"It redirects to {to}/health" in done.stdout
    assert plain.asked == []


def test_encryption_without_http_2_and_without_its_header_is_two_warnings(server: Server, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with reverse_proxy(port_of(server), authority.context_of("localhost")) as proxy:
        url = proxy.url.replace("127.0.0.1", "localhost")
        done = doctor(url, "--silence", "1", "--json", SSL_CERT_FILE=str(authority.file))

    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert (found["tls"]["verdict"], "TLSv1.3" in found["tls"]["sentence"]) == ("warning", False)  # it ends tomorrow
    assert (found["http_version"]["verdict"], found["scheme"]["verdict"]) == ("warning", "warning")
    assert "X-Forwarded-Proto" in found["scheme"]["remedies"][1]["setting"]
    assert found["websocket"]["verdict"] == "ok"
    assert done.returncode == 0, done.stderr


def test_a_certificate_that_cannot_be_trusted_is_a_problem_in_words_and_nothing_more_is_sent(
    server: Server, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with reverse_proxy(port_of(server), authority.context_of("other.example")) as proxy:
        unknown = doctor(proxy.url, "--json", "--key", "secret-of-mine")
        url = proxy.url.replace("127.0.0.1", "localhost")
        misnamed = doctor(url, "--json", "--key", "secret-of-mine", SSL_CERT_FILE=str(authority.file))

    for done, words in ((unknown, "issuer is unknown"), (misnamed, "for another name")):
        (finding,) = json.loads(done.stdout)["findings"]
        assert (done.returncode, finding["check"], finding["verdict"]) == (1, "tls", "problem")
        assert words in finding["sentence"]
    assert proxy.asked == []


def test_a_server_without_tls_that_is_asked_for_it_is_a_problem_in_words(server: Server) -> None:
    found = look(server.base_url.replace("http:", "https:"))

    assert verdicts(found) == {"tls": "problem"}
    assert "There is no encrypted connection" in found["tls"].sentence


def test_an_address_where_nobody_is_exits_with_5_and_one_that_is_none_with_2() -> None:
    nobody = doctor("http://127.0.0.1:9")
    wrong = doctor("ftp://127.0.0.1")
    no_key = doctor("http://127.0.0.1:9", "--key", "schlüssel")

    assert (nobody.returncode, wrong.returncode, no_key.returncode) == (5, 2, 2)
    assert "http://127.0.0.1:9 cannot be reached." in nobody.stderr
    assert "Traceback" not in nobody.stderr + wrong.stderr
    assert nobody.stdout == ""


def test_a_key_is_asked_for_and_then_taken(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice", "--role", "reader")
        server.start()
        without = doctor(server.base_url)
        wrong = doctor(server.base_url, "--key", "ck_wrong")
        right = doctor(server.base_url, "--silence", "1", CHATKEEP_API_KEY=key)

    assert (without.returncode, wrong.returncode, right.returncode) == (4, 4, 0)
    assert "wants a key" in without.stderr
    assert "Client addresses" in right.stdout
    assert key not in right.stdout + right.stderr + wrong.stderr


def test_a_problem_is_printed_with_the_setting_that_mends_it_unwrapped_and_exits_with_1(server: Server) -> None:
    with reverse_proxy(port_of(server), refuses_upgrades=True) as proxy:
        done = doctor(proxy.url, "--silence", "1", COLUMNS="60")

    assert done.returncode == 1
    assert "problem" in done.stdout
    assert "    map $http_upgrade $connection_upgrade {\n        default upgrade;\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_password_for_the_proxy_is_used_and_not_shown(server: Server) -> None:
    with reverse_proxy(port_of(server)) as proxy:
        done = doctor(proxy.url.replace("://", "://me:hush@"), "--silence", "1", "--json")

    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["url"] == proxy.url
    assert "hush" not in done.stdout + done.stderr
    assert set(proxy.authorizations) == {"Basic bWU6aHVzaA=="}
