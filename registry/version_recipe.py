"""The recipe of a version, from the configuration and the provenance of its run."""

from __future__ import annotations

import platform as machine
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from core.hyperparameters import BATCH_SIZE
from registry.contract import Figure
from registry.recipe import Recipe, Settings
from registry.run_configuration import Environment, Provenance, RecipeSettings

STACK = ("tensorflow", "keras", "tfx", "tensorflow-transform", "apache-beam", "numpy", "pyarrow", "scikit-learn")
_LONGEST_LABEL = 63


def recipe_of(
    settings: RecipeSettings,
    provenance: Provenance,
    architecture: Settings,
    hyperparameters: Settings,
) -> Recipe:
    """The recipe of the model, each fact in one form. `hyperparameters` are those that the model was built with,
    defaults included."""
    # The batch size of the training: that of a search overrides the configured one.
    batch_size = hyperparameters.get(BATCH_SIZE, settings.train.get(BATCH_SIZE))
    of_model = {name: value for name, value in hyperparameters.items() if name != BATCH_SIZE}
    return Recipe(
        architecture=architecture,
        hyperparameters={**of_model, **_named("train", {**settings.train, BATCH_SIZE: batch_size})},
        rest={
            "data": provenance.data_fingerprint,
            "code": provenance.code,
            "lock": provenance.lock_hash,
            "seed": provenance.seed,
            **_named("data", settings.data),
            **_named("split", settings.split),
            **_named("prediction", settings.prediction),
        },
    )


def environment_of(provenance: Provenance) -> Environment:
    """The provenance, and the versions of this process."""
    return Environment(
        provenance=provenance,
        python=machine.python_version(),
        system=f"{sys.platform} {machine.machine()}",
        versions={name: _version(name) for name in STACK},
    )


def labels_of(headline: list[str], figures: Mapping[str, Figure]) -> dict[str, str]:
    """The labels of a new version; people and roll-outs change them later."""
    figures_in_words = [f"{name}-{figures[name].value:.3f}" for name in headline if name in figures]
    performance = {"performance": figures_in_words[0].replace(".", "_")[:_LONGEST_LABEL]} if figures_in_words else {}
    return {"stage": "candidate", "approved": "by-gates", **performance}


def _named(section: str, values: Settings) -> Settings:
    return {f"{section}.{name}": value for name, value in values.items()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
