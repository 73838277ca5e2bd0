"""Commands in processes of their own that find the heavy libraries imported: forks of one process that has them.

What a command prints, its exit code and its files are those of a new process; only the seconds of the imports are
saved. A new one is started by tests of what is imported, and of variables that are read by an import: PYTHONPATH, and
the certificates of httplib2, which Dataflow's client uses. In each kind of command one test does so, too.
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as NotEndedError
from pathlib import Path

from cloud.testing.processes import HEAVY, Container, ForkServer, Started
from tests.samples.folders import ROOT, scratch

# Of other people only: our own modules are imported by the command itself.
LIBRARIES = (
    *HEAVY,
    "kfp",
    "sklearn.ensemble",
    "tensorboard.plugins.hparams.api",
    "tfx.orchestration.local.runner_utils",
    "tfx.v1",
    "uvicorn",
)


def ran_warm(
    command: Sequence[str], cwd: Path = ROOT, environment: Mapping[str, str] = os.environ, seconds: float = 800
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of a command of Python, with its output captured as text and nothing to read."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        started = _server().start(Container(command, cwd, output, environment, errors=errors))
        try:
            code = started.status.result(seconds)
        except NotEndedError:
            started.stop()
            raise AssertionError(f"not ended after {seconds} s: {command}\n{output.read_text()}") from None
        return subprocess.CompletedProcess(command, code, output.read_text(), errors.read_text())


def started_warm(command: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path) -> Started:
    """The same, left running in a process group of its own; `output` and `errors` take what it prints."""
    return _server().start(Container(command, ROOT, output, environment, errors=errors))


@functools.cache
def _server() -> ForkServer:
    """One for each process of pytest. It has the few variables that every command gets; a command adds its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    variables = {**kept, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    server = ForkServer(variables, scratch() / "server.log", LIBRARIES)
    atexit.register(server.close)
    return server
