"""The tool calls of one reply while they come: which piece belongs to which call, and how much of them is taken."""

import io

from chatkeep.chat.model import ToolCall
from chatkeep.providers.failures import not_taken

# Limit: calls are shown when they are whole, and until then they stand in memory.
MAX_CALLS = 128
MAX_CHARS = 1_048_576  # of all calls of a reply, with ids and names


class ToolCalls:
    """Join the pieces of calls; calls keep the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._chars = 0

    def __len__(self) -> int:
        return len(self._calls)

    def add_piece(self, index: int | None, id_: str, name: str, arguments: str) -> None:
        """Add to the call that the index names, else the id, else the last one; "" is what the piece does not tell.

        Raises: StreamBroken when that is more than is taken.
        """
        self._count(id_, name, arguments)
        call = self._calls[-1] if self._calls else None
        if index is not None:
            call = self._by_index.get(index)
        # Why the id as well: Gemini gives parallel calls the same index, or none.
        if call is None or (id_ and call.id and id_ != call.id):
            call = self._begin()
            if index is not None:
                self._by_index[index] = call
        call.id = call.id or id_
        call.name = call.name or name
        call.arguments.write(arguments)

    def add_whole(self, id_: str, name: str, arguments: str) -> None:
        """Add a call that came in one piece. Raises: StreamBroken when that is more than is taken."""
        self._count(id_, name, arguments)
        call = self._begin()
        call.id, call.name = id_, name
        call.arguments.write(arguments)

    def whole(self) -> list[ToolCall]:
        """All of them. One without an id is numbered: the answer to a call must name one."""
        return [
            ToolCall(call.id or f"call_{number}", call.name, call.arguments.getvalue() or "{}")
            for number, call in enumerate(self._calls)
        ]

    def _begin(self) -> "_Call":
        if len(self._calls) == MAX_CALLS:
            raise not_taken(f"it called more than {MAX_CALLS} tools at once")
        call = _Call()
        self._calls.append(call)
        return call

    def _count(self, *texts: str) -> None:
        self._chars += sum(map(len, texts))
        if self._chars > MAX_CHARS:
            raise not_taken(f"its tool calls are longer than {MAX_CHARS} characters")


class _Call:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = io.StringIO()
