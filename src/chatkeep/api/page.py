"""The web page: the files that web/ is built into, each with its headers, in the coding that the client prefers.

Whether `GET /` is answered with it is decided in service.py. What the page does is its own affair: it uses the API as
any client does, and its files need no key.
"""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

import chatkeep
from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.negotiation import IDENTITY, coding_for
from chatkeep.api.problems import AnyRequest
from chatkeep.errors import NotFound

INDEX = "index.html"
BESIDE = (INDEX, "icon.svg", "apple-touch-icon.png", "manifest.webmanifest", "remote-image.html", "licenses.md")
"""Files with paths of their own. A test holds it to what is built."""

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/plain",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
"""Our own table: Python's takes what the machine's files say."""
_OTHER_TYPE = "application/octet-stream"
_CODINGS = {"br": ".br", "gzip": ".gz"}  # the smaller one first
_COMPRESSED = tuple(_CODINGS.values())

_FOREVER = "public, max-age=31536000, immutable"  # the names of assets change with what is in them
_ASK_AGAIN = "no-cache"

_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": _STRICT,
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Where the page shows an image from elsewhere after a click: it can do nothing but that.
_FRAME_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src http: https:; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
}
_HEADERS = {INDEX: PAGE_HEADERS, "remote-image.html": _FRAME_HEADERS}

_NOT_BUILT = b"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>chatkeep</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="doctor/assets/page.css">
</head>
<body>
<main>
<h1>chatkeep is running, without its web page</h1>
<p>The page was not built here. To get it, install <a href="https://nodejs.org/" rel="noopener">Node.js</a> \
20.19 or newer, then build it where chatkeep was cloned, and load this page again:</p>
<pre>make setup</pre>
<p>The container has it too. All else works without it:</p>
<ul>
<li><a href="docs">docs</a>: the API, to try out and to read about</li>
<li><code>chatkeep chat</code>: a chat in the terminal</li>
<li><a href="doctor">doctor</a>: what a proxy between you and this server does</li>
</ul>
</main>
</body>
</html>
"""


class PageFile(msgspec.Struct, frozen=True):
    """A file in one of its codings."""

    data: bytes
    coding: str
    media_type: str


class BuiltPage:
    """What is in `folder`, which need not be there, and may be built anew at any time.

    Names are looked up in the listing of the folder and of its `assets`: no name of a client's becomes a path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def installed(cls) -> "BuiltPage":
        """That of this package."""
        return cls(Path(chatkeep.__file__).parent / "static")

    @property
    def is_built(self) -> bool:
        """Whether there is a page."""
        return (self._folder / INDEX).is_file()

    def beside(self, name: str, accept_encoding: str) -> PageFile | None:
        """The file of that name that is no asset; None when there is none."""
        return _find(self._folder, name, accept_encoding)

    def asset(self, name: str, accept_encoding: str) -> PageFile | None:
        """The asset of that name; None when there is none."""
        return _find(self._folder / "assets", name, accept_encoding)


Page = NamedDependency[SkipValidation[BuiltPage]]


async def page_response(request: AnyRequest, built_page: BuiltPage) -> Response[bytes]:
    """The page, or one that says how to get it."""
    file = await asyncio.to_thread(built_page.beside, INDEX, _header(request, "accept-encoding"))
    if file is None:
        return Response(_NOT_BUILT, media_type=MediaType.HTML, headers={**PAGE_HEADERS, "Vary": "Accept"})
    return _response(request, file, _ASK_AGAIN, {**PAGE_HEADERS, "Vary": "Accept, Accept-Encoding"})


# Workaround: Litestar 2.25 wraps a `sync_to_thread` handler once for each of its paths, and fails at all but one.
@get([f"/{name}" for name in BESIDE], opt=needs(Action.OPEN), include_in_schema=False)
async def beside(request: AnyRequest, built_page: Page) -> Response[bytes]:
    """A file of the page that is asked for again each time. Raises: NotFound."""
    name = request.scope["path"].rpartition("/")[2]
    file = await asyncio.to_thread(built_page.beside, name, _header(request, "accept-encoding"))
    return _response(request, _there(file), _ASK_AGAIN, _HEADERS.get(name, {}))


@get("/assets/{name:str}", opt=needs(Action.OPEN), include_in_schema=False)
async def asset(request: AnyRequest, built_page: Page, name: str) -> Response[bytes]:
    """A file of the page whose name changes with what is in it. Raises: NotFound."""
    file = await asyncio.to_thread(built_page.asset, name, _header(request, "accept-encoding"))
    return _response(request, _there(file), _FOREVER, {})


HANDLERS = [beside, asset]


def _find(folder: Path, name: str, accept_encoding: str) -> PageFile | None:
    try:
        paths = {entry.name: Path(entry.path) for entry in os.scandir(folder) if entry.is_file()}
        if name not in paths or name.endswith(_COMPRESSED):
            return None
        there = [coding for coding, suffix in _CODINGS.items() if name + suffix in paths]
        coding = coding_for(accept_encoding, there)
        data = paths[name + _CODINGS.get(coding, "")].read_bytes()
    except FileNotFoundError:  # it was not built, or is being built at this moment
        return None
    return PageFile(data, coding, _TYPES.get(paths[name].suffix, _OTHER_TYPE))


def _there(file: PageFile | None) -> PageFile:
    """Raises: NotFound."""
    if file is None:
        raise NotFound("There is no such file.")
    return file


def _response(request: AnyRequest, file: PageFile, cache_control: str, more: Mapping[str, str]) -> Response[bytes]:
    tag = f'"{hashlib.sha256(file.data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache_control, "Vary": "Accept-Encoding", **more}
    if _knows(_header(request, "if-none-match"), tag):
        return Response(b"", status_code=304, headers=headers)
    if file.coding != IDENTITY:
        headers["Content-Encoding"] = file.coding
    return Response(file.data, media_type=file.media_type, headers=headers)


def _knows(if_none_match: str, tag: str) -> bool:
    """A tag that a proxy made weak is still that of the same bytes: RFC 9110, section 13.1.2."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return not known.isdisjoint((tag, "*"))


def _header(request: AnyRequest, name: str) -> str:
    """All of that name as one, empty for none: RFC 9110, section 5.3."""
    return ", ".join(request.headers.getall(name, []))
