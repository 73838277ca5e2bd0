"""A small taxi run by the real command in an output folder, and what it leaves: versions, verdicts, figures."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.official_template import TAXI_CSV
from registry.contents import contents_of, digest_of
from registry.folder import FolderRegistry
from registry.index import MODEL_FOLDER, without_graph

ROOT = Path(__file__).resolve().parents[2]
# Thresholds that a model of one epoch on few rows meets; one of them compares with the model before.
SMALL = (
    "train.epochs=1",
    "evaluator.slices=[]",
    "evaluator.thresholds=[{metric: auc, at_least: 0.4, no_worse_than_blessed_by: 0.3}]",
)
_ROWS = 5000
_PATIENCE_SECONDS = 900
_TOLERANCE = 1e-3
_REFUSAL = re.compile(r"^sluice: (?P<sentence>.*)(?:\n {8}(?P<next>.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    exit_code: int
    printed: str

    @property
    def refusal(self) -> tuple[str, str]:
        """The last sentence that says why it could not go on, and the command to type next; empty without any."""
        found = list(_REFUSAL.finditer(self.printed))
        if not found:
            return "", ""
        return found[-1]["sentence"], (found[-1]["next"] or "").rpartition(":  ")[2].strip()


@dataclass
class Seen:
    """The content of each version that stood in the serving folder at some moment, by its number."""

    versions: dict[str, set[str]] = field(default_factory=dict)

    def look(self, serving: Path) -> None:
        """Notes the versions that a server would find now and that were not seen before."""
        for name in _numbers(serving):
            if name not in self.versions:
                self.versions[name] = {_content(serving / name)}

    def look_again(self, serving: Path) -> None:
        """Notes the versions that are there now, also those that were seen before."""
        for name in _numbers(serving):
            self.versions.setdefault(name, set()).add(_content(serving / name))


@dataclass(frozen=True)
class State:
    """What a run left that others read."""

    outcome: str
    verdicts: Mapping[str, str]
    metrics: Mapping[str, float]
    served: Sequence[str]
    registered: Sequence[str]
    in_production: str
    faults: Sequence[str]
    """What is not as it must be after any run, in words."""

    def differences(self, other: State) -> list[str]:
        """How this end differs from another one; numbers of pushed versions are times, so only their count counts."""
        found = [*self.faults]
        for name in ("outcome", "verdicts", "registered", "in_production"):
            if getattr(self, name) != getattr(other, name):
                found.append(f"{name}: {getattr(self, name)} instead of {getattr(other, name)}")
        if len(self.served) != len(other.served):
            found.append(f"{len(self.served)} versions in the serving folder instead of {len(other.served)}")
        apart = [name for name, value in other.metrics.items() if not _near(self.metrics.get(name), value)]
        return [*found, *(f"{name} is {self.metrics.get(name)} instead of {other.metrics[name]}" for name in apart)]


class Site:
    """An output folder with the workloads `taxi` and `rides`, which read the same small file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home / "out"
        self.data = home / "data.csv"
        if not self.data.exists():
            home.mkdir(parents=True, exist_ok=True)
            self.data.write_bytes(_small_table())

    @property
    def serving(self) -> Path:
        """The folder of versions."""
        return self.output / "serving/taxi"

    def command(self, workload: str = "taxi", *more: str) -> list[str]:
        """The command of a small run."""
        settings = [part for each in SMALL for part in ("--set", each)]
        places = ["--workload", workload, "--data", str(self.data), "--output-dir", str(self.output)]
        return [sys.executable, str(ROOT / "runners/local_runner.py"), *places, *settings, *more]

    def start(self, workload: str = "taxi", *more: str) -> Started:
        """Starts a run in a process group of its own; `more`: further arguments."""
        return Started(self.command(workload, *more))

    def run(self, *more: str) -> Ended:
        """A run to its end."""
        return self.start("taxi", *more).to_end()

    def type(self, command: str) -> Ended:
        """Types a command that was printed as the next one, in the folder that it was printed in."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
        return Ended(done.returncode, done.stdout + done.stderr)

    def state(self, workload: str = "taxi") -> State:
        """What the runs so far left; what cannot be read is a fault."""
        try:
            return self._state(workload)
        except Exception as problem:
            return State("unreadable", {}, {}, (), (), "", [f"{type(problem).__name__}: {problem}"])

    def _state(self, workload: str) -> State:
        record = json.loads((self.output / workload / "latest/run.json").read_text())
        registry = FolderRegistry(self.output / "registry")
        registered = registry.versions(workload)
        serving = self.output / "serving" / workload
        served = _numbers(serving)
        altered = [f"{each.version}: {why}" for each in registered if (why := registry.alteration(each))]
        left = [*serving.glob(".incoming-*"), *serving.glob(".leaving-*")]
        left += (self.output / "registry" / workload).glob(".incoming-*")
        faults = [*(f"registered {each}" for each in altered), *(f"left over: {each}" for each in left)]
        known = [_weights(Path(each.location) / MODEL_FOLDER) for each in registered]
        if served and _weights(serving / served[-1]) not in known:
            faults.append(f"the newest served version {served[-1]} is none that is registered")
        return State(
            outcome=record["outcome"],
            verdicts={each["gate"]: each["verdict"] for each in record["gates"]},
            metrics=_plain_metrics(record),
            served=served,
            registered=[each.version for each in registered],
            in_production=next((each.version for each in registered if "production" in each.aliases), ""),
            faults=faults,
        )


class Started:
    """A running command, whose output goes to a file so that it never waits for a reader."""

    def __init__(self, command: Sequence[str]) -> None:
        self._printed = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (read when it has ended)
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill_when(self, reached: Callable[[int], bool], seen: Seen, serving: Path) -> bool:
        """Sends SIGKILL to the whole group once `reached`, which is given its process id; False when it ended before.
        Looks at the serving folder all the time."""
        while self._process.poll() is None:
            seen.look(serving)
            if reached(self._process.pid):
                self.kill()
                return True
            time.sleep(0.002)
        return False

    def check_runs(self) -> None:
        """Raises a RuntimeError when it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"it ended at once: {self._text()}")
        time.sleep(0.01)

    def kill(self) -> None:
        """Kills the group and waits for its end."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def to_end(self, each: Callable[[], None] = lambda: None) -> Ended:
        """Waits for its end, and calls `each` meanwhile."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            while self._process.poll() is None:
                each()
                if time.monotonic() > deadline:
                    raise TimeoutError("still running")
                time.sleep(0.01)
        except BaseException:
            self.kill()
            raise
        return Ended(self._process.returncode, self._text())

    def _text(self) -> str:
        self._printed.seek(0)
        return self._printed.read()


def processor_seconds(group: int) -> float:
    """The processor time of all living processes of a group and of their ended children."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _numbers(serving: Path) -> list[str]:
    try:
        return sorted((each.name for each in os.scandir(serving) if each.name.isdigit()), key=int)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _content(version: Path) -> str:
    return digest_of(contents_of(version))


def _weights(model: Path) -> dict[str, str]:
    return without_graph(contents_of(model))


def _plain_metrics(record: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in record["metrics"]["overall"].items() if value is not None}


def _near(value: float | None, expected: float) -> bool:
    return value is not None and abs(value - expected) <= _TOLERANCE


def _small_table() -> bytes:
    with TAXI_CSV.open("rb") as file:
        return b"".join(islice(file, _ROWS + 1))
