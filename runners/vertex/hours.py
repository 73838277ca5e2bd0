"""How long each component works: learned from the `run.json` of earlier runs on this machine, else
assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import ValidationError

from cloud.cost import Span
from core.text import counted
from report.run_record import Effort, RunRecord

MOST_RUNS = 5
TRAINER, TUNER = "Trainer", "Tuner"
# Without a run to learn from; seconds on a processor. What trains takes longer.
ASSUMED = Span(5.0, 60.0, 600.0)
ASSUMED_TRAINING = Span(60.0, 1200.0, 7200.0)
# A machine of the cloud may be twice as fast or half as fast as this one.
OTHER_MACHINE = Span(0.5, 1.0, 2.0)


@dataclass(frozen=True)
class History:
    """Seconds by component, of the newest runs over the same data, as they would be with the settings of now."""

    seconds: Mapping[str, tuple[Span, ...]]
    basis: str  # a sentence: what these figures are of

    def work(self, component: str, assumed: Span = ASSUMED) -> Span:
        """The seconds that a component works, on a processor of the cloud."""
        measured = self.seconds.get(component)
        if not measured:
            return assumed
        likely = median(each.likely for each in measured)
        return Span(min(each.low for each in measured), likely, max(each.high for each in measured)) * OTHER_MACHINE


def learned(history_dir: Path | None, workload: str, effort: Effort) -> History:
    """What the newest runs and rehearsals below `<history_dir>/<workload>/` took, those with the same `effort` if there
    are any; components that were reused, skipped or failed say nothing.

    Args:
      history_dir: the folder of the output of earlier runs; None: there are none.
      workload: its name.
      effort: the settings of now. A run with others counts by what they change, as far as that is known.
    """
    records = _records(history_dir / workload) if history_dir else []
    records = [record for record in records if _is_same(record.effort, effort)] or records
    alike = [record for record in records if record.rows == records[0].rows][:MOST_RUNS]
    seconds: dict[str, tuple[Span, ...]] = {}
    for record in alike:
        for component in record.components:
            factor = _factor(component.name, record.effort, effort)
            if component.state == "ran" and factor is not None:
                seconds[component.name] = (*seconds.get(component.name, ()), factor * component.seconds)
    if not seconds:
        return History({}, "Hours are assumed, for no earlier run of this workload was found: the range is wide.")
    return History(seconds, _basis(alike, effort, is_training_known=TRAINER in seconds))


def _basis(alike: Sequence[RunRecord], effort: Effort, is_training_known: bool) -> str:
    rows = sum(alike[0].rows.values())
    of_others = "" if all(_is_same(record.effort, effort) for record in alike) else ", with other settings"
    basis = f"Hours are learned from {counted(len(alike), 'earlier run')} over {counted(rows, 'row')}{of_others}, the "
    basis += f"newest {alike[0].run_id}; a machine of the cloud is taken to be between twice and half as fast."
    if not is_training_known:
        basis += " Those of the training are assumed: it was another model, or nothing says how many epochs it took."
    elif of_others:
        basis += " Training and search are scaled by their epochs and trials, everything by its share of the rows."
    return basis


def _is_same(then: Effort | None, now: Effort) -> bool:
    return then is not None and then.model_copy(update={"epochs_run": now.epochs_run}) == now


def _factor(component: str, then: Effort | None, now: Effort) -> Span | None:
    """What a component's seconds are multiplied by; None when they say nothing of the settings of now."""
    rows = now.share / then.share if then else 1.0
    if component not in (TRAINER, TUNER):
        return _spread(rows, rows)
    if then is None or (then.model, then.max_steps) != (now.model, now.max_steps):
        return None
    if component == TRAINER:
        # A training may have ended before its last epoch, and the next one may not.
        return _spread(rows * now.epochs / then.epochs, rows * now.epochs / (then.epochs_run or then.epochs))
    if not (then.trials and then.trial_epochs and now.trials and now.trial_epochs):
        return None
    trials = rows * now.trials / then.trials * now.trial_epochs / then.trial_epochs
    return _spread(trials, trials)


def _spread(likely: float, most: float) -> Span:
    """A factor of the work, of which only a part grows and shrinks with it: what starts and ends it stays."""
    return Span(min(likely, 1.0), likely, max(likely, most, 1.0))


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
