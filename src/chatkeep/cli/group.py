"""How every command ends: its exit code, and what it says then."""

import sys
from typing import Any

import rich_click as click

from chatkeep.cli.exit_codes import CliError, ExitCode


class Commands(click.RichGroup):
    """The command `chatkeep`: Ctrl-C leaves 130, and an error is one plain line where no person reads."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _interrupted(ctx)
        except click.Abort as exc:
            # Why: click says the same of Ctrl-C and of the end of the input at a question.
            if isinstance(exc.__context__, KeyboardInterrupt):
                _interrupted(ctx)
            raise
        except CliError as exc:
            if sys.stderr.isatty():
                raise
            click.echo(f"Error: {exc.message}", err=True)
            ctx.exit(exc.exit_code)


def _interrupted(ctx: click.Context) -> None:
    click.echo("Interrupted.", err=True)
    ctx.exit(ExitCode.INTERRUPTED)
