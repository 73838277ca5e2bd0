"""Single tasks of the suite: runs one case through its gate and caches the result."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.faults.controls import Control, controls, fresh_splits
from benchmarks.faults.plants import Plant, plants
from benchmarks.faults.tables import CACHE, ROOT, SOURCES, Unavailable
from benchmarks.faults.verdicts import outcome_of, record_of
from core.atomic_write import write_text

RESULTS = CACHE / "results"
# The code that a verdict on a case depends on: the gates, and the cases.
_CODE = ("gates", "benchmarks/faults/planted")
_FILES = ("case.py", "controls.py", "discrete.py", "model_case.py", "tables.py", "verdicts.py")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class SuiteTask:
    """One case: a plant on a table at a dose, or a control, or a fresh split, by its seed."""

    what: str  # "plant", "control", "fresh"
    name: str
    table: str
    seed: int
    dose: float | None = None
    rows: int | None = None

    @property
    def key(self) -> str:
        """Its name in the cache, for the present code."""
        text = f"{code_hash()} {self.what} {self.name} {self.table} {self.seed} {self.dose} {self.rows}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Result:
    """The result of a task. `error`: the case could not be judged, which is a bug of Sluice."""

    task: SuiteTask
    record: dict[str, Any] | None
    outcome: str | None = None
    error: str = ""

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The blocking findings."""
        return list(self.record["blocks"]) if self.record else []

    @property
    def seconds(self) -> float:
        """The seconds of the gate."""
        return float(self.record["seconds"]) if self.record else 0.0


@functools.cache
def code_hash() -> str:
    """Changes with the gates and with the cases."""
    here = ROOT / "benchmarks/faults"
    files = [path for folder in _CODE for path in (ROOT / folder).rglob("*.py")] + [here / name for name in _FILES]
    joined = hashlib.sha256()
    for path in sorted(files):
        joined.update(path.read_bytes())
    return joined.hexdigest()[:16]


def perform(task: SuiteTask) -> Result:
    """Judge one case; what a check raises is kept as the error."""
    try:
        if task.what == "plant":
            plant = _plants()[task.name]
            record = record_of(plant.case(SOURCES[task.table], task.seed, task.dose, task.rows).judge())
            return Result(task, record.to_json(), outcome_of(plant, record).value)
        record = record_of(_controls()[task.name].build().judge())
        return Result(task, record.to_json(), "refused" if record.blocks else "passed")
    except Unavailable as why:
        return Result(task, None, "unavailable", str(why))
    except Exception as why:  # a check that raises is a finding of this suite
        place = _last_place(why)
        return Result(task, None, "error", f"{type(why).__name__}: {str(why)[:200]} ({place})")


def _last_place(why: BaseException) -> str:
    frames = [each for each in traceback.extract_tb(why.__traceback__) if "/gates/" in each.filename]
    frames = frames or list(traceback.extract_tb(why.__traceback__))
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


@functools.cache
def _plants() -> dict[str, Plant]:
    return {plant.name: plant for plant in plants()}


@functools.cache
def _controls() -> dict[str, Control]:
    return {control.name: control for control in (*controls(), *fresh_splits())}


def perform_all(tasks: Sequence[SuiteTask], jobs: int, on_result: Callable[[Result], None]) -> list[Result]:
    """The results of all tasks: the cached ones first, the others from `jobs` processes; calls `on_result` with
    each."""
    found: dict[SuiteTask, Result] = {}
    for task, result in _cached(tasks):
        found[task] = result
        on_result(result)
    left = [task for task in tasks if task not in found]
    for result in _performed(left, jobs):
        found[result.task] = result
        _keep(result)
        on_result(result)
    return [found[task] for task in tasks if task in found]


def _performed(tasks: Sequence[SuiteTask], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(perform, tasks)
        return
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(perform, task) for task in tasks]):
            yield done.result()


def _cached(tasks: Iterable[SuiteTask]) -> Iterator[tuple[SuiteTask, Result]]:
    for task in tasks:
        path = RESULTS / f"{task.key}.json"
        if path.exists():
            kept = json.loads(path.read_text())
            yield task, Result(task, kept["record"], kept["outcome"], kept["error"])


def _keep(result: Result) -> None:
    if result.outcome in ("error", "unavailable"):
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    plain = {"record": result.record, "outcome": result.outcome, "error": result.error}
    write_text(RESULTS / f"{result.task.key}.json", json.dumps(plain))
