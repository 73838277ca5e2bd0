"""Checks a configuration's hyperparameters against a model's source before anything runs. The rules are those of
`core/hyperparameters.py`, by which the model is built."""

from __future__ import annotations

import ast
import importlib.util
import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.errors import SluiceError
from core.hyperparameters import BATCH_SIZE, Hyperparameters, Rules
from core.strict import Strict
from core.text import did_you_mean

DEFAULTS, LIMITS = "DEFAULTS", "LIMITS"
CLASSES = "classes"


class ModelClasses(Strict):
    """How many classes there are."""

    of_label: int
    """By the configuration."""
    of_model: int = 0
    """By the model's hyperparameter `classes`, as given or by default; 0: it has none."""


def check_hyperparameters(module: str, source: bytes, given: Hyperparameters) -> None:
    """By the module's `DEFAULTS` and `LIMITS`. A module whose `DEFAULTS` is no plain dictionary, or that has none,
    checks its hyperparameters itself when it builds the model.

    Raises:
      SluiceError: for the first name that the module does not have, or else the first value that does not fit.
    """
    defaults = _written_out(source, DEFAULTS)
    if defaults is not None:
        _check_names(module, {*defaults, BATCH_SIZE}, given)
    rules = Rules.of(defaults or {}, _written_out(source, LIMITS))
    for name, value in given.items():
        if wanted := rules.wanted(name, value):
            like = shlex.quote(f"model.hyperparameters.{name}={json.dumps(rules.defaults.get(name))}")
            raise SluiceError(
                f"`model.hyperparameters.{name}` is {value!r}, and {module} needs {wanted}",
                f"For example:  --set {like}",
            )


def check_classes(module: str, source: bytes, given: Hyperparameters, class_names: Sequence[str]) -> None:
    """Checks that the model has as many classes as there are names.

    Raises:
      SluiceError: when the numbers differ.
    """
    classes, named = number_of_outputs(source, given), len(class_names)
    if named and classes and classes != named:
        unless = "" if CLASSES in given else " by default"
        raise SluiceError(
            f"`data.class_names` names {named} classes, and {module} has {classes}{unless}",
            f"Say how many:  --set model.hyperparameters.{CLASSES}={named}",
        )


def source_of(module: str) -> Path | None:
    """The file of a module, which is not imported; None where there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def number_of_outputs(source: bytes, given: Hyperparameters) -> int:
    """How many classes the model has by its hyperparameter `classes`, as given or by default; 0 where it has none."""
    found = given.get(CLASSES, (_written_out(source, DEFAULTS) or {}).get(CLASSES))
    return found if isinstance(found, int) else 0


def _check_names(module: str, known: set[str], given: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise SluiceError(
                f"`model.hyperparameters` names {name}, and {module} has no such hyperparameter{hint}",
                f"It has:  {', '.join(sorted(known))}",
            )


def _written_out(source: bytes, name: str) -> Hyperparameters | None:
    """The dictionary of this name at a module's top level, with None for values that are computed; None when there is
    no such dictionary, or not all of its keys are written out."""
    for statement in ast.parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.Dict):
                return None
            found = {
                str(key.value): _literal(each)
                for key, each in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            return found if len(found) == len(value.keys) else None
    return None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
