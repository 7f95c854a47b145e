"""The log of simonw/llm: `logs.db`, a SQLite database with `conversations` and `responses`.

Schema: https://llm.datasette.io/en/stable/logging.html (`prompt`, `response`, `system`, `datetime_utc`, token counts;
`attachments`, `fragments`, `tool_calls` and `tool_results` in newer versions). It is opened read-only, and only columns
that are there are asked for. The tables that llm writes from 0.32 on instead are not read, which is told.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from chatkeep.archives.blocks import Answered, Block, Called, Said
from chatkeep.archives.conversation import Conversation
from chatkeep.archives.record import Bounds, Records, Unmapped, one_line
from chatkeep.archives.shapes import arguments_of
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, Stats, Usage

SOURCE = "llm"
MAGIC = b"SQLite format 3\0"

_COLUMNS = (
    *("id", "model", "resolved_model", "prompt", "system", "response", "conversation_id", "reply_to_id"),
    *("duration_ms", "datetime_utc", "input_tokens", "output_tokens"),
)
_KNOWN = {
    *("conversations", "responses", "attachments", "prompt_attachments", "fragments", "fragment_aliases"),
    *("prompt_fragments", "system_fragments", "schemas", "tools", "tool_responses", "tool_calls", "tool_results"),
    *("tool_instances", "tool_results_attachments", "_llm_migrations"),
}
_FULL_TEXT = "responses_fts"


def records_of(path: Path, bounds: Bounds) -> Records:
    """The chats of the log at `path`, and what is not in them. Raises: nothing; what breaks is the last finding."""
    try:
        database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    except sqlite3.Error as exc:
        yield Unmapped(path.name, f"cannot be opened: {one_line(exc)}")
        return
    try:
        database.text_factory = lambda data: data.decode("utf-8", "replace").replace("\0", "\ufffd")
        database.row_factory = sqlite3.Row
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, bounds.conversation_bytes)
        database.execute("PRAGMA trusted_schema = OFF")
        yield from _Log(database, bounds).records()
    except sqlite3.Error as exc:
        yield Unmapped(path.name, f"cannot be read on: {one_line(exc)}")
    finally:
        database.close()


class _Log:
    def __init__(self, database: sqlite3.Connection, bounds: Bounds) -> None:
        self._database = database
        self._bounds = bounds
        self._tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def records(self) -> Records:
        for table in sorted(self._tables - _KNOWN):
            query = f'SELECT 1 FROM "{_quoted(table)}" LIMIT 1'  # noqa: S608 - quoted
            if not table.startswith(("sqlite_", _FULL_TEXT)) and self._rows(query):
                yield Unmapped(f"table {one_line(table, 80)}", "is none that is known; left out")
        if "responses" not in self._tables:
            yield Unmapped("logs.db", "has no table responses")
            return
        known = {row["name"] for row in self._database.execute("PRAGMA table_info(responses)")}
        columns = ", ".join(name if name in known else f"NULL AS {name}" for name in _COLUMNS)
        self._one = f"SELECT {columns} FROM responses WHERE rowid = ?"  # noqa: S608 - names that stand above
        for number, rowids in enumerate(self._conversations(known), 1):
            try:
                yield from self._conversation(number, rowids)
            except sqlite3.DataError as exc:  # a row longer than SQLITE_LIMIT_LENGTH
                yield Unmapped(f"conversation {number}", f"cannot be read, left out: {one_line(exc)}")

    def _conversations(self, known: set[str]) -> Iterator[list[int]]:
        """The rows of each conversation, in order. Only their numbers: the database may be larger than memory."""
        by = [name for name in ("conversation_id", "datetime_utc") if name in known]
        owner = "conversation_id" if "conversation_id" in known else "NULL"
        rows = self._database.execute(
            f"SELECT rowid, {owner} FROM responses ORDER BY {', '.join([*by, 'rowid'])}"  # noqa: S608 - as above
        )
        rowids: list[int] = []
        before = None
        for rowid, conversation_id in rows:
            if rowids and (conversation_id is None or conversation_id != before):
                yield rowids
                rowids = []
            rowids.append(rowid)
            before = conversation_id
        if rowids:
            yield rowids

    def _conversation(self, number: int, rowids: list[int]) -> Records:
        first = self._row(rowids[0])
        original_id = _text(first, "conversation_id") or _text(first, "id") or f"row-{rowids[0]}"
        conversation = Conversation(SOURCE, original_id, f"conversation {number} {one_line(original_id, 80)}")
        named = (
            self._rows("SELECT name FROM conversations WHERE id = ?", original_id) if self._has("conversations") else []
        )
        conversation.title = _text(named[0], "name") if named else ""
        room, before, system = self._bounds.conversation_bytes, None, ""
        for rowid in rowids:
            row = self._row(rowid)
            room -= sum(len(_text(row, name)) for name in ("prompt", "system", "response"))
            if room < 0:
                yield Unmapped(conversation.where, "is longer than one conversation may be; left out")
                return
            before, system = self._add_response(conversation, row, f"row-{rowid}", before, system)
        put_in_order(conversation)
        yield from records(conversation)

    def _add_response(
        self, conversation: Conversation, row: sqlite3.Row, unnamed: str, before: str | None, system: str
    ) -> tuple[str, str]:
        """Add a prompt and its response behind `before`; the response's id, and the system prompt from here on."""
        response_id = _text(row, "id") or unnamed
        parent = _text(row, "reply_to_id") or before
        moment = conversation.moment(row["datetime_utc"], "datetime_utc", response_id)
        said = self._with_fragments("system", response_id, _text(row, "system"))
        if said and said != system:
            conversation.node(f"{response_id}/system", parent, Message(role="system", content=said, timestamp=moment))
            parent = f"{response_id}/system"
        asked = Message(role="user", content="", timestamp=moment)
        blocks: list[Block] = [*self._results(response_id)]
        blocks.append(Said(self._with_fragments("prompt", response_id, _text(row, "prompt"))))
        conversation.add(f"{response_id}/prompt", parent, blocks, asked, list(self._attachments(response_id)))
        reply = Message(
            role="assistant",
            content="",
            timestamp=moment,
            model=_text(row, "resolved_model") or _text(row, "model") or None,
            status="complete",
            usage=_usage(row),
            stats=_stats(row),
        )
        answer: list[Block] = [Said(_text(row, "response")), *self._calls(response_id)]
        conversation.add(response_id, f"{response_id}/prompt", answer, reply, [])
        return response_id, said or system

    def _with_fragments(self, kind: str, response_id: str, text: str) -> str:
        """What llm sent: the fragments that were named, then what was typed."""
        table = f"{kind}_fragments"
        if not (self._has(table) and self._has("fragments")):
            return text
        rows = self._rows(
            f"SELECT content FROM {table} JOIN fragments ON fragments.id = fragment_id"  # noqa: S608 - as above
            f' WHERE response_id = ? ORDER BY {table}."order"',
            response_id,
        )
        return "\n".join(filter(None, (*(_text(row, "content") for row in rows), text)))

    def _attachments(self, response_id: str) -> Iterator[str]:
        if self._has("prompt_attachments") and self._has("attachments"):
            rows = self._rows(
                "SELECT type, path, url FROM prompt_attachments JOIN attachments ON attachments.id = attachment_id"
                ' WHERE response_id = ? ORDER BY prompt_attachments."order"',
                response_id,
            )
            for row in rows:
                yield f"file {_text(row, 'path') or _text(row, 'url') or _text(row, 'type')}"

    def _calls(self, response_id: str) -> Iterator[Block]:
        if self._has("tool_calls"):
            for row in self._rows("SELECT * FROM tool_calls WHERE response_id = ? ORDER BY rowid", response_id):
                yield Called(_text(row, "tool_call_id"), _text(row, "name"), arguments_of(_text(row, "arguments")))

    def _results(self, response_id: str) -> Iterator[Block]:
        if self._has("tool_results"):
            for row in self._rows("SELECT * FROM tool_results WHERE response_id = ? ORDER BY rowid", response_id):
                yield Answered(_text(row, "tool_call_id"), _text(row, "name"), _text(row, "output"))

    def _has(self, table: str) -> bool:
        return table in self._tables

    def _row(self, rowid: int) -> sqlite3.Row:
        return self._rows(self._one, rowid)[0]

    def _rows(self, query: str, *arguments: object) -> list[sqlite3.Row]:
        return self._database.execute(query, arguments).fetchall()


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def _text(row: sqlite3.Row, name: str) -> str:
    found = row[name] if name in row.keys() else None  # noqa: SIM118 - a Row without keys() looks at its values
    return found if isinstance(found, str) else str(found) if isinstance(found, int) else ""


def _usage(row: sqlite3.Row) -> Usage | None:
    asked, made = row["input_tokens"], row["output_tokens"]
    return Usage(asked, made, asked + made) if isinstance(asked, int) and isinstance(made, int) else None


def _stats(row: sqlite3.Row) -> Stats | None:
    took = row["duration_ms"]
    return Stats(None, float(took), None) if isinstance(took, int | float) else None
