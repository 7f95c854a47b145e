"""The API's description: the OpenAPI document, and two pages that show it without asking any other host.

The pages' scripts and styles are files of the wheel `fastapi-offline`, which is never imported. Without it the
document is served all the same.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from litestar import MediaType, Response, get
from litestar.params import HeaderParameter, QueryParameter

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.description import description_of
from chatkeep.api.problems import AnyRequest
from chatkeep.errors import NotFound

REQUIREMENT = "fastapi-offline==1.7.7"
"""What to install, with pip's `--no-deps`. The same as in `.ci/locks/pages.lock`."""

_PACKAGE = "fastapi_offline"
_BUNDLED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
# Scripts of ours: files, since the pages run no script that stands in them.
_OWN = {
    "swagger-init.js": b"""\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
""",
    "redoc-init.js": b"""\
Redoc.init("openapi.json", { hideDownloadButton: false }, document.getElementById("page"));
""",
}

_FOREVER = "public, max-age=31536000, immutable"
# Both libraries set styles by script, and images as data; ReDoc searches in a worker made of a blob.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chatkeep: the API</title>
<link rel="icon" href="data:,">
{styles}<style>body {{ margin: 0 }} img[src^="https:"] {{ display: none }}</style>
</head>
<body>
<div id="page">{text}</div>
{scripts}</body>
</html>
"""
_MISSING = f"""
<main style="max-width: 40em; margin: 3em auto; font-family: sans-serif">
<h1>This page is not installed</h1>
<p>It is shown with files of a package that is left out here. Install it beside chatkeep, then start chatkeep again:</p>
<pre>pip install --no-deps {REQUIREMENT}</pre>
<p>The description itself is here: <a href="openapi.json">openapi.json</a>.</p>
</main>
"""


class PageFiles:
    """The files the pages are made of. `folder` is where those of the package are, None when it is not installed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._tag = lru_cache(self._digest)

    @classmethod
    def installed(cls, package: str = _PACKAGE) -> "PageFiles":
        """Those of `package`, which is looked for and not imported: it would import FastAPI."""
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place) / "static"
            if all((folder / name).is_file() for name in _BUNDLED):
                return cls(folder)
        return cls(None)

    def read(self, name: str) -> bytes | None:
        """The bytes of a file that the pages need, None for any other name."""
        if name in _OWN:
            return _OWN[name]
        if name in _BUNDLED and self._folder is not None:
            return (self._folder / name).read_bytes()
        return None

    def tag(self, name: str) -> str:
        """What changes when the file does. Of a file that there is."""
        return self._tag(name)

    def page(self, *names: str) -> tuple[bytes, int]:
        """A page of these files, or the one that says how to get them; and its status."""
        if self._folder is None:
            return _PAGE.format(styles="", scripts="", text=_MISSING).encode(), 404
        links = [f"docs/assets/{name}?v={self.tag(name)}" for name in names]
        styles = "".join(f'<link rel="stylesheet" href="{link}">\n' for link in links if ".css?" in link)
        scripts = "".join(f'<script src="{link}"></script>\n' for link in links if ".js?" in link)
        return _PAGE.format(styles=styles, scripts=scripts, text="").encode(), 200

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self.read(name) or b"").hexdigest()[:16]


@get("/openapi.json", opt=needs(Action.OPEN), summary="This API as an OpenAPI document", include_in_schema=False)
async def document(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI document."""
    described = await description_of(request.app)
    return Response(described.document, media_type=MediaType.JSON, headers={"Cache-Control": "no-cache"})


@get("/docs", opt=needs(Action.OPEN), summary="Try the requests out", include_in_schema=False, sync_to_thread=True)
def swagger(page_files: PageFiles) -> Response[bytes]:
    """Swagger UI: try the requests out."""
    page, status = page_files.page("swagger-ui.css", "swagger-ui-bundle.js", "swagger-init.js")
    return Response(page, status_code=status, media_type=MediaType.HTML, headers=_HEADERS)


@get("/redoc", opt=needs(Action.OPEN), summary="Read about the API", include_in_schema=False, sync_to_thread=True)
def redoc(page_files: PageFiles) -> Response[bytes]:
    """ReDoc: read."""
    page, status = page_files.page("redoc.standalone.js", "redoc-init.js")
    return Response(page, status_code=status, media_type=MediaType.HTML, headers=_HEADERS)


@get("/docs/assets/{name:str}", opt=needs(Action.OPEN), include_in_schema=False, sync_to_thread=True)
def asset(
    page_files: PageFiles,
    name: str,
    version: Annotated[str | None, QueryParameter(name="v")] = None,
    known: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[bytes]:
    """A script or style of the pages. A link that names its version may be kept for ever. Raises: NotFound."""
    data = page_files.read(name)
    if data is None:
        raise NotFound("There is no such file.")
    tag = page_files.tag(name)
    headers = {"ETag": f'"{tag}"', "Cache-Control": _FOREVER if version == tag else "no-cache"}
    if known is not None and f'"{tag}"' in known:
        return Response(b"", status_code=304, headers=headers)
    return Response(data, media_type=_BUNDLED.get(name, "text/javascript"), headers=headers)


HANDLERS = [document, swagger, redoc, asset]
