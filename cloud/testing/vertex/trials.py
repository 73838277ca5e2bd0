"""Trials that an executor without workers gives a tuning job: parameters within their bounds, and a made-up metric."""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.store import now


def made_up_trials(job: Any) -> list[Any]:
    """`max_trial_count` trials spread over the bounds of each parameter; the metric grows from 0 towards 1."""
    count = job.max_trial_count
    return [_trial(job.study_spec, number, number / max(1, count - 1)) for number in range(count)]


def _trial(study: Any, number: int, share: float) -> Any:
    parameters = [
        types.Trial.Parameter(parameter_id=each.parameter_id, value=_value(each, share)) for each in study.parameters
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


def _at(values: list[Any], share: float) -> Any:
    return values[min(int(share * len(values)), len(values) - 1)]
