"""`chatkeep settings`: each value and where it came from."""

import re
from collections.abc import Iterator

import msgspec
from pydantic import SecretStr

from chatkeep.cli.connection import settings_of
from chatkeep.cli.printing import print_json, print_rows
from chatkeep.cli.target import Target
from chatkeep.settings import ProviderSettings, Settings, origins, variable_of, variables_of

_MASK = "***"
# User and password, which may hold an @ where people forget to write it as %40: RFC 3986, section 3.2.1.
_LOGIN = re.compile(r"(?<=://)[^/\s]+(?=@)")


class Row(msgspec.Struct, frozen=True):
    """One setting. `value` is as it would stand in the environment, None for none; `source` as `origins` says."""

    variable: str
    value: str | None
    source: str


def show(target: Target, *, as_json: bool) -> None:
    """Print what a server that is started here would use. Raises: CliError."""
    options = {"url": target.url, "api_key": target.key, "chats_dir": target.chats_dir}
    rows = list(_rows(settings_of(target), {name for name, value in options.items() if value is not None}))
    if as_json:
        print_json(rows)
    else:
        print_rows(("SETTING", "VALUE", "FROM"), [(row.variable, row.value, row.source) for row in rows], to_fit=1)


def _rows(settings: Settings, options: set[str]) -> Iterator[Row]:
    found = origins()
    for name, field in Settings.model_fields.items():
        if field.exclude:
            continue
        source = "option" if name in options else _source(variables_of(name), found)
        yield Row(variable_of(name), _shown(getattr(settings, name)), source or "default")
    for provider in settings.providers:
        for name in ProviderSettings.model_fields:
            variable = f"{provider.name}_{name}".upper()
            if source := _source([variable], found):
                yield Row(variable, _shown(getattr(provider, name)), source)


def _source(variables: list[str], found: dict[str, set[str]]) -> str | None:
    for source, names in found.items():
        for variable in variables:
            if variable in names:
                return source if variable == variables[0] else f"{source}, as {variable}"
    return None


def _shown(value: object) -> str | None:
    match value:
        case None | ():
            return None
        case SecretStr():
            return _MASK
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(map(str, value))
        case _:
            return _LOGIN.sub(_MASK, str(value))
