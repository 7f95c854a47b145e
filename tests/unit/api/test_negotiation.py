"""Which form of an answer a client prefers, by the headers it sent."""

import pytest

from chatkeep.api.negotiation import coding_for, prefers

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (CHROMIUM, True),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/*, application/json;q=0.5", True),
        ("application/json;q=0.2, text/html;q=0.201", True),
        ("text/html;q=0, text/html;q=0.5", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/plain, */*", False),
        ("application/json, text/html", False),
        ("text/html, application/json", False),
        ("text/html;q=0.5, */*", False),
        ("text/html;q=0, */*;q=0.1", False),
        ("text/html;q=nan", False),
        ("text/html;q=2, application/json;q=0.1", False),
        (";;,,q=1", False),
    ],
)
def test_html_is_preferred_where_its_quality_is_higher(accept: str, expected: bool) -> None:
    assert prefers(accept, "text/html", to="application/json") is expected


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;Q=0.5", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("", "identity"),
        ("deflate", "identity"),
        ("gzip;q=0, br;q=0", "identity"),
        ("identity;q=0", "identity"),
        ("gzip;q=high", "identity"),
    ],
)
def test_the_coding_of_the_highest_quality_is_taken_and_ours_among_equals(accept_encoding: str, expected: str) -> None:
    assert coding_for(accept_encoding, ["br", "gzip"]) == expected


def test_a_file_that_is_nowhere_compressed_is_sent_as_it_is() -> None:
    assert coding_for("gzip, br", []) == "identity"
