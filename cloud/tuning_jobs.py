"""Hyperparameter tuning jobs of Vertex AI, whose trials Vertex AI Vizier chooses: typed, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from google.cloud.aiplatform_v1 import types

from core.errors import SluiceError

Algorithm = Literal["grid", "random", "bayesian"]
_Study = types.StudySpec
_Parameter = _Study.ParameterSpec
_ALGORITHMS = {
    "grid": _Study.Algorithm.GRID_SEARCH,
    "random": _Study.Algorithm.RANDOM_SEARCH,
    "bayesian": _Study.Algorithm.ALGORITHM_UNSPECIFIED,  # Vizier's own
}
_STATES: Mapping[Any, Literal["completed", "stopped", "failed"]] = {
    types.Trial.State.SUCCEEDED: "completed",
    types.Trial.State.INFEASIBLE: "failed",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a study: `categories`, rising `numbers`, or the bounds `low` and `high`."""

    name: str
    categories: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    log: bool = False

    @property
    def points(self) -> int | None:
        """How many values it has; None for a continuous one."""
        if self.categories or self.numbers:
            return len(self.categories or self.numbers)
        return round(self.high - self.low) + 1 if self.whole else None


@dataclass(frozen=True)
class Budget:
    """What a study may cost, and how its trials are chosen."""

    algorithm: Algorithm
    max_trials: int
    parallel_trials: int
    max_failures: int
    stop_poor_trials: bool


@dataclass(frozen=True)
class ChosenTrial:
    """A trial of a finished job. `metric`: its best value, None where it reported none."""

    number: int
    values: Mapping[str, float | str]
    state: Literal["completed", "stopped", "failed"]
    metric: float | None
    seconds: float
    reason: str


def study_of(parameters: Sequence[Parameter], metric: str, budget: Budget) -> types.StudySpec:
    """The study whose trials make `metric` small.

    Raises:
      SluiceError: when a grid has a continuous parameter.
    """
    continuous = [each.name for each in parameters if each.points is None]
    if budget.algorithm == "grid" and continuous:
        raise SluiceError(
            f"Vertex AI Vizier makes a grid of listed values alone, and {continuous[0]} is continuous.",
            "Choose another:  --set tuner.algorithm=bayesian",
        )
    study = _Study(
        metrics=[_Study.MetricSpec(metric_id=metric, goal=_Study.MetricSpec.GoalType.MINIMIZE)],
        parameters=[_specified(each) for each in parameters],
        algorithm=_ALGORITHMS[budget.algorithm],
        # A trial counts by its best epoch, as in our own search.
        measurement_selection_type=_Study.MeasurementSelectionType.BEST_MEASUREMENT,
    )
    if budget.stop_poor_trials:
        study.median_automated_stopping_spec = _Study.MedianAutomatedStoppingSpec(use_elapsed_duration=False)
    return study


def tuning_job(
    trial: types.CustomJob, parameters: Sequence[Parameter], metric: str, budget: Budget
) -> types.HyperparameterTuningJob:
    """A job whose trials are each a run of `trial`; a grid has as many as it has points, if the budget allows them.

    Raises:
      SluiceError: when a grid has a continuous parameter.
    """
    points = [each.points for each in parameters]
    most = budget.max_trials
    if budget.algorithm == "grid":
        most = min(most, prod(point for point in points if point))
    job = types.HyperparameterTuningJob(
        display_name=trial.display_name,
        study_spec=study_of(parameters, metric, budget),
        max_trial_count=most,
        parallel_trial_count=min(budget.parallel_trials, most),
        max_failed_trial_count=budget.max_failures,
        trial_job_spec=trial.job_spec,
        labels=dict(trial.labels),
    )
    if trial.encryption_spec:
        job.encryption_spec = trial.encryption_spec
    return job


def trials_of(job: types.HyperparameterTuningJob) -> list[ChosenTrial]:
    """The trials of a job in the order in which they were chosen."""
    return sorted((_chosen(trial) for trial in job.trials), key=lambda each: each.number)


def _specified(parameter: Parameter) -> Any:
    specified = _Parameter(parameter_id=parameter.name)
    if parameter.categories:
        specified.categorical_value_spec = _Parameter.CategoricalValueSpec(values=list(parameter.categories))
        return specified
    scale = _Parameter.ScaleType
    specified.scale_type = scale.UNIT_LOG_SCALE if parameter.log else scale.UNIT_LINEAR_SCALE
    if parameter.numbers:
        specified.discrete_value_spec = _Parameter.DiscreteValueSpec(values=list(parameter.numbers))
    elif parameter.whole:
        low, high = round(parameter.low), round(parameter.high)
        specified.integer_value_spec = _Parameter.IntegerValueSpec(min_value=low, max_value=high)
    else:
        bounds = _Parameter.DoubleValueSpec(min_value=parameter.low, max_value=parameter.high)
        specified.double_value_spec = bounds
    return specified


def _chosen(trial: types.Trial) -> ChosenTrial:
    metrics = trial.final_measurement.metrics
    ended = trial.start_time and trial.end_time
    return ChosenTrial(
        number=int(trial.id),
        values={each.parameter_id: each.value for each in trial.parameters},
        state=_STATES.get(trial.state, "stopped"),
        metric=metrics[0].value if metrics else None,
        seconds=(trial.end_time - trial.start_time).total_seconds() if ended else 0.0,
        reason=trial.infeasible_reason,
    )
