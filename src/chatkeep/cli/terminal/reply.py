"""A reply as far as its events have come."""

from typing import assert_never

from msgspec import UNSET

from chatkeep.api.schemas import SendAnswer
from chatkeep.chat.events import Delta, Done, Problem, Reasoning, Retry, RunEvent, Start, UsageReport
from chatkeep.chat.model import ToolCall


class Reply:
    """What `take` was given. A run that is replayed from its beginning makes the same reply again.

    `start` is None before the first event, `end` before the last one.
    """

    def __init__(self) -> None:
        self.start: Start | None = None
        self.end: Done | Problem | None = None
        self.text = ""
        self.reasoning = ""
        self.retries: list[Retry] = []
        self.tool_calls: list[ToolCall] = []
        self.provider = ""
        self.model = ""

    def take(self, event: RunEvent) -> None:
        """Add the next event of the run."""
        match event:
            case Delta(text=text):
                self.text += text
            case Reasoning(text=text):
                self.reasoning += text
            case ToolCall():
                self.tool_calls.append(event)
            case Start():
                self.start = event
                self.provider, self.model = event.provider, event.model
            case Retry():
                self.retries.append(event)
                self.provider, self.model = event.provider, event.model
            case Done() | Problem():
                self.end = event
            case UsageReport():
                pass
            case _:
                assert_never(event)

    @property
    def is_whole(self) -> bool:
        """Whether it came to its end and was not stopped."""
        return isinstance(self.end, Done) and self.end.state == "completed"

    @property
    def tokens_per_second(self) -> float | None:
        """Known at the end of a reply that had tokens."""
        return self.end.stats.tokens_per_second if isinstance(self.end, Done) else None

    def answer(self) -> SendAnswer | Problem:
        """What the server answers to who waits for the whole reply; the reply must have ended."""
        assert self.start is not None
        assert self.end is not None
        if isinstance(self.end, Problem):
            return self.end
        assert self.start.chat_id is not UNSET
        return SendAnswer(
            response=self.text,
            chat_id=self.start.chat_id,
            success=True,
            run_id=self.start.run_id,
            message_id=self.end.message_id,
            provider=self.provider,
            model=self.model,
            finish_reason=self.end.finish_reason,
            usage=self.end.usage,
            stats=self.end.stats,
            checks=self.end.checks or UNSET,
            continues=self.start.continues,
        )
