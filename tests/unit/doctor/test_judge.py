"""From what was seen to what is said. Through real proxies: tests/cli/test_doctor.py."""

from typing import Any

import msgspec
import pytest

from chatkeep.doctor.judge import judge
from chatkeep.doctor.judge_streams import needs_another_look
from chatkeep.doctor.proxies import Proxy, known_proxies
from chatkeep.doctor.remedies import remedies_for
from chatkeep.doctor.report import _TITLES, Finding, Verdict
from chatkeep.doctor.seen import Arrived, EventSeen, Observations, PostSeen, SocketSeen, StreamSeen, TlsSeen

URL = "https://chat.example.org"
ARRIVED = Arrived(
    http_version="1.1",
    scheme="https",
    address="203.0.113.7",
    is_forwarded=True,
    headers={"host": "chat.example.org", "x-forwarded-for": "203.0.113.7"},
    max_body_bytes=1_048_576,
)
TLS = TlsSeen(is_valid=True, version="TLSv1.3", protocol="h2", days_left=60)


def events(*, held: bool = False) -> list[EventSeen]:
    return [EventSeen(number * 200, 3000 if held else number * 200, 100) for number in range(12)]


def stream(name: str, **fields: Any) -> StreamSeen:
    return msgspec.convert(
        {"stream": name, "status": 200, "is_whole": True, **fields}, StreamSeen, from_attributes=True
    )


def long_stream(name: str, elapsed_s: float, **fields: Any) -> StreamSeen:
    return stream(name, silence_s=30, elapsed_ms=elapsed_s * 1000, **fields)


GOOD = Observations(
    url=URL,
    headers={"server": "nginx"},
    tls=TLS,
    arrived=ARRIVED,
    streams=[
        *(stream(name, events=events()) for name in ("get", "post", "compressed")),
        long_stream("silent", 30),
        long_stream("lasting", 30, pings=3),
    ],
    posts=[
        PostSeen(post="origin", size_bytes=2, status=200, received_bytes=2),
        PostSeen(post="large", size_bytes=2**20, status=200, received_bytes=2**20),
    ],
    socket=SocketSeen(is_open=True, has_echoed=True),
)


def seen(**changes: Any) -> dict[str, Finding]:
    return {found.check: found for found in judge(msgspec.structs.replace(GOOD, **changes)).findings}


def with_streams(*streams: StreamSeen) -> dict[str, Finding]:
    others = [each for each in GOOD.streams if each.stream not in {one.stream for one in streams}]
    return seen(streams=[*others, *streams])


def test_a_good_proxy_gets_an_ok_for_every_check_and_no_settings() -> None:
    report = judge(GOOD)

    assert (report.verdict, report.proxies) == (Verdict.OK, ["nginx"])
    assert [found.check for found in report.findings] == [
        *("reach", "tls", "http_version", "buffering", "compression", "idle", "duration", "websocket", "body"),
        *("origin", "address", "scheme"),
    ]
    assert all(found.verdict is Verdict.OK and not found.remedies for found in report.findings)


def test_every_check_has_a_setting_for_each_of_the_four_proxies_or_one_of_our_own() -> None:
    for check in _TITLES:
        found = {remedy.of for remedy in remedies_for(check, [])}
        assert found >= set(map(str, Proxy)) or found == {"chatkeep"}, check


def test_no_setting_is_shown_with_a_blank_that_was_not_filled_in() -> None:
    values = {"host": "h", "origin": "o", "target": "t", "address": "a", "mebibytes": 1, "bytes": 2}
    for check in _TITLES:
        for remedy in remedies_for(check, [], **values):
            assert not [name for name in values if f"{{{name}}}" in remedy.setting], remedy


@pytest.mark.parametrize(
    ("answered", "arrived", "expected"),
    [
        ({"server": "nginx/1.27"}, {}, [Proxy.NGINX]),
        ({"server": "openresty"}, {}, [Proxy.NGINX]),
        ({"server": "Caddy"}, {}, [Proxy.CADDY]),
        ({"via": "1.1 Caddy"}, {}, [Proxy.CADDY]),
        ({"server": "cloudflare", "cf-ray": "8c"}, {}, [Proxy.CLOUDFLARE]),
        ({"server": "nginx"}, {"cf-ray": "8c", "cdn-loop": "cloudflare"}, [Proxy.NGINX, Proxy.CLOUDFLARE]),
        ({}, {"x-forwarded-server": "0a1b2c", "x-forwarded-port": "443"}, [Proxy.TRAEFIK]),
        ({"server": "uvicorn"}, {"x-forwarded-for": "10.0.0.1"}, []),
        ({}, {}, []),
    ],
)
def test_a_proxy_is_known_by_what_it_writes(
    answered: dict[str, str], arrived: dict[str, str], expected: list[Proxy]
) -> None:
    assert known_proxies(answered, arrived) == expected


def test_behind_cloudflare_the_others_settings_are_shown_too_as_what_stands_there_cannot_be_seen() -> None:
    shown = [remedy.of for remedy in remedies_for("buffering", [Proxy.CLOUDFLARE])]

    assert shown == ["Cloudflare", "nginx", "Caddy", "Traefik"]
    assert [remedy.of for remedy in remedies_for("buffering", [Proxy.NGINX, Proxy.CLOUDFLARE])] == [
        "nginx",
        "Cloudflare",
    ]


def test_a_stream_that_came_badly_once_and_well_when_it_was_tried_again_is_well() -> None:
    found = with_streams(stream("get", events=events(held=True)), stream("get", events=events()))

    assert found["buffering"].verdict is Verdict.OK
    assert needs_another_look([stream("get", events=events(held=True)), stream("post", events=events())]) == ["get"]


def test_a_stream_without_events_is_as_bad_as_one_that_is_held() -> None:
    found = with_streams(stream("post", status=504, detail="Gateway timeout.", is_whole=False))

    assert found["buffering"].verdict is Verdict.PROBLEM
    assert "(POST) gets status 504: Gateway timeout." in found["buffering"].sentence


def test_the_size_of_the_buffer_is_told_when_it_is_known() -> None:
    padded = [EventSeen(number * 50, number // 4 * 200, 2048) for number in range(48)]
    found = with_streams(stream("get", events=events(held=True)), stream("padded", events=padded))

    assert "About 8 KiB are held at a time." in found["buffering"].sentence


@pytest.mark.parametrize(("held", "verdict"), [(False, Verdict.WARNING), (True, Verdict.PROBLEM)])
def test_compression_is_a_warning_and_with_holding_back_a_problem(verdict: Verdict, *, held: bool) -> None:
    found = with_streams(stream("compressed", content_encoding="zstd", events=events(held=held)))

    assert (found["compression"].verdict, found["buffering"].verdict) == (verdict, Verdict.OK)
    assert "(zstd)" in found["compression"].sentence


def test_a_browser_whose_streams_are_all_compressed_and_held_has_one_finding_and_not_two() -> None:
    fields = {"content_encoding": "br", "events": events(held=True)}
    found = seen(streams=[stream("get", **fields), stream("post", **fields)])

    assert found["compression"].verdict is Verdict.PROBLEM
    assert "buffering" not in found


def test_who_is_cut_in_silence_and_kept_by_comments_loses_only_requests_that_wait() -> None:
    found = with_streams(long_stream("silent", 20, is_whole=False))

    assert (found["idle"].verdict, found["duration"].verdict) == (Verdict.WARNING, Verdict.OK)
    assert "cut off after 20 s" in found["idle"].sentence


def test_a_test_stream_that_chatkeep_refused_says_nothing_of_the_proxy() -> None:
    refused = [stream(name, status=429, is_whole=False) for name in ("silent", "lasting")]

    assert not {"idle", "duration"} & with_streams(*refused).keys()


@pytest.mark.parametrize(
    ("code", "words"),
    [(10, "has expired"), (9, "not valid yet"), (18, "self-signed"), (20, "without its chain"), (62, "another name")],
)
def test_a_certificate_that_fails_is_explained_and_nothing_else_is_judged(code: int, words: str) -> None:
    report = judge(Observations(url=URL, tls=TlsSeen(is_valid=False, failure=code, detail="x")))

    assert [(found.check, found.verdict) for found in report.findings] == [("tls", Verdict.PROBLEM)]
    assert words in report.findings[0].sentence
    assert "fullchain.pem" in report.findings[0].remedies[0].setting


@pytest.mark.parametrize(("days", "verdict"), [(13, Verdict.WARNING), (14, Verdict.OK)])
def test_a_certificate_that_ends_soon_is_a_warning(days: int, verdict: Verdict) -> None:
    assert seen(tls=msgspec.structs.replace(TLS, days_left=days))["tls"].verdict is verdict


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://chat.example.org", True), ("http://192.168.1.9:8000", True), ("http://localhost:8000", False)],
)
def test_plain_http_is_a_warning_but_on_this_machine(url: str, *, expected: bool) -> None:
    assert ("tls" in seen(url=url, tls=None)) is expected


@pytest.mark.parametrize(
    ("protocol", "alt_svc", "words"),
    [
        ("h2", "", "Browsers get HTTP/2."),
        ("h2", 'h3=":443"', "HTTP/3 is offered too."),
        ("h3", "", "Browsers get HTTP/3."),
        ("http/1.1", "", "at most six connections"),
    ],
)
def test_the_http_version_is_told_as_browsers_have_it(protocol: str, alt_svc: str, words: str) -> None:
    found = seen(protocol=protocol, headers={"alt-svc": alt_svc})["http_version"]

    assert words in found.sentence
    assert (found.verdict is Verdict.OK) is protocol.startswith("h2") or protocol == "h3"


def test_http_1_0_behind_the_proxy_is_a_warning_with_the_setting() -> None:
    found = seen(arrived=msgspec.structs.replace(ARRIVED, http_version="1.0"))["upstream"]

    assert (found.verdict, found.remedies[0].setting) == (Verdict.WARNING, "proxy_http_version 1.1;")


def test_a_name_that_was_changed_on_the_way_is_a_warning_even_when_this_browser_is_let_in() -> None:
    arrived = msgspec.structs.replace(ARRIVED, headers={**ARRIVED.headers, "host": "127.0.0.1:8000"})

    assert seen(arrived=arrived)["origin"].verdict is Verdict.WARNING


def test_a_proxy_that_does_not_say_that_the_outside_is_encrypted_is_a_warning() -> None:
    found = seen(arrived=msgspec.structs.replace(ARRIVED, scheme="http"))["scheme"]

    assert found.verdict is Verdict.WARNING
    assert found.remedies[1].setting == "proxy_set_header X-Forwarded-Proto $scheme;"


def test_what_cannot_be_reached_through_a_gateway_names_it() -> None:
    report = judge(Observations(url=URL, tls=TLS, is_chatkeep=False, status=521, headers={"cf-ray": "8c"}))

    assert report.findings[0].sentence == "Cloudflare answers 521: it does not get through to chatkeep."
