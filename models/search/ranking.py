"""Combines tasks and outcomes into the trials of the report, and marks the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.search.trial import Task, Trial, TrialOutcome

NOT_CONTINUED = "it was not among the best of its round"


def by_configuration(tasks: Sequence[Task], outcomes: Mapping[int, TrialOutcome], epochs: int) -> list[Trial]:
    """A trial for each set of hyperparameters: rounds of Hyperband are joined, repetitions are left out.

    `outcomes` by the number of the task; a task that never began has none. A trial with fewer than `epochs` epochs
    counts as stopped.
    """
    seen: set[str] = set()
    latest: dict[str, Trial] = {}  # by the key of its last task
    for task in tasks:
        outcome = outcomes.get(task.number)
        if outcome is None or task.key in seen:
            continue
        seen.add(task.key)
        before = latest.pop(task.continues, None) if task.continues else None
        if outcome.state == "completed" and task.epochs < epochs:
            outcome = replace(outcome, state="stopped", reason=NOT_CONTINUED)
        latest[task.key] = _joined(before, outcome) if before else Trial(task.number, task.values, outcome)
    return sorted(latest.values(), key=lambda trial: trial.number)


def with_the_best_chosen(trials: Sequence[Trial]) -> list[Trial]:
    """The same trials with the best marked: the lowest score, among trials that were not stopped if there are any."""
    ranked = sorted(
        (trial.outcome.state != "completed", trial.outcome.score, trial.number)
        for trial in trials
        if trial.outcome.score is not None
    )
    return [replace(trial, chosen=bool(ranked) and trial.number == ranked[0][2]) for trial in trials]


def _joined(before: Trial, outcome: TrialOutcome) -> Trial:
    first = before.outcome
    names = {**first.curves, **outcome.curves}
    curves = {name: [*first.curves.get(name, ()), *outcome.curves.get(name, ())] for name in names}
    return replace(before, outcome=replace(outcome, curves=curves, seconds=first.seconds + outcome.seconds))
