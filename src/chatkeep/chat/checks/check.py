"""Checks of messages: what one is, what it is given, and what counts as its answer.

Where they run is threads.py's, when in a turn guardrails.py's and later.py's. Those that ship: chatkeep/checks.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Literal, Protocol

import msgspec
import structlog

from chatkeep.chat.model import CheckResult, Message
from chatkeep.errors import ChatkeepError

Stage = Literal["input", "reply", "later"]

_MOST_DETAIL = 500  # characters: it is stored with every message

_logger = structlog.get_logger("chatkeep.checks")


class Checked(msgspec.Struct, frozen=True):
    """A message that is checked, and what its chat has before it.

    `message` is the user's at the stage `input`, or the prompt or a tool that came with it, with the role `system`;
    else the reply, with its status, finish_reason and tool calls, and with the whole text of one that goes on with
    another.
    `before` are the stored messages, oldest first; when a reply is checked, its question is the last of them.
    """

    stage: Stage
    message: Message
    before: Sequence[Message]


class Check(Protocol):
    """Has an opinion of messages. One instance serves all runs at once.

    `input` is before a model is asked: the verdict `deny` keeps the message from it. `reply` is when a reply is
    complete and not yet stored, `later` when it is stored and its reader has it. At the first two a check runs
    in a thread with an event loop of its own, and for a second at most; at `later` on the server's loop, which it
    must not block. One that raises, or takes too long, stops nothing: its verdict is `unknown`.
    """

    @property
    def name(self) -> str:
        """What it is called in the settings and in its results."""
        ...

    @property
    def stages(self) -> Collection[Stage]:
        """When it is asked."""
        ...

    async def __call__(self, checked: Checked, /) -> CheckResult | None:
        """Its opinion; None when it has none. May be cancelled."""
        ...


async def opinion_of(check: Check, checked: Checked) -> CheckResult | None:
    """What `check` says, or why it says nothing. CancelledError passes."""
    try:
        return _valid(check, await check(checked))
    except ChatkeepError as exc:
        return no_opinion(check, exc.detail)
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as exc:  # Why all: what ends a program would end the thread, and all checks in it
        _logger.exception("check_crashed", check=check.name)
        return CheckResult(check.name, "unknown", f"It broke by an unexpected {type(exc).__name__}.")


def no_opinion(check: Check, why: str) -> CheckResult:
    """The result of a check that came to none."""
    _logger.warning("check_failed", check=check.name, detail=why)
    return CheckResult(check.name, "unknown", why)


def _valid(check: Check, result: object) -> CheckResult | None:
    """`result` when it can be stored: others write checks too. Raises: msgspec.MsgspecError, ValueError."""
    if result is None:
        return None
    found = msgspec.json.decode(msgspec.json.encode(result), type=CheckResult)
    return CheckResult(check.name, found.verdict, found.detail[:_MOST_DETAIL])
