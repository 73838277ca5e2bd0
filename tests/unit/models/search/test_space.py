"""A search space as a service outside sees it."""

from __future__ import annotations

from typing import Any

import keras_tuner
import pytest

from core.errors import SluiceError
from models import cnn, wide_and_deep
from models.search.space import choices_of, searched, typed_values


def space() -> keras_tuner.HyperParameters:
    made = keras_tuner.HyperParameters()
    made.Float("rate", 1e-4, 1e-1, sampling="log")
    made.Float("dropout", 0.0, 0.5, step=0.25)
    made.Int("layers", 1, 4)
    made.Int("units", 16, 64, sampling="log", step=2)
    made.Choice("batch_size", [32, 128])
    made.Choice("hidden_units", ["32", "128,64"])
    made.Boolean("bias")
    made.Fixed("depth", 3)
    return made


TYPED: dict[str, Any] = {
    "rate": 0.01,
    "dropout": 0.25,
    "layers": 2,
    "units": 32,
    "batch_size": 128,
    "hidden_units": "128,64",
    "bias": True,
    "depth": 3,
}


@pytest.mark.parametrize("as_given", [str, lambda value: float(value) if type(value) in (int, float) else str(value)])
def test_texts_and_floats_become_the_typed_values_again(as_given: Any) -> None:
    found = typed_values(space(), {name: as_given(value) for name, value in TYPED.items() if name != "depth"})
    assert found == TYPED
    assert [type(found[name]) for name in TYPED] == [type(value) for value in TYPED.values()]


@pytest.mark.parametrize(
    ("changed", "name"),
    [({"rate": "0.5"}, "rate"), ({"units": "33"}, "units"), ({"hidden_units": "7"}, "hidden_units"), ({}, "layers")],
)
def test_refuses_a_value_that_the_space_does_not_have(changed: dict[str, str], name: str) -> None:
    given = {key: str(value) for key, value in TYPED.items() if changed or key != "layers"}
    with pytest.raises(SluiceError, match=f"the hyperparameter {name} has no value"):
        typed_values(space(), {**given, **changed})


def test_a_fixed_value_is_not_searched_and_a_continuous_one_has_no_list() -> None:
    listed = {each.name: choices_of(each) for each in searched(space())}
    assert "depth" not in listed
    assert (listed["rate"], listed["layers"]) == (None, None)
    assert listed["units"] == [16, 32, 64]
    assert listed["bias"] == [False, True]


def test_refuses_a_value_that_depends_on_another() -> None:
    made = keras_tuner.HyperParameters()
    made.Choice("kind", ["a", "b"])
    with made.conditional_scope("kind", ["a"]):
        made.Int("only_of_a", 1, 3)
    with pytest.raises(SluiceError, match="only_of_a of the search space depends on others"):
        searched(made)


@pytest.mark.parametrize("module", [wide_and_deep, cnn])
def test_the_spaces_of_our_models_can_be_searched_outside(module: Any) -> None:
    assert searched(module.search_space())
