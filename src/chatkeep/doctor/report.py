"""What the doctor says: a finding a check, each with a sentence, and with the settings that mend what is not well."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from chatkeep.doctor.proxies import Proxy
from chatkeep.doctor.remedies import Remedy, remedies_for


class Verdict(StrEnum):
    """`warning` works and could be better, `problem` breaks something that chatkeep does."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One check. `remedies` are empty when it is ok."""

    check: str
    title: str
    verdict: Verdict
    sentence: str
    remedies: list[Remedy] = []


class Report(msgspec.Struct, frozen=True):
    """Every check that could be made of `url`, and the proxies that were recognised on the way."""

    url: str
    verdict: Verdict
    proxies: list[str]
    findings: list[Finding]


_TITLES = {
    "reach": "Reaching chatkeep",
    "tls": "Encryption",
    "redirect": "Redirects",
    "admission": "Being let in",
    "http_version": "HTTP version",
    "upstream": "HTTP behind the proxy",
    "buffering": "Buffering",
    "compression": "Compression",
    "idle": "Silence",
    "duration": "Long answers",
    "websocket": "WebSocket",
    "body": "Large messages",
    "origin": "Host and Origin",
    "address": "Client addresses",
    "scheme": "Scheme",
}
"""The checks in the order of the report, and what people call them."""


class Notes:
    """Findings in the making, for a chain of these `proxies`."""

    def __init__(self, proxies: Sequence[Proxy], **values: object) -> None:
        self.proxies = proxies
        self._values = values
        self._found: dict[str, Finding] = {}

    def ok(self, check: str, sentence: str) -> None:
        """Note that all is well."""
        self._found[check] = Finding(check, _TITLES[check], Verdict.OK, sentence)

    def warning(self, check: str, sentence: str, **values: object) -> None:
        """Note what could be better; `values` are filled into its remedies."""
        self._add(check, Verdict.WARNING, sentence, values)

    def problem(self, check: str, sentence: str, **values: object) -> None:
        """Note what is broken; `values` are filled into its remedies."""
        self._add(check, Verdict.PROBLEM, sentence, values)

    def report(self, url: str) -> Report:
        """All of them, in the order of the report."""
        findings = [self._found[check] for check in _TITLES if check in self._found]
        worst = max((finding.verdict for finding in findings), key=list(Verdict).index, default=Verdict.OK)
        return Report(url, worst, [str(proxy) for proxy in self.proxies], findings)

    def _add(self, check: str, verdict: Verdict, sentence: str, values: dict[str, object]) -> None:
        remedies = remedies_for(check, self.proxies, **self._values, **values)
        self._found[check] = Finding(check, _TITLES[check], verdict, sentence, remedies)
