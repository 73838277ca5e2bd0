"""Whether a model can do with the hyperparameters that a configuration gives it, told from its source before anything
runs. What only a search brings is checked by `core/hyperparameters.py`, by the same rules."""

from __future__ import annotations

import ast
import difflib
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import SluiceError
from pipeline.config.shapes import in_words

DEFAULTS, LIMITS = "DEFAULTS", "LIMITS"
CLASSES = "classes"
# Training reads it; no model needs to know it.
OF_TRAINING = frozenset({"batch_size"})
_SIZE, _SIZE_LIMITS = 128, {"ge": 1}
ONE_OF = "one_of"
_BOUNDS = {"gt", "ge", "lt", "le"}
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def check_hyperparameters(module: str, source: bytes, given: Mapping[str, Any]) -> None:
    """Raises SluiceError for the first name that is not among the module's `DEFAULTS`, and for the first value that is
    not of its default's type or is beyond its `LIMITS`; a module whose `DEFAULTS` is no plain dictionary, or that has
    none, says so itself when it is built."""
    defaults = _written_out(source, DEFAULTS)
    limits = {**_limits(source), **dict.fromkeys(OF_TRAINING, _SIZE_LIMITS)}
    if defaults is not None:
        _check_names(module, {*defaults, *OF_TRAINING}, given)
    defaults = {**dict.fromkeys(OF_TRAINING, _SIZE), **(defaults or {})}
    for name, value in given.items():
        default = defaults.get(name)
        shape = _shape_of(default, limits.get(name, {}))
        if not _fits(_as_list(value, default), shape):
            like = shlex.quote(f"model.hyperparameters.{name}={json.dumps(default)}")
            raise SluiceError(
                f"`model.hyperparameters.{name}` is {value!r}, and {module} wants {in_words(shape)}",
                f"For example:  --set {like}",
            )


def check_classes(module: str, source: bytes, given: Mapping[str, Any], class_names: Sequence[str]) -> None:
    """Raises SluiceError when the model would tell another number of classes apart than have names."""
    default = (_written_out(source, DEFAULTS) or {}).get(CLASSES)
    told, named = given.get(CLASSES, default), len(class_names)
    if named and isinstance(told, int) and told != named:
        unless = "" if CLASSES in given else " unless it is told otherwise"
        raise SluiceError(
            f"`data.class_names` names {named} classes, and {module} tells {told} apart{unless}",
            f"Say how many:  --set model.hyperparameters.{CLASSES}={named}",
        )


def _check_names(module: str, known: set[str], given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise SluiceError(
                f"`model.hyperparameters` names {name}, and {module} has no such hyperparameter{hint}",
                f"It has:  {', '.join(sorted(known))}",
            )


def _limits(source: bytes) -> dict[str, dict[str, Any]]:
    """By name the limits that a module writes as ours do; another thing may be called so, too."""
    found = (_written_out(source, LIMITS) or {}).items()
    return {name: each for name, each in found if isinstance(each, dict) and all(map(_is_limit, each, each.values()))}


def _is_limit(kind: Any, bound: Any) -> bool:
    if kind == ONE_OF:
        return isinstance(bound, list) and bool(bound)
    return kind in _BOUNDS and isinstance(bound, (int, float)) and not isinstance(bound, bool)


def _shape_of(default: Any, limits: Mapping[str, Any]) -> Any:
    """The type of what may stand in the place of `default`: values like it, within the limits."""
    if isinstance(default, list) and default:  # an empty one does not say of what
        return list[_shape_of(_widest(default), limits)]  # type: ignore[misc]
    if ONE_OF in limits:
        return Literal[tuple(limits[ONE_OF])]
    if isinstance(default, (bool, str)):
        return type(default)
    if isinstance(default, (int, float)):
        # A 0 that nobody limits may stand for 0.0.
        return Annotated[type(default) if limits else float, Field(**limits)]
    return Any


def _widest(items: Sequence[Any]) -> Any:
    return next((item for item in items if isinstance(item, float)), items[0])


def _fits(value: Any, shape: Any) -> bool:
    try:
        TypeAdapter(shape, config=_STRICT).validate_python(value)
    except ValidationError:
        return False
    return True


def _as_list(value: Any, default: Any) -> Any:
    """Text like `64,32` as the list that it means: a search, and so what it leaves behind, chooses among texts."""
    if not isinstance(default, list) or not isinstance(value, str):
        return value
    try:
        return json.loads(f"[{value}]")
    except ValueError:
        return value


def _written_out(source: bytes, name: str) -> dict[str, Any] | None:
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
