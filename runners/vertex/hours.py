"""How long each component works: learned from the `run.json` of earlier runs on this machine, else assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import ValidationError

from cloud.cost import Span
from core.text import counted
from report.run_record import RunRecord

MOST_RUNS = 5
# Without a run to learn from; seconds on a processor. What trains takes longer.
ASSUMED = Span(5.0, 60.0, 600.0)
ASSUMED_TRAINING = Span(60.0, 1200.0, 7200.0)
# A machine of the cloud may be twice as fast or half as fast as this one.
OTHER_MACHINE = Span(0.5, 1.0, 2.0)


@dataclass(frozen=True)
class History:
    """Seconds by component, of the newest runs over the same data."""

    seconds: Mapping[str, tuple[float, ...]]
    basis: str  # a sentence: what these figures are of

    def work(self, component: str, assumed: Span = ASSUMED) -> Span:
        """The seconds that a component works, on a processor of the cloud."""
        measured = self.seconds.get(component)
        if not measured:
            return assumed
        return Span(min(measured), median(measured), max(measured)) * OTHER_MACHINE


def learned(history_dir: Path | None, workload: str) -> History:
    """What the newest runs and rehearsals below `<history_dir>/<workload>/` took; components that were reused, skipped
    or failed say nothing."""
    records = _records(history_dir / workload) if history_dir else []
    alike = [record for record in records if record.rows == records[0].rows][:MOST_RUNS]
    seconds: dict[str, tuple[float, ...]] = {}
    for record in alike:
        for component in record.components:
            if component.state == "ran":
                seconds[component.name] = (*seconds.get(component.name, ()), component.seconds)
    if not seconds:
        return History({}, "Hours are assumed, for no earlier run of this workload was found: the range is wide.")
    rows = sum(alike[0].rows.values())
    return History(
        seconds,
        f"Hours are learned from {counted(len(alike), 'earlier run')} over {counted(rows, 'row')}, the newest "
        f"{alike[0].run_id}, with the settings of then; a machine of the cloud is taken to be between twice and half "
        "as fast.",
    )


def _records(folder: Path) -> list[RunRecord]:
    """The records of runs, the newest first; files that are no such records are passed over."""
    found = [*folder.glob("*/run.json"), *folder.glob("rehearsal/**/run.json")]
    real = [file for file in found if not file.parent.is_symlink()]  # `latest` points at one of the others
    records = filter(None, map(_record, real))
    return sorted((each for each in records if each.rows), key=lambda record: _time_of(record.run_id), reverse=True)


def _record(file: Path) -> RunRecord | None:
    try:
        return RunRecord.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _time_of(run_id: str) -> str:
    """The digits of the time in the name of a run or of a job, which sort as the times do."""
    found = re.search(r"20\d\d.*", run_id)
    return re.sub(r"\D", "", found[0]) if found else ""
