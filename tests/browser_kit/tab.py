"""A tab that is used as a person uses it: by what is written there, by mouse and keys. Profiles keep persons apart."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from tests.browser_kit.devtools import PAGE_S, Devtools, RefusedByBrowser
from tests.browser_kit.element import Element, Name, found_elements
from tests.browser_kit.keys import strokes

T = TypeVar("T")

PHONE = (390, 844)
DESKTOP = (1280, 800)


class Complaint(NamedTuple):
    """What was wrong. `source`: `network`, `console`, `exception`, `dialog`, or who wrote it into the browser's log."""

    source: str
    text: str


@dataclass
class _Heard:
    """What a page has told so far."""

    complaints: list[Complaint]
    requests: list[str]
    failures: list[str]
    urls: dict[str, str]
    received_bytes: int = 0


class Profile:
    """The browser of one person: its tabs share cookies and storage. Files that are saved come to `downloads`."""

    def __init__(self, devtools: Devtools, downloads: Path) -> None:
        self._devtools = devtools
        self.downloads = downloads
        self._id = devtools.ask("Target.createBrowserContext")["browserContextId"]
        options = {"behavior": "allow", "downloadPath": str(downloads), "browserContextId": self._id}
        devtools.ask("Browser.setDownloadBehavior", **options)
        granted = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        devtools.ask("Browser.grantPermissions", permissions=granted, browserContextId=self._id)

    def open_tab(self, url: str = "about:blank") -> "Tab":
        """A new tab in a window of its own, so that the others stay in sight. The page is not waited for."""
        options = {"browserContextId": self._id, "newWindow": True}
        target = self._devtools.ask("Target.createTarget", url="about:blank", **options)["targetId"]
        tab = Tab(self._devtools, target)
        if url != "about:blank":
            tab.open(url)
        return tab

    def close(self) -> None:
        """End its tabs, and forget all of it."""
        self._devtools.ask("Target.disposeBrowserContext", browserContextId=self._id)


class Tab:
    """One page."""

    def __init__(self, devtools: Devtools, target: str) -> None:
        self._devtools = devtools
        self._target = target
        self._session = devtools.attach(target, self._note)
        self._heard = _Heard([], [], [], {})
        for domain in ("Page", "Runtime", "Log", "Network", "Performance", "DOM"):
            self.ask(f"{domain}.enable")
        self.resize(*DESKTOP)
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)  # each tab as if it were the one in use

    # Going places

    def open(self, url: str) -> None:
        """Go there. What the page does then is not waited for."""
        self.ask("Page.navigate", url=url)

    def reload(self) -> None:
        """Load the page anew, and return when the old one is gone."""
        self.evaluate("window.isOld = true")
        self.ask("Page.reload")
        self.until("!window.isOld && document.readyState === 'complete'")

    def close(self) -> None:
        """End the tab."""
        self._devtools.ask("Target.closeTarget", targetId=self._target)

    @property
    def url(self) -> str:
        """Where it is."""
        url: str = self.evaluate("location.href")
        return url

    # Looking

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def call(self, handle: str, function: str, *arguments: object) -> Any:
        """What a function answers for the object of that handle as `this`."""
        given = [{"value": each} for each in arguments]
        options = {"arguments": given, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.ask("Runtime.callFunctionOn", objectId=handle, functionDeclaration=function, **options)
        if "exceptionDetails" in answer:
            raise RefusedByBrowser(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until the expression, or what it promises, is true in the page, and return its value."""
        return self.wait_for(lambda: self.evaluate(expression), expression)

    def wait_for(self, look: Callable[[], T | None], wanted: str) -> T:
        """Look until it is true, and return it. What the page cannot say as it goes on is asked again."""
        deadline = time.monotonic() + PAGE_S
        while time.monotonic() < deadline:
            try:
                if found := look():
                    return found
            except RefusedByBrowser:
                pass  # the page went on while it was looked at
            time.sleep(0.02)
        raise AssertionError(f"there was not {wanted} within {PAGE_S:g} s; what can be read:\n{self.text}")

    @property
    def text(self) -> str:
        """All that can be read now."""
        text: str = self.evaluate("document.body?.innerText ?? ''")
        return text

    def sees(self, text: str) -> None:
        """Wait until that can be read somewhere."""
        self.wait_for(lambda: text in self.text, f"the text {text!r}")

    def sees_no(self, text: str) -> None:
        """Wait until that can be read nowhere."""
        self.wait_for(lambda: text not in self.text, f"no text {text!r}")

    def all(self, role: str, name: Name = None) -> list[Element]:
        """The elements that are there now, by role and accessible name."""
        return found_elements(self, role, name)

    def find(self, role: str, name: Name = None) -> Element:
        """The first of them, as soon as it is there."""
        found: list[Element] = self.wait_for(lambda: self.all(role, name), f"a {role} {name}")
        return found[0]

    def has(self, role: str, name: Name = None) -> bool:
        """Whether there is one now."""
        return bool(self.all(role, name))

    def is_gone(self, role: str, name: Name = None) -> None:
        """Wait until there is none."""
        self.wait_for(lambda: not self.all(role, name), f"no {role} {name}")

    def screenshot(self, path: Path) -> Path:
        """A picture of what is seen now, as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
        return path

    @property
    def complaints(self) -> list[Complaint]:
        """What its console, its policy and its network said was wrong."""
        return self._told().complaints

    @property
    def requests(self) -> list[str]:
        """The addresses that it asked for."""
        return self._told().requests

    @property
    def failures(self) -> list[str]:
        """The addresses of those requests that broke off."""
        return self._told().failures

    @property
    def received_bytes(self) -> int:
        """What came for its requests, as it was transferred."""
        return self._told().received_bytes

    def complaints_but(self, *sources: str) -> list[Complaint]:
        """Those of other sources: a test that takes the network away expects to hear of it."""
        return [complaint for complaint in self.complaints if complaint.source not in sources]

    @property
    def foreign_requests(self) -> list[str]:
        """What was asked of a host other than the page's own."""
        own = urlsplit(self.url).netloc
        return [url for url in self.requests if urlsplit(url).netloc not in (own, "")]

    @property
    def metrics(self) -> dict[str, float]:
        """Of this page and its process: `TaskDuration` (s), `JSHeapUsedSize` (bytes), `Nodes`, …"""
        return {each["name"]: each["value"] for each in self.ask("Performance.getMetrics")["metrics"]}

    # Doing

    def click(self, role: str, name: Name = None, *, count: Literal[1, 2] = 1) -> None:
        """Press the mouse where it is, as soon as it is there, still, and not behind something. 2 is a double click."""
        self.click_at(*self._place_of(role, name), count=count)

    def click_at(self, left: float, top: float, *, count: Literal[1, 2] = 1) -> None:
        """Press the mouse there, in CSS pixels of the viewport."""
        self._mouse("mouseMoved", left, top)
        for number in range(1, count + 1):
            self._mouse("mousePressed", left, top, button="left", clickCount=number)
            self._mouse("mouseReleased", left, top, button="left", clickCount=number)

    def hover(self, role: str, name: Name = None) -> None:
        """Bring the mouse there."""
        self._mouse("mouseMoved", *self._place_of(role, name))

    def scroll(self, role: str, name: Name = None, *, by: float) -> None:
        """Turn the wheel over it by that many pixels; negative is up."""
        self._mouse("mouseWheel", *self._place_of(role, name), deltaX=0, deltaY=by)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self.ask("Input.insertText", text=text)

    def fill(self, role: str, name: Name, text: str) -> None:
        """Click into a field, and type in place of what it has."""
        self.click(role, name)
        self.find(role, name).call("function () { this.select(); }")
        self.type(text) if text else self.press("Delete")

    def press(self, *chords: str) -> None:
        """Press keys one after the other: `Enter`, `Control+Shift+K`, `j`."""
        for chord in chords:
            for stroke in strokes(chord):
                self.ask("Input.dispatchKeyEvent", **stroke)

    def paste_image(self, path: Path) -> None:
        """Paste a picture where the focus is."""
        data = base64.b64encode(path.read_bytes()).decode()
        self.evaluate(
            f"""(async () => {{
              const bytes = Uint8Array.from(atob("{data}"), (each) => each.charCodeAt(0));
              const clipboardData = new DataTransfer();
              clipboardData.items.add(new File([bytes], "{path.name}", {{ type: "image/{path.suffix[1:]}" }}));
              const options = {{ clipboardData, bubbles: true, cancelable: true }};
              document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
            }})()"""
        )

    def drop(self, role: str, name: Name, *paths: Path) -> None:
        """Drag files from outside onto it, and let go."""
        left, top = self._place_of(role, name)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.ask("Input.dispatchDragEvent", type=kind, x=left, y=top, data=data)

    @property
    def clipboard(self) -> str:
        """What was copied."""
        text: str = self.evaluate("navigator.clipboard.readText()")
        return text

    # The world around the page

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        """Give it a viewport of that many CSS pixels; a phone's is touched."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self.ask("Emulation.setTouchEmulationEnabled", enabled=is_phone)

    def prefer(self, **features: str) -> None:
        """Media features as CSS names them: prefers_color_scheme="dark", prefers_reduced_motion="reduce"."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.ask("Emulation.setEmulatedMedia", features=named)

    def speak(self, languages: str) -> None:
        """Want these languages, like `de-DE,de`, from the next page on."""
        agent = self._devtools.ask("Browser.getVersion")["userAgent"]
        self.ask("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Without network in the block. Open WebSockets stay: a line that is cut ends those (cuttable_line.py)."""
        none = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.ask("Network.emulateNetworkConditions", offline=True, **none)
        try:
            yield
        finally:
            self.ask("Network.emulateNetworkConditions", offline=False, **none)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Behind another tab of its window in the block."""
        self.ask("Page.bringToFront")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=False)
        where = self._devtools.ask("Target.getTargetInfo", targetId=self._target)["targetInfo"]["browserContextId"]
        cover = self._devtools.ask("Target.createTarget", url="about:blank", browserContextId=where)["targetId"]
        self.until("document.hidden")
        yield
        self._devtools.ask("Target.closeTarget", targetId=cover)
        self.ask("Page.bringToFront")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        self.until("!document.hidden")

    def freeze(self) -> None:
        """Stop all that it does, as browsers do with tabs that were not looked at for long."""
        self.ask("Page.setWebLifecycleState", state="frozen")

    def thaw(self) -> None:
        """Let it go on."""
        self.ask("Page.setWebLifecycleState", state="active")

    def before_each_page(self, script: str) -> None:
        """Run that before the scripts of every page from the next one on."""
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=script)

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Any method of the protocol. Raises: RefusedByBrowser."""
        return self._devtools.ask(method, self._session, **params)

    def _told(self) -> _Heard:
        self.evaluate("0")  # what was said before comes before the answer
        return self._heard

    def _place_of(self, role: str, name: Name) -> tuple[float, float]:
        return self.wait_for(lambda: self.find(role, name).place(), f"a {role} {name} that can be clicked")

    def _mouse(self, kind: str, left: float, top: float, **more: object) -> None:
        self.ask("Input.dispatchMouseEvent", type=kind, x=left, y=top, **more)

    def _note(self, method: str, said: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                details = said["exceptionDetails"]
                self._heard.complaints.append(Complaint("exception", str(details.get("exception", details))))
            case "Runtime.consoleAPICalled" if said["type"] in ("error", "assert"):
                self._heard.complaints.append(Complaint("console", str(said["args"])))
            case "Log.entryAdded" if said["entry"]["level"] == "error":
                entry = said["entry"]
                self._heard.complaints.append(Complaint(entry["source"], f"{entry['text']} {entry.get('url', '')}"))
            case "Page.javascriptDialogOpening":
                self._heard.complaints.append(Complaint("dialog", f"{said['type']}: {said['message']}"))
                self._devtools.tell("Page.handleJavaScriptDialog", self._session, accept=True)
            case "Network.requestWillBeSent":
                self._heard.requests.append(said["request"]["url"])
                self._heard.urls[said["requestId"]] = said["request"]["url"]
            case "Network.webSocketCreated":
                self._heard.requests.append(said["url"])
            case "Network.loadingFailed":
                self._heard.failures.append(self._heard.urls.get(said["requestId"], ""))
            case "Network.loadingFinished":
                self._heard.received_bytes += int(said["encodedDataLength"])
