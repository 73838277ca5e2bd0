"""Which hyperparameters to try next, chosen by KerasTuner's oracles.

An oracle's proposals depend on the outcomes that it has received, so requests and outcomes follow one fixed order here,
whichever trial ends first. The same seed and the same outcomes then give the same trials: a killed search continues
without any state but the outcomes of its trials.
"""

from __future__ import annotations

import tempfile
from typing import Any

import keras_tuner

from models.search.trial import OBJECTIVE, Task, TrialOutcome

# Hyperband's own entries among a trial's values.
_EPOCHS, _LEARNT, _CONTINUES = "tuner/epochs", "tuner/initial_epoch", "tuner/trial_id"
# Larger than any loss of a trial.
WORST = 1e30
_REHEARSED = TrialOutcome("completed", {OBJECTIVE: [0.0]})


class Proposals:
    """Proposes tasks in turn and receives their outcomes, by `algorithm`: grid, random, bayesian or hyperband."""

    def __init__(
        self, algorithm: str, space: keras_tuner.HyperParameters, seed: int, max_trials: int, epochs: int
    ) -> None:
        self.total = max_trials
        self.epochs = epochs
        self.in_rounds = algorithm == "hyperband"  # later tasks continue earlier ones
        self._ids: dict[int, str] = {}  # the oracle's names of tasks
        self._keys: dict[str, str] = {}  # keys of tasks by those names
        self._scratch = tempfile.TemporaryDirectory()
        self._planned: list[Task] | None = None
        self._oracle = self._new_oracle(algorithm, space, seed, max_trials)
        if algorithm == "bayesian":
            return
        # With equal outcomes for all trials an oracle reveals its plan; for grid and random search that plan holds for
        # all outcomes (KerasTuner's grid would otherwise wait for each trial before it gives the next).
        plan = self._rehearsed()
        self.total = len(plan)
        if self.in_rounds:
            self._ids, self._keys = {}, {}
            self._oracle = self._new_oracle(algorithm, space, seed, max_trials)
        else:
            self._planned = plan[::-1]

    def ask(self) -> Task | None:
        """The next task; None when there is none, or none before more outcomes are known."""
        if self._planned is not None:
            return self._planned.pop() if self._planned else None
        number = len(self._ids) + 1
        # KerasTuner gives the same trial to a worker that requests twice, so each request has its own worker name.
        trial = self._oracle.create_trial(f"worker {number}")
        if trial.status != "RUNNING":
            return None
        values = trial.hyperparameters.values
        task = Task(
            number,
            {name: value for name, value in values.items() if not name.startswith("tuner/")},
            values.get(_EPOCHS, self.epochs),
            values.get(_LEARNT, 0),
            self._keys.get(values.get(_CONTINUES)),
        )
        self._ids[number], self._keys[trial.trial_id] = trial.trial_id, task.key
        return task

    def tell(self, task: Task, outcome: TrialOutcome) -> None:
        """Passes on the outcome of a task; tasks must come in the order of `ask`."""
        if self._planned is not None:
            return
        trial = self._oracle.get_trial(self._ids[task.number])
        score = outcome.score
        if score is None and self.in_rounds:
            # KerasTuner's Hyperband waits until all trials of a round are completed, and would never end the bracket.
            score = WORST
        if score is None:
            trial.status = "FAILED"
        else:
            self._oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
            trial.status = "COMPLETED"
        self._oracle.end_trial(trial)

    def _rehearsed(self) -> list[Task]:
        plan = []
        while task := self.ask():
            self.tell(task, _REHEARSED)
            plan.append(task)
        return plan

    def _new_oracle(
        self, algorithm: str, space: keras_tuner.HyperParameters, seed: int, max_trials: int
    ) -> keras_tuner.Oracle:
        settings: dict[str, Any] = {
            "objective": keras_tuner.Objective(OBJECTIVE, "min"),
            "hyperparameters": space,
            "seed": seed % (2**32 - 1) + 1,  # KerasTuner takes a seed of 0 for none
            "max_consecutive_failed_trials": None,
        }
        oracles = keras_tuner.oracles
        if self.in_rounds:
            oracle = oracles.HyperbandOracle(max_epochs=self.epochs, **settings)
        else:
            kinds = {
                "grid": oracles.GridSearchOracle,
                "random": oracles.RandomSearchOracle,
                "bayesian": oracles.BayesianOptimizationOracle,
            }
            oracle = kinds[algorithm](max_trials=max_trials, **settings)
        oracle.verbose = 0
        oracle._set_project_dir(self._scratch.name, f"oracle {id(oracle)}")  # it requires a folder for its notes
        return oracle
