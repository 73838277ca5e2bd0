"""What the commands share on the command line: errors in one sentence, the listing of names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from core.errors import ExitCode, SluiceError
from core.text import nearest, suggestion
from gates.command.usage import say
from runners.component_names import NAMES


class OneSentenceCommand(click.Command):
    """A click command whose usage errors are one sentence with the next command, and exit with 3."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; click's errors are printed in one sentence, as ours are."""
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.UsageError as problem:
            script = sys.argv[0]
            command = f"python {os.path.relpath(script)}" if script.endswith(".py") else Path(script).name
            say(SluiceError(problem.format_message(), f"All options:  {command} --help"))
            sys.exit(ExitCode.UNUSABLE)
        except click.Abort:
            sys.exit(130)


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
