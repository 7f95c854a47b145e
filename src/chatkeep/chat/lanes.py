"""The runs that are going: one lane a chat, in which one run goes at a time and the others wait in order."""

from collections.abc import Iterator

from chatkeep.chat.model import ChatKey
from chatkeep.chat.run import Run


class Lanes:
    """Every run that has not ended, by chat."""

    def __init__(self) -> None:
        self._lanes: dict[ChatKey, list[Run]] = {}

    def __iter__(self) -> Iterator[Run]:
        return (run for lane in list(self._lanes.values()) for run in list(lane))

    def __getitem__(self, key: ChatKey) -> list[Run]:
        """The chat's runs: the one going, then those waiting, oldest first."""
        return list(self._lanes.get(key, ()))

    def first(self, key: ChatKey) -> Run | None:
        """The run going in this chat."""
        lane = self._lanes.get(key)
        return lane[0] if lane else None

    def enter(self, run: Run) -> Run | None:
        """Queue `run` and return the one to wait for."""
        lane = self._lanes.setdefault(run.record.key, [])
        before = lane[-1] if lane else None
        lane.append(run)
        return before

    def leave(self, run: Run) -> None:
        """`run` has ended."""
        lane = self._lanes[run.record.key]
        lane.remove(run)
        if not lane:
            del self._lanes[run.record.key]
