"""`chatkeep import`: archives are read here, chat by chat, and each chat is given to the server."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, assert_never

import msgspec
import rich_click as click

from chatkeep.api.archives import ImportAnswer
from chatkeep.archives.formats import Format
from chatkeep.archives.reading import Archive, opened
from chatkeep.archives.record import Record, Stored, Unmapped, one_line
from chatkeep.chat.model import Chat, is_chat_id
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.owned_clients import OwnedClients
from chatkeep.cli.printing import print_json
from chatkeep.cli.progress import Bar, progress_bar
from chatkeep.cli.target import Target
from chatkeep.errors import InvalidRequest
from chatkeep.storage.codec import encode_chat, encode_message

_THIS_CHATS = {"invalid_request", "invalid_chat_id", "body_too_large", "chat_unreadable"}  # refusals of one chat alone
_PATIENCE_S = 120.0  # how long a server that says "too many requests" is asked again
_AGAIN_S = 1.0
_WORDS = {
    "differs": "is there, and lacks messages of the one in the archive; it was left as it is",
    "id_taken": "is the id of another chat; left out",
}

Kind = Literal["imported", "would_import", "already_there", "differs", "id_taken", "finding"]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one chat, or a finding. With `--json` a line of the output each."""

    kind: Kind
    archive: str
    chat_id: str = ""
    owner: str = ""
    where: str = ""
    what: str = ""


class Summary(msgspec.Struct, frozen=True):
    """The last line of the output: how many of each kind there were, those that there were."""

    kind: Literal["done"]
    count: dict[Kind, int]


class _Chat(msgspec.Struct, frozen=True):
    """A chat on its way: its file, and what its archive says of it."""

    data: bytes
    owner: str | None
    chat_id: str | None
    where: str


class _File(msgspec.Struct):
    chat_id: str = ""


def take(target: Target, paths: Sequence[Path], source: Format | None, *, dry_run: bool, as_json: bool) -> None:
    """Import the archives at `paths`. Raises: CliError, also when something was left out."""
    clients = None if dry_run else OwnedClients(target, makes_folder=True)
    with progress_bar("Importing") as bar:
        taking = _Taking(clients, bar, as_json=as_json)
        if clients is None:
            taking.archives(paths, source)
        else:
            with clients:
                taking.archives(paths, source)
    taking.finish()


class _Taking:
    """Gives the chats of archives to the server, or without `clients` only counts them; says what became of each."""

    def __init__(self, clients: OwnedClients | None, bar: Bar, *, as_json: bool) -> None:
        self._clients = clients
        self._bar = bar
        self._as_json = as_json
        self._archive = ""
        self._count = Counter[Kind]()

    def archives(self, paths: Sequence[Path], source: Format | None) -> None:
        """Import them one after the other. Raises: CliError."""
        for path in paths:
            self._archive = path.name or str(path)
            try:
                with opened(path, source) as archive:
                    self._take_all(archive)
            except InvalidRequest as exc:
                self._tell(Line("finding", self._archive, what=exc.detail))
            except OSError as exc:
                self._tell(Line("finding", self._archive, what=f"cannot be read: {exc.strerror or exc}"))

    def finish(self) -> None:
        """Say how it ended. Raises: CliError when something was left out."""
        count = self._count
        if self._as_json:
            print_json(Summary("done", dict(count)))
        else:
            click.echo(
                f"{count['would_import']} chats would be imported, if they are not there already."
                if self._clients is None
                else f"{count['imported']} chats imported, {count['already_there']} were there already."
            )
        left = count["finding"] + count["differs"] + count["id_taken"]
        if left:
            raise CliError(ExitCode.FAILED, f"Left out or not as it was, a line each above: {left}.")

    def _take_all(self, archive: Archive) -> None:
        for record in archive.records:
            self._bar.at(archive.position(), archive.size or None)
            coming = self._coming(record)
            if coming is not None:
                self._take(coming)

    def _coming(self, record: Record) -> _Chat | None:
        match record:
            case Unmapped(where, what):
                self._tell(Line("finding", self._archive, where=where, what=what))
                return None
            case Stored(where, owner, chat_id, data):
                return _Chat(data, owner, chat_id or _name_of(data, where), where)
            case Chat():
                data = encode_chat(record, [encode_message(message) for message in record.messages])
                return _Chat(data, None, None, record.chat_id)
            case _:
                assert_never(record)

    def _take(self, coming: _Chat) -> None:
        if self._clients is None:
            self._tell(Line("would_import", self._archive, coming.chat_id or coming.where, coming.owner or ""))
            return
        owner = coming.owner if coming.owner is not None else self._clients.own
        if not self._clients.has(owner):
            what = f"belongs to {one_line(owner, 64)!r}, whose chats are not the ones asked for; left out"
            self._tell(Line("finding", self._archive, where=coming.where, what=what))
            return
        try:
            answer = self._given(owner, coming)
        except CliError as exc:
            if exc.problem_code not in _THIS_CHATS:
                raise
            self._tell(Line("finding", self._archive, where=coming.where, what=f"{one_line(exc.message)} Left out."))
            return
        for chat_id in answer.imported:
            self._tell(Line("imported", self._archive, chat_id, owner))
        for each in answer.skipped:
            self._tell(Line(each.reason, self._archive, each.chat_id, owner))
        for found in answer.findings:
            self._tell(Line("finding", self._archive, where=found.where, what=found.what))

    def _given(self, owner: str, coming: _Chat) -> ImportAnswer:
        """Give it to the server, again while that has no time for it. Raises: CliError."""
        assert self._clients is not None, "a dry run asks no server"
        query = {"source": Format.CHATKEEP.value, "chat_id": coming.chat_id}
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                client = self._clients.of(owner)
                return client.upload("/chat/import", coming.data, "application/json", ImportAnswer, query)
            except CliError as exc:
                if exc.problem_code != "rate_limited" or time.monotonic() > until:
                    raise
                time.sleep(_AGAIN_S)

    def _tell(self, line: Line) -> None:
        self._count[line.kind] += 1
        if self._as_json:
            print_json(line)
        elif line.kind == "finding":
            self._bar.say(_sentence(line))
        elif line.kind in ("differs", "id_taken"):
            self._bar.say(f"{line.archive}: {line.chat_id} {_WORDS[line.kind]}")


def _sentence(line: Line) -> str:
    """A finding for people. What is said of the archive itself may name it already, as its place or in words."""
    if line.what.startswith(line.archive):
        return line.what
    where = line.where if line.where != line.archive else ""
    return ": ".join(filter(None, (line.archive, where, line.what)))


def _name_of(data: bytes, where: str) -> str | None:
    """The chat's id by the name of its file, where the file itself has none."""
    try:
        named = msgspec.json.decode(data, type=_File).chat_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    stem = Path(where).stem
    return stem if not named and is_chat_id(stem) else None
