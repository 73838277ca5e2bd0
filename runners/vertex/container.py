"""The entry point of a task's container: TFX's own, with a limit on its time, and an error that outlives the container.

`python -m runners.vertex.container --minutes 120 ARGUMENTS…`; the arguments are those that TFX compiled. The compiled
specification has no field for a task's time, and of a failed container Vertex AI keeps the exit code alone.
"""

from __future__ import annotations

import json
import logging
import os
import posixpath
import runpy
import sys
import threading
from typing import NoReturn

from core.errors import ExitCode, SluiceError, root_error
from core.printable import show_error
from runners.vertex.dataflow import with_run_label
from runners.vertex.task_errors import user_error_in, write_error

_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_MINUTES, _INVOCATION = "--minutes", "--json_serialized_invocation_args"


def main(arguments: list[str]) -> None:
    """Runs the executor that the arguments name.

    Raises:
      SystemExit: with the exit code of the user's error that ended it.
    """
    flag, minutes, *given = with_run_label(arguments)
    if flag != _MINUTES:
        raise SystemExit(f"{flag}: the first argument is {_MINUTES}")
    folder = _task_folder(given)
    if earlier := user_error_in(folder):
        _end(earlier)  # a retry of a task that only the user can mend
    watch = threading.Timer(float(minutes) * 60, _give_up, (folder, minutes))
    watch.daemon = True
    watch.start()
    sys.argv = [_ENTRY_POINT, *given]
    try:
        runpy.run_module(_ENTRY_POINT, run_name="__main__", alter_sys=True)
    except Exception as error:
        _leave(folder, error)
        problem = root_error(error)
        if not isinstance(problem, SluiceError):
            raise
        _end(problem)
    finally:
        watch.cancel()


def _end(problem: SluiceError) -> NoReturn:
    show_error(problem)
    raise SystemExit(int(problem.exit_code))


def _task_folder(arguments: list[str]) -> str:
    invocation = json.loads(arguments[arguments.index(_INVOCATION) + 1])
    return posixpath.dirname(invocation["outputs"]["outputFile"])


def _leave(folder: str, error: BaseException) -> None:
    try:
        write_error(folder, error)
    except Exception:  # the task's own error is the one to show
        logging.getLogger("sluice").exception("the error could not be left in %s", folder)


def _give_up(folder: str, minutes: str) -> NoReturn:
    problem = SluiceError(
        f"the task took longer than {minutes} minutes.",
        "Allow more:  `task.timeout_minutes` of the environment, or that of `tasks`",
        ExitCode.ERROR,
    )
    show_error(problem)
    _leave(folder, problem)
    # The executor may be inside a library that notices no signal.
    os._exit(problem.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
