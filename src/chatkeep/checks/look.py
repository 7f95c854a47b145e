"""A check of replies that needs no more than a look at the reply."""

from collections.abc import Callable

from chatkeep.chat.checks.check import Checked, Stage
from chatkeep.chat.model import CheckResult, Message


class Look:
    """Warns of what `fault` finds in a reply; passes what it finds nothing in, which is None."""

    stages: tuple[Stage, ...] = ("reply",)

    def __init__(self, name: str, fault: Callable[[Message], str | None]) -> None:
        self.name = name
        self._fault = fault

    async def __call__(self, checked: Checked, /) -> CheckResult:
        """Says the fault."""
        found = self._fault(checked.message)
        return CheckResult(self.name, "pass") if found is None else CheckResult(self.name, "warn", found)
