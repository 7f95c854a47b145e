"""Read price lists in a process of their own. What is in them: prices.py; what runs there: price_child.py."""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from chatkeep.providers.child import spawn
from chatkeep.providers.prices import ListedModel, PriceList

_READ_S = 30.0  # measured: 0.4 s; a cold disk on a small machine takes some

_Lists = dict[str, list[ListedModel]]

_logger = structlog.get_logger("chatkeep.providers")


async def fill(prices: PriceList) -> None:
    """Give `prices` what it wants. Never fails: without prices there are no costs, and that is in the log."""
    if not prices.wanted:
        return
    try:
        prices.fill(await _read(prices.wanted))
    except (OSError, TimeoutError, msgspec.MsgspecError) as exc:
        _logger.warning("prices_unknown", error=f"{type(exc).__name__}: {exc}")


async def _read(names: Sequence[str]) -> _Lists:
    """The lists of these names. After return the process is gone. Raises: OSError, TimeoutError, MsgspecError."""
    process = await spawn("chatkeep.providers.price_child", *names)
    try:
        async with asyncio.timeout(_READ_S):
            written, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise OSError(complaint.decode(errors="replace").strip().rpartition("\n")[2])
    return msgspec.json.decode(written, type=_Lists)
