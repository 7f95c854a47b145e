"""Checks of other packages: classes without arguments, by the entry-point group `chatkeep.checks`."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

import structlog

from chatkeep.chat.checks.check import Check, Stage

GROUP = "chatkeep.checks"

_STAGES = set(get_args(Stage))

_logger = structlog.get_logger("chatkeep.checks")


class InstalledChecks:
    """What installed packages offer. Nothing of a package is run before `load` is asked for its check."""

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        self._found = {entry.name: entry for entry in (entry_points(group=GROUP) if found is None else found)}

    @property
    def names(self) -> list[str]:
        """What they are called, in alphabetical order."""
        return sorted(self._found)

    def load(self, name: str) -> Check | None:
        """The check of that name, which is one of `names`. One that is broken is logged, and None."""
        try:
            return _checked(self._found[name].load()(), name)
        except Exception:
            _logger.exception("check_not_loaded", check=name)
            return None


def _checked(made: Any, name: str) -> Check:
    """`made` when it is a check of that name. Raises: TypeError, AttributeError."""
    if made.name != name or not set(made.stages) <= _STAGES or not callable(made):
        raise TypeError(f"the check must have the name {name}, and stages of {', '.join(sorted(_STAGES))}")
    check: Check = made
    return check
