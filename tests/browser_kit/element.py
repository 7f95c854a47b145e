"""An element of a page, as it was found; and how a page is asked for some by role and name."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Name = str | re.Pattern[str] | None
"""The whole accessible name, or a pattern that is found in it, or any."""

_PLACE = """async function () {
  this.scrollIntoViewIfNeeded();
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const place = () => { const { x, y, width, height } = this.getBoundingClientRect(); return [x, y, width, height]; };
  await frame();
  const before = place();
  await frame();
  const [x, y, width, height] = place();
  const isStill = String(before) === String([x, y, width, height]);
  if (!this.isConnected || this.disabled || width === 0 || !isStill) return null;
  const [left, top] = [x + width / 2, y + height / 2];
  const hit = document.elementFromPoint(left, top);
  return this.contains(hit) || (hit && hit.closest("label")?.control === this) ? [left, top] : null;
}"""


class Asked(Protocol):
    """The tab that is looked at."""

    def ask(self, method: str, **params: object) -> dict[str, Any]: ...

    def call(self, handle: str, function: str, *arguments: object) -> Any: ...


@dataclass
class Element:
    """One element. It stays the one that was found when the page puts another in its place: find it anew then.

    `properties` are those of the accessibility tree: `focused`, `expanded`, `checked`, `disabled`, …
    """

    name: str
    properties: dict[str, Any]
    call: Callable[..., Any] = field(repr=False)
    """What a JavaScript function answers for it as `this`; more arguments are the function's."""

    @property
    def text(self) -> str:
        """What is seen of it as text; the value of a field."""
        text: str = self.call("function () { return this.value ?? this.innerText ?? this.textContent; }")
        return text

    def place(self) -> tuple[float, float] | None:
        """Its middle, scrolled into view; None while it moves, is switched off, or something is before it."""
        found = self.call(_PLACE)
        return (found[0], found[1]) if found else None

    def focus(self) -> None:
        """Put the focus on it."""
        self.call("function () { this.focus(); }")


def found_elements(tab: Asked, role: str, name: Name) -> list[Element]:
    """All that are there now, in the order of the page, by the accessibility tree."""
    document = tab.ask("Runtime.evaluate", expression="document")["result"]["objectId"]
    exact = {"accessibleName": name} if isinstance(name, str) else {}
    nodes = tab.ask("Accessibility.queryAXTree", objectId=document, role=role, **exact)["nodes"]
    found = []
    for node in nodes:
        label = str(node.get("name", {}).get("value", ""))
        if node.get("ignored") or (isinstance(name, re.Pattern) and not name.search(label)):
            continue
        handle = tab.ask("DOM.resolveNode", backendNodeId=node["backendDOMNodeId"])["object"]["objectId"]
        properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
        found.append(Element(label, properties, functools.partial(tab.call, handle)))
    return found
