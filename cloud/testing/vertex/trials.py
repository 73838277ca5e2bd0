"""Trials that an executor without workers gives a tuning job: parameters within their bounds, and a made-up metric."""

from __future__ import annotations

import itertools
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.store import now


def made_up_trials(job: Any) -> list[Any]:
    """`max_trial_count` trials spread over the bounds of each parameter, or in a grid search one for each point; the
    metric grows from 0 towards 1."""
    study, count = job.study_spec, job.max_trial_count
    shares = [number / max(1, count - 1) for number in range(count)]
    if study.algorithm == types.StudySpec.Algorithm.GRID_SEARCH:
        points = list(itertools.islice(itertools.product(*map(_grid_values, study.parameters)), count))
    else:
        points = [tuple(_value(each, share) for each in study.parameters) for share in shares]
    return [_trial(study, number, point, shares[number]) for number, point in enumerate(points)]


def _trial(study: Any, number: int, point: tuple[float | str, ...], share: float) -> Any:
    parameters = [
        types.Trial.Parameter(parameter_id=each.parameter_id, value=value)
        for each, value in zip(study.parameters, point, strict=True)
    ]
    metrics = [types.Measurement.Metric(metric_id=each.metric_id, value=share) for each in study.metrics]
    return types.Trial(
        id=str(number + 1),
        state=types.Trial.State.SUCCEEDED,
        parameters=parameters,
        final_measurement=types.Measurement(step_count=1, metrics=metrics),
        start_time=now(),
        end_time=now(),
    )


def _value(parameter: Any, share: float) -> float | str:
    if "categorical_value_spec" in parameter:
        return str(_at(list(parameter.categorical_value_spec.values), share))
    if "discrete_value_spec" in parameter:
        return float(_at(list(parameter.discrete_value_spec.values), share))
    if "integer_value_spec" in parameter:
        bounds = parameter.integer_value_spec
        return float(bounds.min_value + round(share * (bounds.max_value - bounds.min_value)))
    bounds = parameter.double_value_spec
    if parameter.scale_type == types.StudySpec.ParameterSpec.ScaleType.UNIT_LOG_SCALE:
        return float(bounds.min_value * (bounds.max_value / bounds.min_value) ** share)
    return float(bounds.min_value + share * (bounds.max_value - bounds.min_value))


def _grid_values(parameter: Any) -> list[float | str]:
    if "integer_value_spec" in parameter:
        bounds = parameter.integer_value_spec
        return [float(value) for value in range(bounds.min_value, bounds.max_value + 1)]
    kind = "categorical_value_spec" if "categorical_value_spec" in parameter else "discrete_value_spec"
    return list(getattr(parameter, kind).values)


def _at(values: list[Any], share: float) -> Any:
    return values[min(int(share * len(values)), len(values) - 1)]
