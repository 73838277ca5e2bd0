"""The error of a task, left beside its outputs: Vertex AI itself keeps no more than that the container has failed.

A task's folder is `<pipeline root>/<project number>/<job>/<task>_<id>/`, on Vertex AI and wherever the job is executed.
"""

from __future__ import annotations

import json
import posixpath

from core.errors import ExitCode, SluiceError, root_error

_FILE = "error.json"
_LONGEST = 20_000  # characters; TensorFlow puts whole graphs into its messages


class TaskError(Exception):
    """The exception of a task that ran elsewhere, as text."""


def write_error(task_folder: str, error: BaseException) -> None:
    """Leaves the error, or the user's error at its root, in the folder of the task."""
    found = root_error(error)
    if isinstance(found, SluiceError):
        plain = {
            "headline": found.headline,
            "next_command": found.next_command,
            "exit_code": int(found.exit_code),
        }
    else:
        plain = {"exception": f"{type(found).__name__}: {found}"[:_LONGEST]}
    from tfx.dsl.io import fileio  # slow to import, and it prints

    fileio.makedirs(task_folder)
    with fileio.open(posixpath.join(task_folder, _FILE), "w") as file:
        file.write(json.dumps(plain, ensure_ascii=False))


def read_error(job_folder: str, task: str) -> BaseException | None:
    """The error that a task of the job at `<pipeline root>/<project number>/<job>` left; None when it left none, as a
    container does that never started."""
    from tfx.dsl.io import fileio  # as above

    found = fileio.glob(posixpath.join(job_folder, f"{task}_*", _FILE))
    return _read(max(found)) if found else None


def user_error_in(task_folder: str) -> SluiceError | None:
    """The user's error that an earlier attempt at a task left in its folder: trying again changes nothing."""
    from tfx.dsl.io import fileio  # as above

    path = posixpath.join(task_folder, _FILE)
    found = _read(path) if fileio.exists(path) else None
    if isinstance(found, SluiceError) and found.exit_code in (ExitCode.REFUSED, ExitCode.UNUSABLE):
        return found
    return None


def _read(path: str) -> SluiceError | TaskError:
    from tfx.dsl.io import fileio  # as above

    with fileio.open(path, "r") as file:
        plain = json.loads(file.read())
    if "headline" in plain:
        return SluiceError(plain["headline"], plain["next_command"], ExitCode(plain["exit_code"]))
    return TaskError(plain["exception"])
