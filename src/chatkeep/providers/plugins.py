"""Find the providers that other installed packages bring. What is done with their code: foreign.py."""

import re
from collections.abc import Collection
from functools import partial
from importlib.metadata import EntryPoint, entry_points

import structlog

from chatkeep.providers.failures import explain
from chatkeep.providers.foreign import ForeignProvider

GROUP = "chatkeep.providers"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")

_logger = structlog.get_logger("chatkeep.plugins")


def find(taken: Collection[str]) -> list[ForeignProvider]:
    """One for each entry point of the group, by name; nothing of theirs is loaded yet.

    An entry point is named as its provider is, and leads to a class, or a function, that is called without
    arguments. One whose name cannot be, or is among `taken`, is there too, by a name that tells whose it is; it
    says so when it is asked. Never fails.
    """
    try:
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _package(point)))
    except Exception as exc:  # noqa: BLE001 - a package whose description is broken
        _logger.warning("plugins_unknown", error=f"{type(exc).__name__}: {exc}")
        return []
    found: list[ForeignProvider] = []
    names = set(taken)
    for point in points:
        found.append(_provider(point, names))
        names.add(point.name)
    return found


def _provider(point: EntryPoint, taken: Collection[str]) -> ForeignProvider:
    package = _package(point)
    wrong = _wrong(point.name, taken)
    if wrong is None:
        return ForeignProvider(point.name, package, partial(_make, point))
    return ForeignProvider(explain(f"{point.name} ({package})".lower(), None), package, partial(_refuse, wrong))


def _wrong(name: str, taken: Collection[str]) -> str | None:
    if not _NAME.match(name):
        return f"the name {name!r} is not 1 to 64 of a-z, 0-9, - and _"
    return f"the name {name} is taken" if name in taken else None


def _make(point: EntryPoint) -> object:
    return point.load()()


def _refuse(wrong: str) -> None:
    raise ValueError(wrong)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
