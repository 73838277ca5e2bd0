"""Runs a command as a whole process and measures it from outside: wall and processor time, peak memory, time by
component."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_STARTED = re.compile(r"Component (\S+) is running\.")
_FINISHED = re.compile(r"Component (\S+) is finished\.")


@dataclass(frozen=True)
class ProcessCost:
    """The cost of one run. `components` is filled from TFX's own log lines where the command prints them."""

    seconds: float
    peak_bytes: int
    output_lines: int
    components: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0  # of all its processes


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> ProcessCost:
    """Run `command` in `folder` to its end; raises RuntimeError, with the last lines, when it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    starts: dict[str, float] = {}
    components: dict[str, float] = {}
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        now = time.monotonic()
        if match := _STARTED.search(line):
            starts[match[1]] = now
        elif (match := _FINISHED.search(line)) and match[1] in starts:
            components[match[1]] = now - starts[match[1]]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}:\n{''.join(lines[-20:])}")
    return ProcessCost(seconds, usage.ru_maxrss * 1024, len(lines), components, usage.ru_utime + usage.ru_stime)


def python() -> str:
    """The interpreter of this environment."""
    return sys.executable
