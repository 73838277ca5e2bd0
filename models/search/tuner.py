"""The Tuner's entry point for every model: searches the model's own space by its loss on eval."""

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
from models.search.machines import machines_of_job, run_trials_for_first
from models.search.pool import Pool
from models.search.proposals import Proposals
from models.search.search import WINDOW, Search, SearchLimits
from models.search.tensorboard import write_columns, write_trial
from models.search.trial import Task, Trial, TrialOutcome
from models.training.checkpoints import checkpoint_folder, files_as_they_are
from models.training.config import LearningSettings

TRIALS_FILE = "trials.json"
TENSORBOARD = "tensorboard"


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """A search over `search_space()` of the model's module; other hyperparameters come from the configuration."""
    return TunerFnResult(tuner=Tuner(fn_args), fit_kwargs={})


class Tuner:
    """The interface of KerasTuner's tuner that TFX's executor uses. Its trials run in parallel processes, and their
    outcomes survive a kill."""

    tuner_id = "search"

    def __init__(self, fn_args: FnArgs) -> None:
        self._fn_args = fn_args
        self._config = LearningSettings.from_custom_config(fn_args.custom_config)
        self._space = importlib.import_module(self._config.model.module).search_space()
        self._folder = checkpoint_folder(self._config.durable_dir, self._what_decides_a_trial())
        self._machines = machines_of_job()
        self.trials: list[Trial] = []

    @property
    def has_results(self) -> bool:
        """Whether results are to be written here: of a job's machines, on the first alone."""
        return self._machines is None or self._machines.is_first

    @property
    def workshop(self) -> dict[str, Any]:
        """What all trials share, as plain values."""
        given = self._fn_args
        files = (list(given.train_files), list(given.eval_files))
        return Workshop(self._config, given.transform_graph_path, *files).to_json()

    @property
    def space(self) -> keras_tuner.HyperParameters:
        """The hyperparameters that are searched."""
        return self._space

    @property
    def settings(self) -> LearningSettings:
        """The configuration."""
        return self._config

    def search(self) -> None:
        """Runs every trial that has not run yet; on a machine that is not its job's first, what the first orders.

        Raises:
          SluiceError: when not one of them came to a score.
        """
        if self._machines and not self._machines.is_first:
            run_trials_for_first(self._machines, self.workshop)
            return
        ledger = Ledger(self._folder)
        # With fewer parallel trials the memory may suffice now.
        ledger.forget_failures(killed_alone=True)
        try:
            self.take(self._search(ledger).run())
        except SluiceError:
            ledger.forget_failures()
            raise

    def take(self, trials: list[Trial]) -> None:
        """Takes trials that have ended as those of this search.

        Raises:
          SluiceError: when not one of them came to a score.
        """
        self.trials = trials
        if not any(trial.chosen for trial in trials):
            raise SluiceError(*_nothing_found(trials))

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """The best first."""
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    @property
    def oracle(self) -> Ranking:
        """The trials with a score, in the form of KerasTuner's oracle."""
        scored = [trial for trial in self.trials if trial.outcome.score is not None]
        ranked = sorted(scored, key=lambda trial: (not trial.chosen, trial.outcome.score))
        return Ranking([self._reported(trial) for trial in ranked])

    def write_results(self, folder: str) -> None:
        """Writes `trials.json` and TensorBoard's files of every trial into `folder`."""
        with tf.io.gfile.GFile(f"{folder}/{TRIALS_FILE}", "w") as file:
            file.write(json.dumps([trial.to_json() for trial in self.trials], indent=1, allow_nan=False))
        write_columns(f"{folder}/{TENSORBOARD}", [part.name for part in self._space.space])
        for trial in self.trials:
            write_trial(f"{folder}/{TENSORBOARD}", trial.name, trial.hyperparameters, trial.outcome)
        # The files for TensorBoard during the search are in their final place now.
        if tf.io.gfile.exists(f"{self._folder}/{TENSORBOARD}"):
            tf.io.gfile.rmtree(f"{self._folder}/{TENSORBOARD}")

    def _search(self, ledger: Ledger) -> Search:
        settings = self._config.tuner
        algorithm, minutes = settings.algorithm, settings.max_minutes
        # Each of a job's machines runs one trial at a time, which has it for itself.
        others = self._machines.others if self._machines else ()
        here = 1 if others else settings.parallel_trials
        parallel = here + len(others)
        limits = SearchLimits(
            seconds=None if minutes is None else 60 * minutes - ledger.seconds / parallel,
            failures=settings.max_failures,
            median_stopping=settings.stop_poor_trials and algorithm != "hyperband",
            # Bayesian search uses all known outcomes, so its choices depend on the number of parallel trials.
            window=parallel if algorithm == "bayesian" else max(parallel, WINDOW),
        )
        proposals = Proposals(algorithm, self._space, self._config.train.seed, settings.max_trials, settings.epochs)
        return Search(proposals, ledger, Pool(self.workshop, here, others), limits, self._show)

    def _show(self, task: Task, outcome: TrialOutcome) -> None:
        write_trial(f"{self._folder}/{TENSORBOARD}", f"{task.number:03d}", task.values, outcome)

    def _what_decides_a_trial(self) -> dict[str, Any]:
        """The identity of a trial's settings; a search with a larger budget continues one with a smaller budget."""
        given = self._fn_args
        costs = {"enabled", "max_trials", "max_minutes", "parallel_trials", "max_failures", "frozen"}
        return {
            **self._config.model_dump(include={"model", "train", "label", "code"}),
            "search": self._config.tuner.model_dump(exclude=costs),
            "examples": files_as_they_are([*given.train_files, *given.eval_files]),
            # The graph is identified by its path, which changes whenever anything before it has changed.
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
    """The part of a KerasTuner oracle that TFX reads."""

    ranked: list[ReportedTrial]

    @property
    def max_trials(self) -> int:
        """Number of trials."""
        return len(self.ranked)

    def get_best_trials(self, num_trials: int = 1) -> list[ReportedTrial]:
        """The best first."""
        return self.ranked[:num_trials]


def _nothing_found(trials: list[Trial]) -> tuple[str, str]:
    """Why a search has no result, and the next command."""
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
