"""What the policy of the web page lets a real browser do, and what not."""

import json
from pathlib import Path

from tests.browser_kit.tab import Tab
from tests.made_page import build_page, copy_code
from tests.server import serving

INDEX = b"""\
<!doctype html><html lang="en"><title>made</title><link rel="icon" href="./icon.svg">
<link rel="stylesheet" crossorigin href="./assets/style.css">
<script type="module" crossorigin src="./assets/script.js"></script>
<script>window.ranInline = true</script>
<body onpageshow="window.ranHandler = true"></body></html>
"""
SCRIPT = b"""\
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
const socket = new WebSocket(new URL("api/llm/ws/status", location.href.replace("http", "ws")));
socket.onmessage = () => { window.heard = true; };
const inline = document.createElement("script");
inline.textContent = "window.ranInline = true";
document.body.append(inline);
document.body.setAttribute("onclick", "window.ranHandler = true");
document.body.click();
fetch("health").then((answer) => { window.answered = answer.status; });
for (const source of ["http://localhost:9/", "data:image/svg+xml,<svg/>"]) {
  document.body.append(Object.assign(new Image(), { src: source }));
}
document.body.append(Object.assign(document.createElement("iframe"), {
  src: "./remote-image.html",
  onload: ({ target }) => {
    window.framed = target.contentDocument.title;
    const image = target.contentDocument.createElement("img");
    target.contentDocument.addEventListener("securitypolicyviolation", () => window.refused.push("in the frame"));
    image.onerror = () => { window.tried = true; };
    image.src = "http://localhost:9/image.png";
    target.contentDocument.body.append(image);
  },
}));
import("./later.js").then((later) => { window.later = later.value; });
"""
FILES = {
    "index.html": INDEX,
    "icon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "remote-image.html": b"<!doctype html><title>frame</title>",
    "assets/script.js": SCRIPT,
    "assets/later.js": b"export const value = 7;",
    "assets/style.css": b"body { color: rgb(1, 2, 3); }",
}


def test_the_page_loads_its_files_and_reaches_its_server_and_runs_no_script_that_stands_in_it(
    tab: Tab, tmp_path: Path
) -> None:
    code = copy_code(tmp_path)
    build_page(code, FILES)
    environment = {"PYTHONPATH": str(code)}
    with serving(tmp_path / "chats", environment=environment) as server:
        tab.open(server.base_url)
        for done in ("heard", "answered === 200", "framed === 'frame'", "tried", "later === 7", "refused.length > 2"):
            tab.until(f"window.{done}")

        assert tab.evaluate("[window.ranInline, window.ranHandler]") == [None, None]
        assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(1, 2, 3)"
        assert set(tab.evaluate("window.refused")) == {"script-src-elem", "script-src-attr", "img-src"}
        assert "Permissions" not in json.dumps(tab.complaints)
