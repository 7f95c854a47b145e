"""`chatkeep export`: chats as files, as text for people, or all of them as a backup."""

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import rich_click as click

from chatkeep.api.archives import ExportFormat
from chatkeep.api.schemas import ChatList
from chatkeep.archives.backup import BackupWriter
from chatkeep.chat.model import ChatKey, is_chat_id
from chatkeep.cli.answers import path_of
from chatkeep.cli.client import Client
from chatkeep.cli.connection import connected
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.owned_clients import OwnedClients
from chatkeep.cli.printing import print_json, say
from chatkeep.cli.progress import Bar, progress_bar
from chatkeep.cli.target import Target

_STDOUT = "-"


class Exported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chat that was written to a file of its own."""

    chat_id: str
    path: str
    owner: str = ""


class BackedUp(msgspec.Struct, frozen=True):
    """A backup that was written."""

    path: str
    chats: int


def export(target: Target, chat_ids: Sequence[str], kind: ExportFormat, output: str | None, *, as_json: bool) -> None:
    """Export these chats. Raises: CliError, click.UsageError."""
    output = output or (_STDOUT if len(chat_ids) == 1 else None)
    if output is None or (output == _STDOUT and len(chat_ids) > 1):
        raise click.UsageError("Several chats are several files: name a folder for them with -o.")
    if output == _STDOUT and as_json:
        raise click.UsageError("--json tells of the files that are written: name them with -o.")
    written = []
    with connected(target) as client:
        for chat_id in chat_ids:
            data = _data_of(client, chat_id, kind)
            if output == _STDOUT:
                sys.stdout.buffer.write(data)
                continue
            path = Path(output)
            if len(chat_ids) > 1 or _is_folder(output):
                path /= f"{chat_id}.{kind}"
            with _replaced(path) as file:
                file.write(data)
            written.append(Exported(chat_id, str(path)))
    if as_json:
        print_json(written)
    else:
        for each in written:
            say(f"Wrote {each.path}")


def export_all(target: Target, kind: ExportFormat, output: str | None, *, as_json: bool) -> None:
    """Export every chat as text, into a folder. Raises: CliError, click.UsageError."""
    if output is None or output == _STDOUT:
        raise click.UsageError("Many chats are many files: name a folder for them with -o.")
    written = []
    everything = _Everything(kind)
    with OwnedClients(target) as clients, progress_bar("Exporting") as bar:
        for key, _, data in everything.chats(clients, bar):
            folder = Path(output) / f"@{key.owner}" if key.owner else Path(output)
            path = folder / f"{key.chat_id}.{kind}"
            with _replaced(path) as file:
                file.write(data)
            written.append(Exported(key.chat_id, str(path), key.owner))
    if as_json:
        print_json(written)
    else:
        say(f"Wrote {len(written)} chats to {output}")
    everything.check()


def back_up(target: Target, output: str | None, *, as_json: bool) -> None:
    """Write a backup of every chat. Raises: CliError, click.UsageError."""
    if output == _STDOUT and as_json:
        raise click.UsageError("--json tells of the file that is written: name it with -o.")
    named = time.strftime("chatkeep-%Y%m%d-%H%M%S.tar.gz")
    path = Path(output or named)
    if output not in (None, _STDOUT) and _is_folder(str(output)):
        path /= named
    everything = _Everything("json")
    with OwnedClients(target) as clients, progress_bar("Backing up") as bar:
        if output == _STDOUT:
            _write_backup(everything.chats(clients, bar), sys.stdout.buffer)
        else:
            with _replaced(path) as file:
                count = _write_backup(everything.chats(clients, bar), file)
            if as_json:
                print_json(BackedUp(str(path), count))
            else:
                say(f"Wrote {count} chats to {path}")
    everything.check()


def _write_backup(chats: Iterator[tuple[ChatKey, str, bytes]], file: BinaryIO) -> int:
    with BackupWriter(file) as backup:
        for key, last_updated, data in chats:
            backup.add(key, data, last_updated)
    return backup.chats


class _Everything:
    """Every chat of every owner, and what looks like one and is none."""

    def __init__(self, kind: ExportFormat) -> None:
        self._kind = kind
        self._left_out = 0

    def chats(self, clients: OwnedClients, bar: Bar) -> Iterator[tuple[ChatKey, str, bytes]]:
        """Each chat with its last change and what is written of it. One that is deleted meanwhile is passed over."""
        done = 0
        for owner in clients.owners():
            files = clients.files(owner)
            client = clients.of(owner)
            chats = _all_chats(client)
            self._tell_of([path for path in files if path.stem not in chats and path.exists()], bar)
            for place, (chat_id, last_updated) in enumerate(chats.items()):
                bar.at(done + place, done + len(chats))
                data = self._data_or_none(client, chat_id, bar)
                if data is not None:
                    yield ChatKey(owner, chat_id), last_updated, data
            done += len(chats)

    def check(self) -> None:
        """Raises: CliError when something was left out."""
        if self._left_out:
            raise CliError(ExitCode.FAILED, f"Left out, a line each above: {self._left_out}.")

    def _data_or_none(self, client: Client, chat_id: str, bar: Bar) -> bytes | None:
        try:
            return _data_of(client, chat_id, self._kind)
        except CliError as exc:
            if exc.exit_code != ExitCode.NOT_FOUND:
                raise
            bar.say(f"{chat_id} was deleted meanwhile.")
            return None

    def _tell_of(self, files: Sequence[Path], bar: Bar) -> None:
        for path in files:
            bar.say(
                f"{path} is not the file of a chat, or cannot be read; left out."
                if is_chat_id(path.stem)
                else f"{path} has a name that no chat can have; left out. `chatkeep check --repair` renames chats."
            )
        self._left_out += len(files)


def _all_chats(client: Client) -> dict[str, str]:
    """The last change of every chat by its id, read again until nothing is new.

    Why: pages go from the newest chat to the oldest, and one that changes meanwhile moves to where we have been.
    """
    found: dict[str, str] = {}
    while True:
        known, cursor = len(found), None
        while True:
            page = client.get("/chat/history", ChatList, {"limit": 1000, "cursor": cursor})
            fresh = {chat_id: row.last_updated for chat_id, row in page.chats.items() if chat_id not in found}
            found |= fresh
            cursor = page.next_cursor
            # Why the second look ends early: what is older than a page without news has not moved.
            if cursor is None or (known and not fresh):
                break
        if len(found) == known:
            return found


def _data_of(client: Client, chat_id: str, kind: ExportFormat) -> bytes:
    with client.download(path_of("/chat/export/{}", chat_id), {"format": kind}) as pieces:
        return b"".join(pieces)


def _is_folder(output: str) -> bool:
    return output.endswith(os.sep) or Path(output).is_dir()


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that is put at `path` when the `with` ends well; else what was there stays. Raises: CliError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            temporary.chmod(0o600)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        raise CliError(ExitCode.FAILED, f"{path} cannot be written: {exc.strerror or exc}.") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
