"""Whether a model has the hyperparameters that a configuration gives it, told from its source before anything runs."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable

from gates.errors import SluiceError

DEFAULTS = "DEFAULTS"
# Training reads it; no model needs to know it.
OF_TRAINING = frozenset({"batch_size"})


def check_hyperparameters(module: str, source: bytes, given: Iterable[str]) -> None:
    """Raises SluiceError for the first name that is not among the module's `DEFAULTS`; a module whose `DEFAULTS` is
    no plain dictionary, or that has none, says so itself when it is built."""
    known = _default_names(source)
    if known is None:
        return
    for name in given:
        if name not in known | OF_TRAINING:
            near = difflib.get_close_matches(name, known | OF_TRAINING, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise SluiceError(
                f"`model.hyperparameters` names {name}, and {module} has no such hyperparameter{hint}",
                f"It has:  {', '.join(sorted(known | OF_TRAINING))}",
            )


def _default_names(source: bytes) -> set[str] | None:
    for statement in ast.parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == DEFAULTS for target in targets):
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.Dict):
                return None
            names = {str(key.value) for key in value.keys if isinstance(key, ast.Constant)}
            return names if len(names) == len(value.keys) else None
    return None
