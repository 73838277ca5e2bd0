"""The recipe of a version, from the configuration and the provenance of its run."""

from __future__ import annotations

import platform as machine
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.hyperparameters import BATCH_SIZE
from registry.contract import Figure
from registry.recipe import Recipe

STACK = ("tensorflow", "keras", "tfx", "tensorflow-transform", "apache-beam", "numpy", "pyarrow", "scikit-learn")
# Keys for the place of the rows and how to fetch them; the data's fingerprint identifies the rows.
_WHERE = {"source", "fetch", "serving_log"}
# Seed and machine are no choices about the model.
_NOT_CHOSEN = {"seed", "accelerator"}
_LONGEST_LABEL = 63


def recipe_of(
    config: Mapping[str, Mapping[str, Any]],
    provenance: Mapping[str, Any],
    architecture: Mapping[str, Any],
    hyperparameters: Mapping[str, Any],
) -> Recipe:
    """The recipe of the model, each fact in one form. `config` holds the sections `data`, `prediction`, `split` and
    `train` as plain values; `hyperparameters` are those that the model was built with, defaults included."""
    training = {name: value for name, value in config["train"].items() if name not in _NOT_CHOSEN}
    # The batch size of the training: that of a search overrides the configured one.
    batch_size = hyperparameters.get(BATCH_SIZE, training.get(BATCH_SIZE))
    of_model = {name: value for name, value in hyperparameters.items() if name != BATCH_SIZE}
    data = {name: value for name, value in config["data"].items() if name not in _WHERE}
    return Recipe(
        architecture=architecture,
        hyperparameters={**of_model, **_named("train", {**training, BATCH_SIZE: batch_size})},
        rest={
            "data": provenance["data_fingerprint"],
            "code": provenance["code"],
            "lock": provenance.get("lock_hash"),
            "seed": provenance["seed"],
            **_named("data", data),
            **_named("split", config["split"]),
            **_named("prediction", config["prediction"]),
        },
    )


def environment_of(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """`environment.json`: the provenance, and the versions of this process."""
    return {
        **provenance,
        "python": machine.python_version(),
        "system": f"{sys.platform} {machine.machine()}",
        "versions": {name: _version(name) for name in STACK},
    }


def labels_of(headline: list[str], figures: Mapping[str, Figure]) -> dict[str, str]:
    """The labels of a new version; people and roll-outs change them later."""
    figures_in_words = [f"{name}-{figures[name].value:.3f}" for name in headline if name in figures]
    performance = {"performance": figures_in_words[0].replace(".", "_")[:_LONGEST_LABEL]} if figures_in_words else {}
    return {"stage": "candidate", "approved": "by-gates", **performance}


def _named(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{section}.{name}": value for name, value in values.items()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
