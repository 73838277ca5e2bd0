"""Studies of Vertex AI Vizier, and trials that are read back."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types

from cloud.tuning_jobs import Budget, Parameter, study_of, trials_of, tuning_job
from core.errors import SluiceError

RATE = Parameter("rate", low=1e-4, high=1e-1, log=True)
DROPOUT = Parameter("dropout", numbers=(0.0, 0.25, 0.5))
LAYERS = Parameter("layers", low=1, high=3, whole=True)
UNITS = Parameter("hidden_units", categories=("32", "128,64"))


def budget(algorithm: Any = "bayesian", **values: Any) -> Budget:
    plain: dict[str, Any] = {"max_trials": 30, "parallel_trials": 4, "max_failures": 10, "stop_poor_trials": True}
    return Budget(algorithm, **{**plain, **values})


def test_each_kind_of_parameter_has_its_own_specification() -> None:
    rate, dropout, layers, units = study_of([RATE, DROPOUT, LAYERS, UNITS], "val_loss", budget()).parameters
    assert (rate.double_value_spec.min_value, rate.double_value_spec.max_value) == (1e-4, 1e-1)
    assert rate.scale_type.name == "UNIT_LOG_SCALE"
    assert list(dropout.discrete_value_spec.values) == [0.0, 0.25, 0.5]
    assert dropout.scale_type.name == "UNIT_LINEAR_SCALE"
    assert (layers.integer_value_spec.min_value, layers.integer_value_spec.max_value) == (1, 3)
    assert list(units.categorical_value_spec.values) == ["32", "128,64"]


def test_the_study_makes_the_loss_small_by_each_trials_best_epoch() -> None:
    study = study_of([RATE], "val_loss", budget())
    assert (study.metrics[0].metric_id, study.metrics[0].goal.name) == ("val_loss", "MINIMIZE")
    assert study.measurement_selection_type.name == "BEST_MEASUREMENT"
    assert "median_automated_stopping_spec" in study
    assert "median_automated_stopping_spec" not in study_of([RATE], "val_loss", budget(stop_poor_trials=False))


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("grid", "GRID_SEARCH"), ("random", "RANDOM_SEARCH"), ("bayesian", "ALGORITHM_UNSPECIFIED")],
)
def test_each_algorithm_is_viziers(algorithm: Any, name: str) -> None:
    assert study_of([DROPOUT], "val_loss", budget(algorithm)).algorithm.name == name


def test_refuses_a_grid_of_a_continuous_parameter() -> None:
    with pytest.raises(SluiceError, match="a grid of listed values alone, and rate is continuous") as caught:
        study_of([DROPOUT, RATE], "val_loss", budget("grid"))
    assert "tuner.algorithm=bayesian" in caught.value.next_command


def test_a_grid_has_as_many_trials_as_points_and_never_more_at_a_time() -> None:
    job = tuning_job(types.CustomJob(display_name="x"), [LAYERS, UNITS], "val_loss", budget("grid", parallel_trials=9))
    assert (job.max_trial_count, job.parallel_trial_count, job.max_failed_trial_count) == (6, 6, 10)


def test_trials_are_read_in_their_order_with_their_states() -> None:
    state = types.Trial.State
    measured = types.Measurement(metrics=[types.Measurement.Metric(metric_id="val_loss", value=0.5)])
    rate = types.Trial.Parameter(parameter_id="rate", value=0.01)
    trials = [
        types.Trial(id="10", state=state.INFEASIBLE, infeasible_reason="out of memory"),
        types.Trial(id="2", state=state.SUCCEEDED, parameters=[rate], final_measurement=measured),
    ]
    job = types.HyperparameterTuningJob(trials=trials)
    second, tenth = trials_of(job)
    assert (second.number, second.state, second.metric, second.values) == (2, "completed", 0.5, {"rate": 0.01})
    assert (tenth.number, tenth.state, tenth.metric, tenth.reason) == (10, "failed", None, "out of memory")
