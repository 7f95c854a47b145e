"""Write the pages that are made from the code, or with `--check` say which of them no longer match it.

`make docs` writes them, `make check` compares them. What is written by hand lives in the other pages.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, get_args, get_origin

import click
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from chatkeep.api.openapi import openapi_document
from chatkeep.app.routes import routes_of
from chatkeep.app.service import Service
from chatkeep.cli.exit_codes import MEANINGS
from chatkeep.cli.main import main as cli
from chatkeep.settings import Settings, read_settings, variable_of

ROOT = Path(__file__).parent.parent

_SETTINGS_HEAD = """\
# Settings

Read from the environment, then from a file `.env` in the working folder; an option of `chatkeep serve` wins
over both. A wrong value stops the start with a line that names it. An empty value counts as left out.

| variable | default | allowed | meaning |
|---|---|---|---|
"""

_CLI_HEAD = """\
# Commands

`list`, `show`, `search`, `delete`, `restore`, `rename` and `models` talk to a server: the one that runs on the data
folder, by [its own socket](security.md) and without a key; when none runs, one that is started inside the command and
stopped at its end. A second command uses the server of the first, and takes over when that is done. `--url` names a
server elsewhere and `--key` what it asks for. The folder of `uvicorn chatkeep.asgi:app` is reached by `--url` only.
`chatkeep serve` does not start while a command owns the folder. After Ctrl-C a command that serves lets replies end
that are still coming; a second Ctrl-C interrupts them.

Results go to standard output, everything else to standard error. In a terminal results are tables and rendered
Markdown, with colours unless `NO_COLOR` is set; elsewhere lines with tabs between, and Markdown as it is. `--json`
prints one JSON document.

## Exit codes

| code | meaning |
|---|---|
EXIT_CODES
## Completion

Of commands, options and, while a server runs, the ids of chats. In `~/.bashrc`, `~/.zshrc`, or
`~/.config/fish/completions/chatkeep.fish`:

```
eval "$(_CHATKEEP_COMPLETE=bash_source chatkeep)"
eval "$(_CHATKEEP_COMPLETE=zsh_source chatkeep)"
_CHATKEEP_COMPLETE=fish_source chatkeep | source
```

"""

_PROVIDER_VARIABLES = (
    (
        "<NAME>_API_KEY",
        "Key of the service `<NAME>`: `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, `GROQ_API_KEY` …",
    ),
    (
        "<NAME>_BASE_URL",
        "Its address. Known services have theirs built in; any other name needs it, and speaks OpenAI's format.",
    ),
    ("<NAME>_MODEL", "Its model when a request names none."),
)

_ENV_HEAD = """\
# Copy to .env in the working folder and take the # away from what you change. What stands there is the default.
# The same with units and bounds: docs/settings.md.

# A key makes a provider known; any OpenAI-compatible service works, by any name with an address.
# OPENAI_API_KEY=
# OPENAI_MODEL=
# ANTHROPIC_API_KEY=
# GEMINI_API_KEY=
# MYSERVER_BASE_URL=http://127.0.0.1:9000/v1
"""


def settings_page() -> str:
    """The table of every setting, then the variables of providers."""
    rows = [_row(name, field) for name, field in _settings()]
    rows += [f"| `{variable}` | none | | {meaning} |" for variable, meaning in _PROVIDER_VARIABLES]
    return _SETTINGS_HEAD + "\n".join(rows) + "\n"


def env_example() -> str:
    """The same as a file to copy, every line commented out."""
    return _ENV_HEAD + "".join(
        f"\n# {field.description}\n# {variable_of(name)}={_default(field) or ''}\n" for name, field in _settings()
    )


def cli_page() -> str:
    """What all commands have in common, then each with its help, arguments and options."""
    codes = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return _CLI_HEAD.replace("EXIT_CODES", codes) + "\n".join(_commands(cli, click.Context(cli, info_name="chatkeep")))


def openapi_page() -> str:
    """The OpenAPI document that the server answers with."""
    return openapi_document(routes_of(Service(read_settings(Path(os.devnull))))).decode()


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    "docs/example.env": env_example,
    "docs/cli.md": cli_page,
    "docs/openapi.json": openapi_page,
}


def main(*, check: bool) -> int:
    """Return the exit status: 1 when `check` found a page that differs."""
    stale = []
    for name, page in PAGES.items():
        path, text = ROOT / name, page()
        old = path.read_text(encoding="utf-8") if path.exists() else None
        if text == old:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{'not what the code says, run `make docs`' if check else 'written'}: {', '.join(stale)}")
    return int(check and bool(stale))


def _settings() -> Iterator[tuple[str, FieldInfo]]:
    return ((name, field) for name, field in Settings.model_fields.items() if not field.exclude)


def _row(name: str, field: FieldInfo) -> str:
    variable = variable_of(name)
    others = _other_names(field, variable)
    also = f" (or {', '.join(f'`{other}`' for other in others)})" if others else ""
    default = _default(field)
    shown = "none" if default is None else f"`{default}`"
    return f"| `{variable}`{also} | {shown} | {_allowed(field)} | {field.description} |"


def _other_names(field: FieldInfo, variable: str) -> list[str]:
    choices = field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else []
    return [str(choice).upper() for choice in choices if str(choice).upper() != variable]


def _default(field: FieldInfo) -> str | None:
    """The default as it would stand in the environment; None when there is none to write down."""
    default: object = field.get_default(call_default_factory=True)
    if default is None or isinstance(default, SecretStr) or default == ():
        return None
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def _allowed(field: FieldInfo) -> str:
    """The choices or bounds of a setting, in words."""
    types = [kind for kind in _members(field.annotation) if kind is not NoneType]
    if types == [bool]:
        return "`true`, `false`"
    choices = [choice for kind in types if get_origin(kind) is Literal for choice in get_args(kind)]
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    bounds = [(words[key], getattr(rule, key)) for rule in field.metadata for key in words if hasattr(rule, key)]
    return ", ".join(f"{word} {bound:,}" for word, bound in bounds)


def _members(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)


def _commands(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """The sections of a command and of those below it, in the order of their names."""
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"## `{ctx.command_path}`\n\n{inspect.cleandoc(command.help or '')}\n\n```\n{usage}\n```\n"
    records = [record for parameter in command.params if (record := parameter.get_help_record(ctx)) is not None]
    if records:
        cells = ((left.replace("|", r"\|"), right.replace("|", r"\|")) for left, right in records)
        rows = "".join(f"| `{left}` | {right} |\n" for left, right in cells)
        yield f"| option | meaning |\n|---|---|\n{rows}"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            if child is not None and not child.hidden:
                yield from _commands(child, click.Context(child, parent=ctx, info_name=name))


if __name__ == "__main__":
    os.environ.clear()  # the pages show defaults, not the settings of whoever makes them
    sys.exit(main(check="--check" in sys.argv))
