"""`chatkeep keys`: make, list and revoke API keys. A running server takes the change over within a second."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from chatkeep.access.audit import AuditEntry
from chatkeep.access.keys import ApiKey, KeySet, check_name, check_owner, new_key, parse_rate
from chatkeep.access.subject import Role
from chatkeep.chat.model import now
from chatkeep.cli.answers import exit_code_of
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.printing import print_rows, shown_time
from chatkeep.errors import ChatkeepError, InvalidRequest
from chatkeep.settings import WrongSettings, read_settings
from chatkeep.storage.audit import AuditLog
from chatkeep.storage.keys import KeyFile

_WHO = "chatkeep keys"


def add(chats_dir: Path | None, name: str, *, role: str, owner: str | None, rate: str | None, as_json: bool) -> None:
    """Make a key and print it, the only time it is shown. Raises: CliError, click.UsageError."""
    with _explained():
        root = _root(chats_dir)
        secret = new_key()
        check_name(name)
        allowed = parse_rate(rate) if rate else None
        of = check_owner(name if owner is None else owner)

        def with_key(keys: KeySet) -> KeySet:
            return keys.with_key(ApiKey(name, of, Role(role), keys.digest(secret), now(), allowed))

        KeyFile(root).change(with_key)
        AuditLog(root).append(AuditEntry(now(), _WHO, f"keys add --role {role}", owner=of, key=name))
    if as_json:
        click.echo(json.dumps({"name": name, "role": role, "owner": of, "rate": rate, "key": secret}))
        return
    click.echo(secret)
    where = f"the chats in @{of}" if of else "the chats of the folder itself"
    click.echo(f"That is the key of {name} ({role}, {where}) in {root.absolute()}.", err=True)
    click.echo("It is not kept and not shown again.", err=True)


def show(chats_dir: Path | None, *, as_json: bool) -> None:
    """Print every key that was ever made, without what is secret. Raises: CliError."""
    with _explained():
        root = _root(chats_dir)
        kept = KeyFile(root).read()
    rows = [_row(key) for key in (kept.keys if kept else [])]
    if as_json:
        click.echo(json.dumps(rows))
        return
    print_rows(("NAME", "ROLE", "CHATS", "RATE", "MADE", "STATE"), [_cells(row) for row in rows], to_fit=5)
    if not rows:
        click.echo(f"There are no keys in {root.absolute()}.", err=True)


def revoke(chats_dir: Path | None, name: str, *, as_json: bool) -> None:
    """Make a key invalid for good. Raises: CliError."""
    with _explained():
        root = _root(chats_dir)
        moment = now()
        KeyFile(root).change(lambda keys: keys.without(name, moment))
        AuditLog(root).append(AuditEntry(moment, _WHO, "keys revoke", key=name))
    if as_json:
        click.echo(json.dumps({"name": name, "revoked_at": moment}))
        return
    click.echo(f"The key {name} is revoked in {root.absolute()}. The next request with it is refused.", err=True)


def _row(key: ApiKey) -> dict[str, str | None]:
    rate = f"{key.rate.requests}/{key.rate.window_s:g}" if key.rate else None
    return {
        "name": key.name,
        "role": key.role.value,
        "owner": key.owner,
        "rate": rate,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _cells(row: dict[str, str | None]) -> tuple[str | None, ...]:
    """One row as people read it."""
    state = f"revoked {shown_time(row['revoked_at'])}" if row["revoked_at"] else "active"
    owner = f"@{row['owner']}" if row["owner"] else "the folder itself"
    return row["name"], row["role"], owner, row["rate"], shown_time(row["created_at"]), state


def _root(chats_dir: Path | None) -> Path:
    return read_settings(chats_dir=chats_dir).chats_dir


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what can go wrong into what a command ends with. Raises: CliError, click.UsageError."""
    try:
        yield
    except WrongSettings as exc:
        raise CliError(ExitCode.FAILED, f"These settings are wrong:\n{exc}") from exc
    except InvalidRequest as exc:
        raise click.UsageError(exc.detail) from exc
    except ChatkeepError as exc:
        raise CliError(exit_code_of(exc.status), exc.detail) from exc
