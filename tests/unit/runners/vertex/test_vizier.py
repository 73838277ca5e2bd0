"""The Tuner by Vizier: its parameters and its budget."""

from __future__ import annotations

import keras_tuner
import pytest

from cloud.tuning_jobs import Parameter
from core.errors import SluiceError
from runners.vertex.vizier import algorithm_of, parameters_of


def test_a_search_space_becomes_parameters() -> None:
    space = keras_tuner.HyperParameters()
    space.Float("rate", 1e-4, 1e-1, sampling="log")
    space.Float("dropout", 0.0, 0.5, step=0.25)
    space.Int("layers", 1, 4)
    space.Choice("batch_size", [128, 32])
    space.Choice("hidden_units", ["32", "128,64"])
    space.Boolean("bias")
    space.Fixed("depth", 3)
    assert parameters_of(space) == [
        Parameter("rate", low=1e-4, high=1e-1, log=True),
        Parameter("dropout", numbers=(0.0, 0.25, 0.5)),
        Parameter("layers", low=1, high=4, whole=True),
        Parameter("batch_size", numbers=(32.0, 128.0)),
        Parameter("hidden_units", categories=("32", "128,64")),
        Parameter("bias", categories=("False", "True")),
    ]


def test_refuses_hyperband() -> None:
    with pytest.raises(SluiceError, match="Vizier has no hyperband; it has grid, random, bayesian"):
        algorithm_of("hyperband")
