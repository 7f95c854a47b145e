"""Show a reply while it comes."""

import time
from enum import Enum

from rich.console import RenderableType
from rich.spinner import Spinner

from chatkeep.cli.following import Reconnecting
from chatkeep.cli.terminal.feed import Feed, Received, Signal
from chatkeep.cli.terminal.markdown import DIM
from chatkeep.cli.terminal.reply import Reply
from chatkeep.cli.terminal.reply_view import ReplyView
from chatkeep.cli.terminal.requests import Events
from chatkeep.cli.terminal.screen import Screen
from chatkeep.cli.visible import visible

_FRAME_S = 0.08  # between two drawings, at least
_SHARE = 4.0  # and this many times what the last one took, so that a large table does not keep a core busy


class Watched(Enum):
    """How the watching ended."""

    ENDED = "ended"
    LEFT = "left"


class Watcher:
    """Shows the events of one run by `view`, and gathers them in `reply`."""

    def __init__(self, screen: Screen, view: ReplyView, leave_hint: str) -> None:
        self.reply = Reply()
        self._screen = screen
        self._view = view
        self._hint = leave_hint
        self._began = time.monotonic()
        self._spinner = Spinner("dots", style=DIM)
        self._lost: Reconnecting | None = None

    def watch(self, events: Events) -> Watched:
        """Show `events` to the last one, or until Ctrl-C. Raises: CliError, after what came before it was shown."""
        wait_s = _FRAME_S
        with Feed(events) as feed, self._screen.live():
            try:
                while True:
                    received = feed.take(wait_s)
                    ended = self._taken(received)
                    began = time.monotonic()
                    self._draw()
                    if ended is not None:
                        break
                    wait_s = max(_FRAME_S, _SHARE * (time.monotonic() - began))
            finally:
                self._screen.draw([] if self.reply.end else self._view.pause(), [])
        return ended

    def _taken(self, received: list[Received]) -> Watched | None:
        """Take in what came; how the watching ends, when it does."""
        for each in received:
            match each:
                case Reconnecting():
                    self._lost = each
                case Signal.INTERRUPT:
                    return Watched.LEFT
                case Signal.END:
                    return Watched.ENDED
                case _:
                    self._lost = None
                    self.reply.take(each)
        return None

    def _draw(self) -> None:
        tail: list[RenderableType] = []
        news = self._view.news(self.reply)
        if self.reply.end is None:
            self._spinner.update(text=self._status(), style=DIM)
            tail = [*self._view.tail(self.reply), self._spinner]
        self._screen.draw(news, tail)

    def _status(self) -> str:
        if self._lost is not None:
            return f"reconnecting… ({visible(self._lost.reason)}, attempt {self._lost.attempt})"
        return f"{time.monotonic() - self._began:.0f} s · {self._hint}"
