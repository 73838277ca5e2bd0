"""A search space as a service outside sees it: names and plain values, and the typed values that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from core.errors import SluiceError


def searched(space: keras_tuner.HyperParameters) -> list[Any]:
    """The hyperparameters that have a choice of values.

    Raises:
      SluiceError: when one depends on the value of another, which no service outside is told.
    """
    found = [each for each in space.space if not isinstance(each, kinds.Fixed)]
    for each in found:
        if each.conditions:
            raise SluiceError(
                f"the hyperparameter {each.name} of the search space depends on others, which Vertex AI Vizier is not "
                "given here.",
                "Search with our own:  tuning.service: workers  in the environment's file",
            )
    return found


def choices_of(hyperparameter: Any) -> list[Any] | None:
    """Every value of a hyperparameter, in the order of the space; None where there are too many to list."""
    if isinstance(hyperparameter, kinds.Boolean):
        return [False, True]
    if isinstance(hyperparameter, kinds.Choice):
        return list(hyperparameter.values)
    whole = isinstance(hyperparameter, kinds.Int)
    if hyperparameter.step is None or (whole and hyperparameter.step == 1):
        return None
    # KerasTuner multiplies whole numbers to floats.
    return [round(value) if whole else value for value in hyperparameter.values]


def typed_values(space: keras_tuner.HyperParameters, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the space that plain ones stand for: texts of a command line, or numbers that are all floats.

    Raises:
      SluiceError: when a hyperparameter is missing or has no such value.
    """
    fixed = {each.name: each.value for each in space.space if isinstance(each, kinds.Fixed)}
    return {**fixed, **{each.name: _typed(each, given.get(each.name)) for each in searched(space)}}


def _typed(hyperparameter: Any, given: Any) -> Any:
    choices = choices_of(hyperparameter)
    number = _number(given)
    if choices is not None:
        for value in choices:
            if str(value) == str(given) or (_is_number(value) and number is not None and math.isclose(value, number)):
                return value
    elif number is not None and hyperparameter.min_value <= number <= hyperparameter.max_value:
        return round(number) if isinstance(hyperparameter, kinds.Int) else number
    raise SluiceError(f"the hyperparameter {hyperparameter.name} has no value {given!r} in the search space.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(given: Any) -> float | None:
    try:
        return None if given is None or isinstance(given, bool) else float(given)
    except ValueError:
        return None
