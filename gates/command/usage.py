"""What command lines share: errors of a user in one sentence with the next command and exit code 3, files as output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from core.atomic_write import write_text
from core.errors import ExitCode, SluiceError
from core.file_errors import unusable
from core.printable import show_error, show_page

_STOPPED = 130  # as shells report Ctrl-C


def folder_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """The value of an option that names a workload, whose folders are called by it: a path would lead out of them."""
    if not name or name.startswith(".") or set(name) & set("/\\"):
        raise click.BadParameter(f"`{name}` is a path or nothing; a workload is meant by its name, such as taxi.")
    return name


def show_or_write(text: str, output: Path | None) -> None:
    """Prints `text`, or writes it to the file of `--output`, whole or not at all.

    A shell empties the file behind `>` before the command runs; this leaves it as it was when the command fails.

    Raises:
      SluiceError: when the file cannot be written.
    """
    if output is None:
        show_page(text.removesuffix("\n"))
    else:
        check_writable(output, "--output")
        write_text(output, text)


def check_writable(path: Path, option: str) -> None:
    """Checks that a file can be written at `path`, which was given by `option`.

    Raises:
      SluiceError: when it cannot.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        why = (
            "is a folder"
            if path.is_dir()
            else f"cannot be written: {folder} " + ("is not a folder" if not folder.is_dir() else "is not writable")
        )
        raise SluiceError(f"{option} {path} {why}.", f"Look:  ls -ld {folder}")


def _said(problem: OSError) -> ExitCode:
    """Says which file cannot be used; what a defect might cause is raised."""
    found = unusable(problem)
    if found is None:
        raise problem
    show_error(found)
    return found.exit_code


class OneSentenceCommand(click.Command):
    """A click command that prints click's errors and ours in one sentence."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that was named."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except SluiceError as problem:
            show_error(problem)
            code = problem.exit_code
        except OSError as problem:
            code = _said(problem)
        except click.UsageError as problem:
            where = problem.ctx.command_path if problem.ctx else "python -m gates"
            show_error(SluiceError(problem.format_message(), f"All options:  {where} --help"))
            code = ExitCode.UNUSABLE
        except click.ClickException as problem:
            show_error(SluiceError(problem.format_message()))
            code = ExitCode.UNUSABLE
        except (click.Abort, KeyboardInterrupt):
            code = _STOPPED
        sys.exit(int(code or 0))


class OneSentenceGroup(OneSentenceCommand, click.Group):
    """A click group that prints click's errors and ours in one sentence."""
