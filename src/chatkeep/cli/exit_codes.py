"""How a command ends, and the one error that a command ends with."""

from enum import IntEnum

import rich_click as click

from chatkeep.cli.visible import visible


class ExitCode(IntEnum):
    """What a command leaves to scripts. Wrong usage is click's own number, an interruption that of shells."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    CONFLICT = 6
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "it failed, or a check found something",
    ExitCode.USAGE: "wrong usage",
    ExitCode.NOT_FOUND: "what was named does not exist",
    ExitCode.REFUSED: "refused: no key, a wrong one, or its role does not allow it",
    ExitCode.UNREACHABLE: "no server can be reached",
    ExitCode.CONFLICT: "a conflict: the chat is busy, or has changed since it was read; or the name is taken",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Each exit code in words."""


class CliError(click.ClickException):
    """Ends a command with `code` and one message on standard error.

    A provider's own words may be in it, so a terminal is given nothing of it to obey. `problem_code` is the stable
    `code` of the server's problem document, None when the error is not the server's.
    """

    def __init__(self, code: ExitCode, message: str, problem_code: str | None = None) -> None:
        super().__init__(visible(message))
        self.exit_code = int(code)  # type: ignore[misc]  # click says one a class, and reads it from the object
        self.problem_code = problem_code
