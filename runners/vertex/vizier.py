"""The Tuner by a Vertex AI hyperparameter tuning job: Vizier chooses the trials, each runs in a container of its own.

The trials train as those of our own search do, and what is found is left in the Tuner's artifacts as our own search
leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import keras_tuner
import tensorflow as tf
from keras_tuner.engine import hyperparameters as kinds
from tfx.components.trainer import fn_args_utils
from tfx.components.tuner.executor import write_best_hyperparameters
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.extensions.google_cloud_ai_platform.tuner.executor import TUNING_ARGS_KEY
from tfx.types import artifact_utils

from cloud.job_runs import TUNING, Attempt, JobRunner
from cloud.training_jobs import parsed
from cloud.tuning_jobs import Algorithm, Budget, ChosenTrial, Parameter, trials_of, tuning_job
from core.errors import SluiceError
from models.search.ranking import with_the_best_chosen
from models.search.space import choices_of, searched, typed_values
from models.search.trial import OBJECTIVE, Trial, TrialOutcome, outcome_file
from models.search.tuner import Tuner
from models.training.config import TunerSettings
from pipeline.components.tuner import RESULTS
from runners.vertex.executors import LONGEST_WAIT_KEY, Artifacts, Execution, attempts_on

PARALLEL_TRIALS_KEY = "vertex_parallel_trials"
_ENTRY_POINT = ["python", "-m", "models.search.cloud_trial"]
_ALGORITHMS: dict[str, Algorithm] = {"grid": "grid", "random": "random", "bayesian": "bayesian"}


class TunerByVizier(BaseExecutor):
    """Inputs and outputs are those of our Tuner."""

    poll_seconds = 30.0
    transport = "grpc"

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Called by TFX.

        Raises:
          SluiceError: when the job did not succeed, or no trial came to a score.
        """
        execution = Execution(input_dict, output_dict, exec_properties)
        execution.check_in_bucket()
        tuner = Tuner(fn_args_utils.get_common_fn_args(input_dict, exec_properties, execution.task_folder))
        workshop = f"{execution.task_folder}/vizier/workshop.json"
        with tf.io.gfile.GFile(workshop, "w") as file:
            file.write(json.dumps(tuner.workshop))
        config = execution.config
        runner = JobRunner(
            config[TUNING_ARGS_KEY]["project"],
            TUNING,
            self.transport,
            timedelta(hours=config[LONGEST_WAIT_KEY]),
            self.poll_seconds,
        )
        job = runner.run(execution.identity("vizier"), _attempts(execution, tuner, workshop))
        tuner.take(with_the_best_chosen([_trial(each, tuner.space, workshop) for each in trials_of(job)]))
        write_best_hyperparameters(tuner, output_dict)
        tuner.write_results(artifact_utils.get_single_uri(output_dict[RESULTS]))


def parameters_of(space: keras_tuner.HyperParameters) -> list[Parameter]:
    """The parameters of a study over a model's search space.

    Raises:
      SluiceError: when the space has what Vizier cannot search.
    """
    return [_parameter(each) for each in searched(space)]


def algorithm_of(wanted: str) -> Algorithm:
    """Vizier's algorithm for `tuner.algorithm`.

    Raises:
      SluiceError: when it has none like it.
    """
    if wanted not in _ALGORITHMS:
        raise SluiceError(
            f"Vertex AI Vizier has no {wanted}; it has {', '.join(_ALGORITHMS)}.",
            "Choose another:  --set tuner.algorithm=bayesian",
        )
    return _ALGORITHMS[wanted]


def budget_of(settings: TunerSettings, parallel_trials: int) -> Budget:
    """The budget of the study from the workload's configuration.

    Raises:
      SluiceError: when Vizier has no such algorithm.
    """
    return Budget(
        algorithm=algorithm_of(settings.algorithm),
        max_trials=settings.max_trials,
        parallel_trials=parallel_trials,
        max_failures=settings.max_failures,
        stop_poor_trials=settings.stop_poor_trials,
    )


def _attempts(execution: Execution, tuner: Tuner, workshop: str) -> list[Attempt]:
    """The tuning job on each choice of machine."""
    config = execution.config
    trial = parsed({name: value for name, value in config[TUNING_ARGS_KEY].items() if name != "project"})
    for pool in trial.job_spec.worker_pool_specs:
        pool.container_spec.command = _ENTRY_POINT
        pool.container_spec.args = ["--workshop", workshop]
    budget = budget_of(tuner.settings.tuner, config[PARALLEL_TRIALS_KEY])
    parameters = parameters_of(tuner.space)
    return [
        Attempt(each.region, each.machine, tuning_job(each.job, parameters, OBJECTIVE, budget))
        for each in attempts_on(trial, config)
    ]


def _parameter(hyperparameter: Any) -> Parameter:
    name, choices = hyperparameter.name, choices_of(hyperparameter)
    is_log = getattr(hyperparameter, "sampling", "linear") == "log"
    if choices is None:
        whole = isinstance(hyperparameter, kinds.Int)
        low, high = hyperparameter.min_value, hyperparameter.max_value
        return Parameter(name, low=low, high=high, whole=whole, log=is_log)
    if _are_numbers(choices):
        return Parameter(name, numbers=tuple(sorted({float(each) for each in choices})), log=is_log)
    return Parameter(name, categories=tuple(str(each) for each in choices))


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values)


def _trial(found: ChosenTrial, space: keras_tuner.HyperParameters, workshop: str) -> Trial:
    """A trial with the outcome that it left, or the service's own record of one that left none."""
    file = outcome_file(workshop, str(found.number))
    if tf.io.gfile.exists(file):
        with tf.io.gfile.GFile(file) as stream:
            outcome = TrialOutcome(**json.loads(stream.read()))
    else:
        curves = {} if found.metric is None else {OBJECTIVE: [found.metric]}
        outcome = TrialOutcome(found.state, curves, found.seconds, found.reason)
    return Trial(found.number, typed_values(space, found.values), outcome)
