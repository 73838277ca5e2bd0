"""Runs of the local runner in a process of their own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.samples.folders import ROOT
from tests.samples.warm_commands import ran_warm

TAXI_CSV = Path(importlib.util.find_spec("tfx").origin).parent / "examples/chicago_taxi_pipeline/data/simple/data.csv"
QUICK = ("--set", "train.epochs=2")


@dataclass(frozen=True)
class Run:
    """A finished command: what it printed, how it ended, and what it left in its output folder."""

    exit_code: int
    printed: str
    complaints: str
    output: Path
    workload: str = "taxi"
    folder: Path | None = None  # its own, where others may follow in the same output folder

    @property
    def record(self) -> dict[str, Any]:
        return json.loads((self._folder / "run.json").read_text())

    @property
    def report(self) -> str:
        return (self._folder / "report.html").read_text()

    @property
    def _folder(self) -> Path:
        return self.folder or self.output / self.workload / "latest"

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [finding for report in self.record["gates"] for finding in report["findings"]]

    def states(self) -> dict[str, str]:
        return {component["name"]: component["state"] for component in self.record["components"]}

    def versions(self) -> list[str]:
        serving = self.output / "serving" / self.workload
        return sorted(path.name for path in serving.iterdir() if path.name.isdigit()) if serving.exists() else []


def _command(output: Path, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, str(ROOT / "runners/local_runner.py"), "--output-dir", str(output), *arguments]


def run_locally(output: Path, *arguments: str, workload: str = "taxi", cold: bool = False) -> Run:
    """`python runners/local_runner.py …` to its end; `cold`: in a process that has to import everything itself."""
    command = _command(output, ("--workload", workload, *arguments))
    if cold:
        done = subprocess.run(command, capture_output=True, text=True, timeout=800, cwd=output.parent)
    else:
        done = ran_warm(command, output.parent)
    latest = (output / workload / "latest").resolve()
    return Run(done.returncode, done.stdout, done.stderr, output, workload, latest)


def start_locally(output: Path, *arguments: str) -> subprocess.Popen[str]:
    """The same, left running in a process group of its own."""
    return subprocess.Popen(
        _command(output, arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=output.parent,
        start_new_session=True,
    )


def end_when(process: subprocess.Popen[str], reached: Callable[[], bool], number: signal.Signals) -> tuple[str, str]:
    """Send the signal to the whole process group as soon as `reached` is true; returns what was printed."""
    deadline = time.monotonic() + 300
    while not reached():
        assert process.poll() is None, f"it ended before it could be stopped: {process.communicate()}"
        assert time.monotonic() < deadline, "the moment to stop it never came"
        time.sleep(0.02)
    os.killpg(process.pid, number)
    return process.communicate(timeout=120)
