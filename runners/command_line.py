"""What the commands share on the command line: errors in one sentence, the listing of names."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import click

from core.errors import ExitCode, SluiceError
from core.file_errors import unusable, unwritable
from core.printable import show_error
from core.text import listed, nearest, suggestion
from runners.component_names import NAMES


class Amount(click.FloatRange):
    """A number from 0 to `most`; `nan` is none, although it is in every range."""

    def __init__(self, most: float | None = None) -> None:
        super().__init__(min=0, max=most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; click calls this."""
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is no number.", param, ctx)
        return found


class _OneSentence(click.Command):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; errors of click and ours are printed in one sentence."""
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except SluiceError as problem:
            show_error(problem)
            sys.exit(problem.exit_code)
        except OSError as problem:
            found = unusable(problem) or unwritable(problem)
            if found is None:
                raise
            show_error(found)
            sys.exit(found.exit_code)
        except click.exceptions.NoArgsIsHelpError as problem:
            command = problem.ctx.command
            names = listed(command.list_commands(problem.ctx)) if isinstance(command, click.Group) else ""
            show_error(_with_all_options(f"{problem.ctx.info_name} needs one of its commands: {names}.", problem.ctx))
            sys.exit(ExitCode.UNUSABLE)
        except click.UsageError as problem:
            show_error(_with_all_options(problem.format_message(), problem.ctx))
            sys.exit(ExitCode.UNUSABLE)
        except click.Abort:
            sys.exit(130)


def _with_all_options(sentence: str, context: click.Context | None) -> SluiceError:
    """The error of a command line, with the command that shows all options."""
    script = sys.argv[0]
    command = f"python {os.path.relpath(script)}" if script.endswith(".py") else Path(script).name
    below = context.command_path.split()[1:] if context else []
    return SluiceError(sentence, f"All options:  {' '.join([command, *below])} --help")


class OneSentenceCommand(_OneSentence):
    """A click command whose errors are one sentence with the next command, and exit with 3."""


class OneSentenceGroup(_OneSentence, click.Group):
    """The same for a command with commands below it."""


def node_id_of(name: str) -> str:
    """The id of the component called `name`: by its id or its name on the console, in upper or lower case.

    Raises:
      SluiceError: when there is no such component.
    """
    known = {word.lower(): node_id for node_id, shown in NAMES.items() for word in (node_id, shown)}
    if found := known.get(name.lower()):
        return found
    near = nearest(name.lower(), known)
    guess = suggestion(known[near]) if near else "."
    raise SluiceError(f"there is no component `{name}`{guess}", "All names:  python runners/local_runner.py --list")


def listing() -> str:
    """The names of all workloads, their profiles and all components."""
    from pipeline.config.load import profiles_of, workload_names

    profiles = {name: ", ".join(profiles_of(name)) for name in workload_names()}
    workloads = (f"  {name:<18} {f'profiles: {known}' if known else ''}".rstrip() for name, known in profiles.items())
    lines = ["Workloads:", *workloads, "Components, in the order in which they run:"]
    return "\n".join([*lines, *(f"  {node_id:<18} {shown}" for node_id, shown in NAMES.items())])
