"""The web page: `GET /` in a browser, and the files that it is made of."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatkeep
from chatkeep.api.page import BESIDE, BuiltPage
from tests.api.conftest import Keyed
from tests.made_page import ROOT, build_page, copy_code
from tests.server import Client, serving

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SCRIPT = b"document.title = 'made';\n" * 20
FILES = {
    "index.html": b'<!doctype html><script type="module" src="./assets/index-1a2b.js"></script>',
    "icon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "remote-image.html": b"<!doctype html>",
    "licenses.md": b"# Licenses",
    "secret.txt": b"not for anybody",
    "assets/index-1a2b.js": SCRIPT,
    "assets/index-1a2b.js.br": b"as if by brotli",
    "assets/index-1a2b.js.gz": gzip.compress(SCRIPT, mtime=0),
    "assets/index-3c4d.css": b"body { margin: 0 }",
    "assets/font-5e6f.woff2": b"wOF2",
    "assets/data-7a8b.json": b"{}",
    "assets/app-9c0d.webmanifest": b"{}",
    "assets/odd-1e2f.strange": b"?",
}
TYPES = {
    "index-1a2b.js": "text/javascript; charset=utf-8",
    "index-3c4d.css": "text/css; charset=utf-8",
    "font-5e6f.woff2": "font/woff2",
    "data-7a8b.json": "application/json",
    "app-9c0d.webmanifest": "application/manifest+json",
    "odd-1e2f.strange": "application/octet-stream",
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_code(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def built(code: Path) -> Iterator[Client]:
    """A server with a page."""
    build_page(code, FILES)
    limits = {"CHATKEEP_RATE_LIMIT_ENABLED": "true", "CHATKEEP_RATE_LIMIT_REQUESTS": "1"}
    environment = {"PYTHONPATH": str(code), "CHATKEEP_API_KEY": "k" * 32, **limits}
    with serving(code.with_name("chats"), environment=environment) as server:
        yield server.client


def policy_of(value: str) -> dict[str, str]:
    return {name: rest for name, _, rest in (part.partition(" ") for part in value.split("; "))}


def test_a_browser_gets_the_page_and_any_other_client_the_description(built: Client) -> None:
    page = built.http.get("/", headers=BROWSER)
    assert (page.status_code, page.content) == (200, FILES["index.html"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept, Accept-Encoding"

    for accept in ("*/*", "application/json", "application/json, text/plain, */*"):
        answer = built.http.get("/", headers={"Accept": accept})
        assert answer.json()["version"] == chatkeep.__version__
        assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/json", "Accept")


def test_the_page_may_load_and_do_only_what_it_needs(built: Client) -> None:
    headers = built.http.get("/", headers=BROWSER).headers

    policy = policy_of(headers["content-security-policy"])
    assert policy == {
        **dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"),
        **dict.fromkeys(("script-src", "style-src", "font-src", "connect-src", "frame-src", "manifest-src"), "'self'"),
        "img-src": "'self' data: blob:",
    }
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "microphone=()" in headers["permissions-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_frame_of_remote_images_may_show_them_and_nothing_else_and_tells_nobody_where_it_stands(
    built: Client,
) -> None:
    headers = built.http.get("/remote-image.html").headers

    policy = policy_of(headers["content-security-policy"])
    assert policy == {"default-src": "'none'", "img-src": "http: https:", "frame-ancestors": "'self'"}
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("name", TYPES)
def test_an_asset_is_served_with_its_type_and_kept_for_ever(built: Client, name: str) -> None:
    answer = built.http.get(f"/assets/{name}", headers={"Accept-Encoding": "identity"})

    assert (answer.status_code, answer.content) == (200, FILES[f"assets/{name}"])
    assert answer.headers["content-type"] == TYPES[name]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = built.http.head(f"/assets/{name}", headers={"Accept-Encoding": "identity"})
    assert (head.content, head.headers["content-length"]) == (b"", str(len(answer.content)))


@pytest.mark.parametrize("path", ["/", "/index.html", "/icon.svg", "/remote-image.html", "/licenses.md"])
def test_what_has_no_name_of_its_own_is_asked_for_each_time_and_sent_when_it_changed(built: Client, path: str) -> None:
    first = built.http.get(path, headers=BROWSER)
    assert first.headers["cache-control"] == "no-cache"

    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = built.http.get(path, headers={**BROWSER, "If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "cache-control", "vary"):
            assert again.headers[name] == first.headers[name]
    other = built.http.get(path, headers={**BROWSER, "If-None-Match": '"other"'})
    assert other.content == first.content


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "br"), ("gzip", "gzip"), ("identity", None)])
def test_a_file_that_was_compressed_when_it_was_built_is_sent_so_to_whom_it_suits(
    built: Client, accepted: str, coding: str | None
) -> None:
    with built.http.stream("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": accepted}) as answer:
        sent = b"".join(answer.iter_raw())

    suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
    assert sent == FILES[f"assets/index-1a2b.js{suffix}"]
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == TYPES["index-1a2b.js"]


def test_each_coding_of_a_file_has_a_tag_of_its_own(built: Client) -> None:
    tags = {
        built.http.head("/assets/index-1a2b.js", headers={"Accept-Encoding": accepted}).headers["etag"]
        for accepted in ("br", "gzip", "identity")
    }
    assert len(tags) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nothing.js",
        "/assets/index-1a2b.js.br",
        "/assets/",
        "/assets/..%2findex.html",
        "/assets/%2e%2e%2f__init__.py",
        "/assets/%2e%2e",
        "/assets/icon.svg",
        "/assets/index-1a2b.js%00",
        "/secret.txt",
        "/index-1a2b.js",
        "/static/index.html",
        "/..%2f__init__.py",
    ],
)
def test_nothing_else_is_served(built: Client, path: str) -> None:
    answer = built.http.get(path, headers=BROWSER)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_page_needs_no_key_and_is_not_limited_by_rates(built: Client, keyed: Keyed) -> None:
    paths = ["/", "/icon.svg", "/assets/index-1a2b.js"] * 3
    assert [built.http.get(path, headers=BROWSER).status_code for path in paths] == [200] * len(paths)
    assert keyed.nobody.http.get("/", headers=BROWSER).status_code == 200


def test_the_files_of_the_page_are_no_part_of_the_api(client: Client) -> None:
    described = client.http.get("/openapi.json").json()["paths"]
    listed = [row["path"] for row in client.http.get("/").json()["endpoints"]]

    assert [path for path in (*described, *listed) if "assets" in path or path[1:] in BESIDE] == []


def test_every_file_beside_the_page_is_served() -> None:
    public = {path.relative_to(ROOT / "web/public").as_posix() for path in (ROOT / "web/public").rglob("*")}
    assert public <= set(BESIDE)

    static = Path(chatkeep.__file__).parent / "static"
    if not BuiltPage.installed().is_built:
        pytest.skip("the page is not built: it needs Node.js, see make setup")
    there = {path.name for path in static.iterdir() if path.is_file() and path.suffix not in (".br", ".gz")}
    assert there == set(BESIDE)
    assert [path for path in (static / "assets").iterdir() if not path.is_file()] == []
    assert [path for path in static.iterdir() if path.is_dir()] == [static / "assets"]


def test_without_the_page_a_browser_is_told_how_to_get_it_and_sees_it_once_it_is_built(tmp_path: Path) -> None:
    code = copy_code(tmp_path)
    with serving(tmp_path / "chats", environment={"PYTHONPATH": str(code)}) as server:
        http = server.client.http
        page = http.get("/", headers=BROWSER)

        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "make setup" in page.text
        assert 'href="docs"' in page.text
        assert policy_of(page.headers["content-security-policy"])["script-src"] == "'self'"
        assert "<script" not in page.text
        assert (page.headers["vary"], page.headers["cache-control"]) == ("Accept", "no-store")
        assert http.get("/").json()["app_name"] == "chatkeep"
        assert http.get("/icon.svg").json()["code"] == "not_found"
        assert [row["level"] for row in server.log_entries if row["event"] == "page_not_built"] == ["info"]

        static = build_page(code, FILES)
        assert http.get("/", headers=BROWSER).content == FILES["index.html"]
        assert http.get("/assets/index-1a2b.js").status_code == 200

        build_page(code, {"assets/new-2b3c.js": b"1", "index.html": b"<!doctype html>new"})
        assert http.get("/", headers=BROWSER).content == b"<!doctype html>new"
        assert http.get("/assets/new-2b3c.js").content == b"1"

        shutil.rmtree(static)
        assert "make setup" in http.get("/", headers=BROWSER).text
