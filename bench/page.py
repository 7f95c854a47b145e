"""What the web page takes of the machine that shows it: bytes, time until it can be used, CPU while a reply comes."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from bench.child import Child, chatkeep
from bench.folders import make_folder
from bench.report import Figure
from bench.sizes import Sizes
from tests.browser_kit.devtools import chromium
from tests.browser_kit.tab import Profile, Tab

_RATE = 200  # tokens a second
_BEGINNING_S = 1.0  # until the stream goes evenly
_READY = """new MutationObserver(() => {
  if (window.readyMs === undefined && document.querySelector("textarea")) window.readyMs = performance.now();
}).observe(document, { childList: true, subtree: true });"""
_TICKS = os.sysconf("SC_CLK_TCK")


async def page(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """Empty without a browser: apt-get install chromium."""
    if shutil.which("chromium") is None:
        print("no browser is installed: apt-get install chromium")
        return []
    tokens = round(_RATE * (2 * _BEGINNING_S + sizes.streaming_s))
    loads, streams = [], []
    async with chatkeep(make_folder(root, "page", 0), upstream.url, f"paced-{tokens}-{_RATE}") as server:
        for _ in range(sizes.rounds):
            with tempfile.TemporaryDirectory(dir=root) as folder, chromium(Path(folder)) as devtools:
                profile = Profile(devtools, Path(folder))
                tab = profile.open_tab()
                loads.append(_load(tab, server.url))
                streams.append(_stream(tab, sizes.streaming_s, devtools.pid))
    return [
        Figure("page, first load, compressed", "kB", [size / 1000 for size, _ in loads], "under 120"),
        Figure("page, until a message can be typed", "ms", [ready_ms for _, ready_ms in loads], "under 1000"),
        Figure(f"page, reply at {_RATE} tokens/s, CPU of its process", "%", [own for own, _ in streams], "under 30"),
        Figure("… of all processes of the browser", "%", [whole for _, whole in streams]),
    ]


def _load(tab: Tab, url: str) -> tuple[int, float]:
    """Bytes as they were transferred, and when there was a field to type into."""
    tab.before_each_page(_READY)
    tab.open(url)
    ready_ms: float = tab.until("window.readyMs")
    tab.find("textbox", "Message")
    return tab.received_bytes, ready_ms


def _stream(tab: Tab, streaming_s: float, browser_pid: int) -> tuple[float, float]:
    """Percent of one core that the page's process took, and the whole browser."""
    tab.fill("textbox", "Message", "Tell me a long story.")
    tab.press("Enter")
    tab.find("button", "Stop")
    time.sleep(_BEGINNING_S)
    began, own, whole = time.monotonic(), tab.metrics["ProcessTime"], _cpu_s(browser_pid)
    time.sleep(streaming_s)
    own, whole = tab.metrics["ProcessTime"] - own, _cpu_s(browser_pid) - whole
    elapsed_s = time.monotonic() - began
    assert tab.has("button", "Stop"), "the reply ended before it was measured"
    return own / elapsed_s * 100, whole / elapsed_s * 100


def _cpu_s(pid: int) -> float:
    """User and system time of the process and all that came of it."""
    fields = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        fields[int(number)] = (int(rest[1]), int(rest[11]) + int(rest[12]))
    family = {pid}
    while more := {child for child, (parent, _) in fields.items() if parent in family} - family:
        family |= more
    return sum(fields[each][1] for each in family if each in fields) / _TICKS
