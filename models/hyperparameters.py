"""Hyperparameters as models and training read them: the defaults, and on top what was configured or found."""

import difflib
from collections.abc import Mapping
from typing import Any

from models.refusal import CannotTrain

# Read by training and not by the model, so that a search may vary it like any other.
BATCH_SIZE = "batch_size"


def completed(hparams: Mapping[str, Any], defaults: Mapping[str, Any], module: str) -> dict[str, Any]:
    """`defaults` with `hparams` on top; raises CannotTrain for a name that the model does not have."""
    if unknown := sorted(set(hparams) - set(defaults) - {BATCH_SIZE}):
        near = difflib.get_close_matches(unknown[0], defaults, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise CannotTrain(
            f"{module} has no hyperparameter {unknown}; it has {sorted(defaults)}{hint}",
            "Mend it:  `model.hyperparameters` in the workload's configuration",
        )
    return {**defaults, **{name: value for name, value in hparams.items() if name != BATCH_SIZE}}


def one_of(name: str, value: Any, known: Mapping[str, Any], module: str) -> Any:
    """What `value` stands for; raises CannotTrain when it is none of the names in `known`."""
    if value not in known:
        raise CannotTrain(
            f"{module}: `{name}` is {value!r}, and must be one of {', '.join(known)}",
            f"Mend it:  `model.hyperparameters.{name}` in the workload's configuration",
        )
    return known[value]
