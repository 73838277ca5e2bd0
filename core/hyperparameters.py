"""Hyperparameters as models and training read them: the defaults, and on top what was configured or found."""

import difflib
import importlib
import json
import operator
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from core.errors import SluiceError

# Read by training and not by the model, so that a search may vary it like any other.
BATCH_SIZE = "batch_size"
# By hyperparameter, or for each item where that is a list: {"dropout": {"ge": 0, "lt": 1}, "pooling": {"one_of": […]}}.
# A model writes its own out as plain values, so that they can be read before it is imported.
Limits = Mapping[str, Mapping[str, Any]]

_KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
}
ONE_OF = "one_of"
_WORDS = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}


def completed(
    hparams: Mapping[str, Any], defaults: Mapping[str, Any], module: str, limits: Limits | None = None
) -> dict[str, Any]:
    """`defaults` with `hparams` on top. Where the default is a list, text like "64,32" will do: a search cannot choose
    lists. Raises SluiceError for a name that the model does not have, and for a value that is not of its default's
    type or is beyond its limits."""
    if unknown := sorted(set(hparams) - set(defaults) - {BATCH_SIZE}):
        near = difflib.get_close_matches(unknown[0], defaults, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise SluiceError(
            f"{module} has no hyperparameter {unknown}; it has {sorted(defaults)}{hint}",
            "Mend it:  `model.hyperparameters` in the workload's configuration",
        )
    known = {**defaults, BATCH_SIZE: 128}
    bounds = {BATCH_SIZE: {"ge": 1}, **(limits or {})}
    given = {name: _as_list(value, known[name]) for name, value in hparams.items()}
    for name, value in given.items():
        if not _fits(value, known[name], bounds.get(name, {})):
            raise SluiceError(
                f"{module}: `{name}` is {value!r}, and must be {_in_words(known[name], bounds.get(name, {}))}",
                f"Mend it:  `model.hyperparameters.{name}` in the workload's configuration",
            )
    return {name: value for name, value in {**defaults, **given}.items() if name != BATCH_SIZE}


def in_effect(hparams: Mapping[str, Any], module: str) -> dict[str, Any]:
    """What a model is really built with, however much of it was spelled out: the module's DEFAULTS with `hparams` on
    top. A module without DEFAULTS keeps what was given. `hparams` have been through `build_model`, which checks them.
    """
    found = getattr(importlib.import_module(module), "DEFAULTS", None)
    # A module of somebody else's may call another thing so; and training reads its own batch size.
    defaults = found if isinstance(found, Mapping) else {}
    named = {name: value for name, value in defaults.items() if isinstance(name, str) and name != BATCH_SIZE}
    plain = {name: value for name, value in named.items() if _is_plain(value)}
    return {**plain, **{name: _as_list(value, defaults.get(name)) for name, value in hparams.items()}}


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _as_list(value: Any, default: Any) -> Any:
    if not isinstance(default, list) or not isinstance(value, str):
        return value
    try:
        return json.loads(f"[{value}]")
    except ValueError:
        return value


def _fits(value: Any, default: Any, limits: Mapping[str, Any]) -> bool:
    """Whether a value is like the default, a whole number being a number too, and within the limits."""
    if isinstance(default, list) and default:  # an empty one does not say of what
        return isinstance(value, list) and all(_fits(each, _widest(default), limits) for each in value)
    if type(default) not in _KINDS:
        return True
    # A 0 that nobody limits may stand for 0.0.
    kind, _ = _KINDS[float if type(default) is int and not limits else type(default)]
    return (
        isinstance(value, kind)
        and isinstance(value, bool) == isinstance(default, bool)
        and all(
            value in bound if name == ONE_OF else getattr(operator, name)(value, bound)
            for name, bound in limits.items()
        )
    )


def _widest(items: list[Any]) -> Any:
    return next((item for item in items if isinstance(item, float)), items[0])


def _in_words(default: Any, limits: Mapping[str, Any]) -> str:
    if isinstance(default, list):
        return f"a list, each item {_in_words(_widest(default), limits)}"
    if ONE_OF in limits:
        return f"one of {', '.join(map(str, limits[ONE_OF]))}"
    bounds = " and ".join(f"{_WORDS[name]} {bound:g}" for name, bound in limits.items())
    _, kind = _KINDS.get(type(default), (None, "like its default"))
    return f"{kind} {bounds}".rstrip()
