"""What of a reply is printed for good, and what of it is drawn anew while it grows."""

from rich.console import RenderableType
from rich.text import Text

from chatkeep.api.schemas import ShownMessage
from chatkeep.chat.events import Delta, Done, Problem, Reasoning, Retry
from chatkeep.chat.model import text_of
from chatkeep.cli.terminal.blocks import Blocks, Piece
from chatkeep.cli.terminal.markdown import DIM, Shown, needs_space, one_line, rendered
from chatkeep.cli.terminal.reply import Reply
from chatkeep.cli.visible import visible

ERROR = "red"
_ENDINGS = {
    "length": "The reply is as long as it may be. /continue goes on.",
    "content_filter": "The reply was ended by a filter.",
    "loop": "The reply was ended: the model repeated itself.",
    "stopped": "Stopped. /continue goes on.",
    "failed": "The reply failed. /continue goes on, /retry asks again.",
    "interrupted": "The reply was interrupted. /continue goes on.",
    "tool_calls": "The model asks for a function; chatkeep calls none.",
}


class ReplyView:
    """Shows one reply, each part of it once, however often it is replayed: what was shown is passed over.

    Call `news` after events; it gives what is now to be printed for good.
    """

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._last: Piece | None = None
        self._chars = 0
        self._retries = 0
        self._thought = False
        self._ended = False

    def news(self, reply: Reply) -> list[RenderableType]:
        """What has become final since the last call."""
        found: list[RenderableType] = [_retry_line(retry) for retry in reply.retries[self._retries :]]
        self._retries = max(self._retries, len(reply.retries))
        if reply.reasoning and (reply.text or reply.end) and not self._thought:
            self._thought = True
            found.append(one_line(f"Thought ({_words(reply.reasoning)}): {reply.reasoning}"))
        if len(reply.text) > self._chars:
            found += self._printed(self._blocks.add(visible(reply.text[self._chars :])))
            self._chars = len(reply.text)
        if reply.end is not None and not self._ended:
            self._ended = True
            found += self.finish() + _ending_lines(reply)
        return found

    def tail(self, reply: Reply) -> list[RenderableType]:
        """What may still change, and stands below all that is final."""
        if reply.reasoning and not reply.text:
            return [Text(f"Thinking… {_words(reply.reasoning)}", style=DIM)]
        piece = self._blocks.tail()
        if piece is None:
            return []
        shown = rendered(piece, wraps=True)
        return ["", shown] if needs_space(piece, self._last) else [shown]

    def pause(self) -> list[RenderableType]:
        """What can be printed already when the reply is left before its end. The next news go on behind it."""
        return self._printed(self._blocks.pause())

    def finish(self) -> list[RenderableType]:
        """All that is left, when nothing comes any more."""
        return self._printed(self._blocks.finish())

    def _printed(self, pieces: list[Piece]) -> list[RenderableType]:
        found: list[RenderableType] = []
        for piece in pieces:
            if needs_space(piece, self._last):
                found.append("")
            found.append(rendered(piece))
            self._last = piece
        return found


def printed_message(message: ShownMessage) -> list[RenderableType]:
    """A stored reply, and what is to say of its end."""
    reply, view = Reply(), ReplyView()
    if message.reasoning:
        reply.take(Reasoning(message.reasoning))
    reply.take(Delta(text_of(message.content)))
    ending = message.finish_reason if message.status in (None, "complete") else message.status
    said = _ENDINGS.get(ending or "")
    return [*view.news(reply), *view.finish(), *([Text(said, style=DIM)] if said else [])]


def _ending_lines(reply: Reply) -> list[RenderableType]:
    """What there is to say of the end of a reply, beside its text."""
    found: list[RenderableType] = [one_line(f"→ {call.name}({call.arguments})") for call in reply.tool_calls]
    match reply.end:
        case Done(rolled_back=True):
            found.append(Text("The reply was taken back.", style=DIM))
        case Done(finish_reason=reason) if reason in _ENDINGS:
            found.append(Text(_ENDINGS[reason], style=DIM))
        case Problem():
            found.append(Text(_failure_text(reply.end), style=ERROR))
    if isinstance(reply.end, Done):
        found += [
            Text(f"Check {visible(check.name)}: {check.verdict}. {visible(check.detail)}".rstrip(), style="yellow")
            for check in reply.end.checks
            if check.verdict != "pass"
        ]
    return found


def _failure_text(problem: Problem) -> str:
    """Why a reply failed, and what can be done."""
    goes_on = "What came is kept. /continue goes on." if problem.partial else "/retry asks again."
    return f"{visible(problem.detail)} {goes_on}"


def _words(text: str) -> str:
    count = len(text.split())
    return f"{count:,} {'word' if count == 1 else 'words'}"


def _retry_line(retry: Retry) -> Shown:
    failed = retry.failed
    wait = f" in {retry.delay_s:.0f} s" if retry.delay_s >= 1 else ""
    return one_line(f"{failed.provider}: {failed.detail} {retry.provider}/{retry.model} is asked{wait}.")
