"""Read files that others may change at the same time."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chatkeep.storage.atomic import Identity, identity_of, read_regular

T = TypeVar("T")

_TRIES = 5  # then somebody writes it all the time, and what there is must do


def look(path: Path, check: Callable[[bytes], T], is_sound: Callable[[T], bool]) -> tuple[T, Identity]:
    """What `check` says of the file, and its identity. When that is not sound, the file was not changing meanwhile.

    Raises: OSError, FileNotFoundError when it is gone.
    """
    for further in reversed(range(_TRIES)):
        data, identity = read_regular(path)
        report = check(data)
        if not further or is_sound(report) or identity_of(os.lstat(path)) == identity:
            return report, identity
    raise AssertionError("there is a last try")
