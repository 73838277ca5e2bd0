"""The rules of a model's hyperparameters, the same before a run and when the model is built, and the values in effect.

A value has the type of its default and lies within its limits. Standard library only: the rules are read before
anything heavy is imported.
"""

from __future__ import annotations

import importlib
import json
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from core.errors import SluiceError
from core.text import did_you_mean, number_within

# Training reads it, not the model; it is a hyperparameter so that a search can vary it like any other.
BATCH_SIZE = "batch_size"
DEFAULT_BATCH_SIZE = 128
USUAL_EPOCHS = 10
# By name. Open, because the module of each model declares which there are, in DEFAULTS; they are checked against these.
Hyperparameters = Mapping[str, Any]
# By hyperparameter, or for each item where that is a list: {"dropout": {"ge": 0, "lt": 1}, "pooling": {"one_of": […]}}.
# A model's module holds its limits as plain values, so that they can be read without importing it.
Bounds = Mapping[str, Any]
Limits = Mapping[str, Bounds]

ONE_OF = "one_of"
_BOUNDS = ("gt", "ge", "lt", "le")


@dataclass(frozen=True)
class Rules:
    """The values that each hyperparameter may have. `defaults` and `limits` by name, those of training included."""

    defaults: Hyperparameters
    limits: Limits

    @staticmethod
    def of(defaults: Hyperparameters, limits: Mapping[str, Any] | None = None) -> Rules:
        """The rules of a model with these DEFAULTS and LIMITS. Limits of another form than ours are left out: a user's
        module may use the name for something else."""
        ours = {name: each for name, each in (limits or {}).items() if _are_limits(each)}
        return Rules({**defaults, BATCH_SIZE: DEFAULT_BATCH_SIZE}, {**ours, BATCH_SIZE: {"ge": 1}})

    def read(self, name: str, value: Any) -> Any:
        """The value; where the default is a list, text like "64,32" becomes a list, because a search cannot propose
        lists."""
        if not isinstance(self.defaults.get(name), list) or not isinstance(value, str):
            return value
        try:
            return json.loads(f"[{value}]")
        except ValueError:
            return value

    def wanted(self, name: str, value: Any) -> str | None:
        """The values that are allowed instead of `value`, in words; None when it fits. An unknown name takes any."""
        default, limits = self.defaults.get(name), self.limits.get(name, {})
        return None if _fits(self.read(name, value), default, limits) else _in_words(default, limits)


def completed(
    hparams: Hyperparameters, defaults: Hyperparameters, module: str, limits: Limits | None = None
) -> Hyperparameters:
    """`defaults` with `hparams` on top, those of training left out.

    Raises:
      SluiceError: when the model has no such hyperparameter, or a value is not of its default's type or is beyond its
        limits.
    """
    rules = Rules.of(defaults, limits)
    if unknown := sorted(set(hparams) - set(rules.defaults)):
        raise SluiceError(
            f"{module} has no hyperparameter {unknown}; it has {sorted(defaults)}{did_you_mean(unknown[0], defaults)}",
            "Mend it:  `model.hyperparameters` in the workload's configuration",
        )
    given = {name: rules.read(name, value) for name, value in hparams.items()}
    for name, value in given.items():
        if wanted := rules.wanted(name, value):
            raise SluiceError(
                f"{module}: `{name}` is {value!r}, and must be {wanted}",
                f"Mend it:  `model.hyperparameters.{name}` in the workload's configuration",
            )
    return {name: value for name, value in {**defaults, **given}.items() if name != BATCH_SIZE}


def in_effect(hparams: Hyperparameters, module: str) -> Hyperparameters:
    """The hyperparameters that a model is built with: the module's DEFAULTS with `hparams` on top, and `hparams` alone
    for a module without DEFAULTS. `build_model` has checked `hparams` before."""
    found = getattr(importlib.import_module(module), "DEFAULTS", None)
    # A user's module may use the name for something else; the batch size is training's.
    defaults = found if isinstance(found, Mapping) else {}
    named = {name: value for name, value in defaults.items() if isinstance(name, str) and name != BATCH_SIZE}
    plain = {name: value for name, value in named.items() if _is_plain(value)}
    rules = Rules.of(named)
    return {**plain, **{name: rules.read(name, value) for name, value in hparams.items()}}


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _are_limits(found: Any) -> bool:
    return isinstance(found, Mapping) and all(_is_limit(kind, bound) for kind, bound in found.items())


def _is_limit(kind: Any, bound: Any) -> bool:
    if kind == ONE_OF:
        return isinstance(bound, list) and bool(bound)
    return kind in _BOUNDS and isinstance(bound, (int, float)) and not isinstance(bound, bool)


def _fits(value: Any, default: Any, limits: Bounds) -> bool:
    if isinstance(default, list) and default:  # an empty list has no type of items
        return isinstance(value, list) and all(_fits(each, _widest(default), limits) for each in value)
    if ONE_OF in limits:
        return any(value == each and _is_like(value, each, whole=isinstance(each, int)) for each in limits[ONE_OF])
    if not _is_like(value, default, whole=_is_whole(default, limits)):
        return False
    return not _is_number(default) or all(getattr(operator, kind)(value, bound) for kind, bound in limits.items())


def _is_like(value: Any, default: Any, whole: bool) -> bool:
    """Whether a value has the default's type: a whole number is a number too, and true is not a number."""
    if isinstance(default, (bool, str)):
        return isinstance(value, bool if isinstance(default, bool) else str)
    if not _is_number(default):
        return True
    return _is_number(value) and (isinstance(value, Integral) or (not whole and math.isfinite(value)))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(default: Any, limits: Bounds) -> bool:
    """A default of 0 without limits may stand for 0.0."""
    return isinstance(default, Integral) and bool(limits)


def _widest(items: list[Any]) -> Any:
    return next((item for item in items if isinstance(item, float)), items[0])


def _in_words(default: Any, limits: Bounds) -> str:
    if isinstance(default, list) and default:
        return f"a list, each item {_in_words(_widest(default), limits)}"
    if ONE_OF in limits:
        return f"one of {', '.join(map(str, limits[ONE_OF]))}"
    if _is_number(default):
        return number_within(limits, whole=_is_whole(default, limits))
    if isinstance(default, bool):
        return "true or false"
    return "text" if isinstance(default, str) else "like its default"
