"""What axe-core finds in a page that keeps somebody out."""

import json
from pathlib import Path

import pytest

from tests.browser_kit.tab import Tab

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations_of(tab: Tab) -> list[str]:
    """One line for each element that breaks a rule of WCAG 2.2 AA, or of good practice."""
    if not _AXE.exists():
        pytest.skip("axe-core is not installed: (cd web && npm ci)")
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(_AXE.read_text() + "\n;0")
    options = {"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"]}
    found = tab.evaluate(f"axe.run(document, {json.dumps(options)}).then(({{ violations }}) => violations)")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html']}\n{node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
