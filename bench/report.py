"""What was measured, as a table, and on what machine."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

_FSYNCS = 20
_SPINS = 2_000_000


class Figure(msgspec.Struct, frozen=True):
    """One measured thing: a value a round, what was promised, and the same of a direct call where there is one."""

    name: str
    unit: str
    values: list[float]
    aim: str = ""
    direct: list[float] = []

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.values)

    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, value, aim, direct call and ratio, as shown."""
        direct = statistics.median(self.direct) if self.direct else 0.0
        ratio = f"{self.median / direct:.1f}x" if direct else ""
        return self.name, _spread(self.values, self.unit), self.aim, _spread(self.direct, self.unit), ratio


def table(figures: Sequence[Figure]) -> str:
    """All figures, one a line, columns aligned."""
    rows = [("", "chatkeep: median (min to max)", "aim", "direct call", "ratio"), *(f.cells() for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def machine(folder: Path) -> str:
    """One line about the machine, and how long its disk takes to keep 4 kB in `folder`."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, {_filesystem(folder)}, fsync {_fsync_ms(folder):.2f} ms, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def speed() -> str:
    """How fast the processor is just now, in CPU milliseconds of a fixed piece of Python: compare runs by it."""
    began = time.process_time()
    total = 0
    for number in range(_SPINS):
        total += number & 7
    return f"processor: {_SPINS:,} additions in {(time.process_time() - began) * 1000:.0f} ms of CPU"


def _spread(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{_number(values[0])} {unit}"
    return f"{_number(statistics.median(values))} {unit} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    """Three digits that count."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"


def _filesystem(folder: Path) -> str:
    """The type of the file system that `folder` is on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    of_folder = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(of_folder)[1]


def _fsync_ms(folder: Path) -> float:
    took: list[float] = []
    path = folder / "fsync"
    for _ in range(_FSYNCS):
        with path.open("wb") as file:
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(took) * 1000
