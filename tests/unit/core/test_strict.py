"""A section of configuration as an execution property: equal values are equal text, and are read back unchanged."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from core.strict import Strict
from gates.data.declared import Declared
from tests.samples.folders import ROOT


class Sample(Strict):
    rate: float
    options: dict[str, int | float | bool | str] = {}  # noqa: RUF012


def test_equal_values_are_equal_text_whatever_their_order() -> None:
    one, other = (Sample(rate=1, options=options) for options in ({"a": 1, "b": 2.0}, {"b": 2.0, "a": 1}))
    assert one.to_property() == other.to_property()


def in_another_process(program: str, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_set_is_the_same_text_in_every_process() -> None:
    program = "from gates.data.declared import Declared; print(Declared(withheld=frozenset('abcdefgh')).to_property())"
    assert in_another_process(program, "1") == in_another_process(program, "2")


def test_values_come_back_in_their_own_types() -> None:
    given = Sample(rate=0.1, options={"epochs": 3, "dropout": 3.0, "flip": True, "pooling": "max"})
    found = Sample.from_custom_config(given.to_custom_config())
    assert found == given
    assert [type(value) for value in found.options.values()] == [float, int, bool, str]  # by name
    declared = Declared(
        label="y", withheld=frozenset({"a"}), readers_of={"eval": ("Tuner",)}, analysed_splits=("train",)
    )
    assert Declared.from_property(declared.to_property()) == declared


def test_refuses_text_of_another_shape() -> None:
    with pytest.raises(ValidationError, match="ratte"):
        Sample.from_property('{"rate": 1.0, "ratte": 2.0}')
    with pytest.raises(ValidationError, match="valid number"):
        Sample.from_property('{"rate": "1"}')
