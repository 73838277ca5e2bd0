"""The Tuner's entry point, the same for every model: searches the model's own space, scored on eval alone."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import Any

import keras_tuner
import tensorflow as tf
from keras_tuner.engine.trial import Trial as ReportedTrial
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from core.errors import SluiceError
from models.search.fitting import Workshop
from models.search.ledger import Ledger
from models.search.pool import Pool
from models.search.proposals import Proposals
from models.search.search import WINDOW, Limits, Search
from models.search.tensorboard import write_columns, write_trial
from models.search.trial import Outcome, Task, Trial
from models.training.checkpoints import checkpoint_folder, files_as_they_are
from models.training.config import LearningSettings

TRIALS_FILE = "trials.json"
BOARD = "tensorboard"


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """A search over `search_space()` of the model's module; what it does not vary comes from the configuration."""
    return TunerFnResult(tuner=Tuner(fn_args), fit_kwargs={})


class Tuner:
    """What TFX's executor of the Tuner asks of KerasTuner's, over a search whose trials run side by side in processes
    of their own and outlive a kill."""

    tuner_id = "search"

    def __init__(self, fn_args: FnArgs) -> None:
        self._fn_args = fn_args
        self._config = LearningSettings.from_custom_config(fn_args.custom_config)
        self._space = importlib.import_module(self._config.model.module).search_space()
        self._folder = checkpoint_folder(self._config.durable_dir, self._what_decides_a_trial())
        self.trials: list[Trial] = []

    def search(self) -> None:
        """Runs every trial that has not run yet.

        Raises:
          SluiceError: when not one of them came to a score.
        """
        ledger = Ledger(self._folder)
        # Memory may do now, with fewer trials at a time.
        ledger.forget_failures(killed_alone=True)
        self.trials = self._search(ledger).run()
        if not any(trial.chosen for trial in self.trials):
            ledger.forget_failures()
            raise SluiceError(*_nothing_found(self.trials))

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """The best first."""
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    @property
    def oracle(self) -> Ranking:
        """The trials that came to a score, as KerasTuner's oracle gives them."""
        scored = [trial for trial in self.trials if trial.outcome.score is not None]
        ranked = sorted(scored, key=lambda trial: (not trial.chosen, trial.outcome.score))
        return Ranking([self._reported(trial) for trial in ranked])

    def write_results(self, folder: str) -> None:
        """Leaves `trials.json` and TensorBoard's files of every trial in `folder`."""
        with tf.io.gfile.GFile(f"{folder}/{TRIALS_FILE}", "w") as file:
            file.write(json.dumps([trial.to_json() for trial in self.trials], indent=1, allow_nan=False))
        write_columns(f"{folder}/{BOARD}", [part.name for part in self._space.space])
        for trial in self.trials:
            write_trial(f"{folder}/{BOARD}", trial.name, trial.hyperparameters, trial.outcome)
        # What the board showed while the search went on lies in its final place now.
        if tf.io.gfile.exists(f"{self._folder}/{BOARD}"):
            tf.io.gfile.rmtree(f"{self._folder}/{BOARD}")

    def _search(self, ledger: Ledger) -> Search:
        settings, given = self._config.tuner, self._fn_args
        parallel, algorithm, minutes = settings.parallel_trials, settings.algorithm, settings.max_minutes
        workshop = Workshop(
            self._config, given.transform_graph_path, list(given.train_files), list(given.eval_files)
        ).to_json()
        limits = Limits(
            seconds=None if minutes is None else 60 * minutes - ledger.seconds / parallel,
            failures=settings.max_failures,
            stop_poor=settings.stop_poor_trials and algorithm != "hyperband",
            # What Bayesian search knows is worth more than that it chooses alike however many trials run at a time.
            window=parallel if algorithm == "bayesian" else max(parallel, WINDOW),
        )
        proposals = Proposals(algorithm, self._space, self._config.train.seed, settings.max_trials, settings.epochs)
        return Search(proposals, ledger, Pool(workshop, parallel), limits, self._show)

    def _show(self, task: Task, outcome: Outcome) -> None:
        write_trial(f"{self._folder}/{BOARD}", f"{task.number:03d}", task.values, outcome)

    def _what_decides_a_trial(self) -> dict[str, Any]:
        """A search with a larger budget goes on from where one with a smaller had to end."""
        given = self._fn_args
        costs = {"enabled", "max_trials", "max_minutes", "parallel_trials", "max_failures", "frozen"}
        return {
            **self._config.model_dump(include={"model", "train", "label", "code"}),
            "search": self._config.tuner.model_dump(exclude=costs),
            "examples": files_as_they_are([*given.train_files, *given.eval_files]),
            # The graph is known by its place, which is another one whenever anything before it has changed.
            "transform_graph": given.transform_graph_path,
        }

    def _reported(self, trial: Trial) -> ReportedTrial:
        hyperparameters = self._space.copy()
        hyperparameters.values = dict(trial.hyperparameters)
        reported = ReportedTrial(hyperparameters, trial_id=trial.name, status="COMPLETED")
        reported.score = trial.outcome.score
        return reported


@dataclass(frozen=True)
class Ranking:
    """As much of a KerasTuner oracle as TFX reads."""

    ranked: list[ReportedTrial]

    @property
    def max_trials(self) -> int:
        """How many there are."""
        return len(self.ranked)

    def get_best_trials(self, num_trials: int = 1) -> list[ReportedTrial]:
        """The best first."""
        return self.ranked[:num_trials]


def _nothing_found(trials: list[Trial]) -> tuple[str, str]:
    """Why a search came to nothing, and what to do."""
    failed = [trial for trial in trials if trial.outcome.state == "failed"]
    if not failed:
        return (
            "the time of the search ended before the first epoch of its first trial",
            "Give it more:  --set tuner.max_minutes=60",
        )
    first = failed[0]
    return (
        f"none of the {len(trials)} trials of the search came to a score; "
        f"trial {first.number} failed: {first.outcome.reason}",
        "Train without searching:  --set tuner.enabled=false",
    )
