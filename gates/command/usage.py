"""Errors of a user on a command line: one sentence on standard error, the next command, exit code 3."""

from __future__ import annotations

import sys
from typing import Any

import click

from core.errors import ExitCode, SluiceError

_STOPPED = 130  # as shells report Ctrl-C


def say(problem: SluiceError) -> None:
    """A user's error on standard error: one sentence and the next command."""
    click.echo(f"sluice: {problem}", err=True)


class OneSentenceCommand(click.Command):
    """A click command that prints click's errors and ours in one sentence."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that was named."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except SluiceError as problem:
            say(problem)
            code = problem.exit_code
        except click.UsageError as problem:
            where = problem.ctx.command_path if problem.ctx else "python -m gates"
            say(SluiceError(problem.format_message(), f"All options:  {where} --help"))
            code = ExitCode.UNUSABLE
        except click.ClickException as problem:
            say(SluiceError(problem.format_message()))
            code = ExitCode.UNUSABLE
        except (click.Abort, KeyboardInterrupt):
            code = _STOPPED
        sys.exit(int(code or 0))


class OneSentenceGroup(OneSentenceCommand, click.Group):
    """A click group that prints click's errors and ours in one sentence."""
