"""The rules of hyperparameters: before a run, in a search, and when the model is built."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from core.errors import SluiceError
from core.hyperparameters import BATCH_SIZE, DEFAULT_BATCH_SIZE, Rules, completed
from pipeline.config.training import TrainConfig
from tests.samples.folders import ROOT

LIMITS = {"dropout": {"ge": 0, "lt": 1}, "pooling": {"one_of": ["max", "average"]}, "k": {"one_of": [3, 5]}}
DEFAULTS = {"dropout": 0.1, "pooling": "max", "k": 3, "units": [128], "l2": 0, "bias": True, "other": None}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("dropout", 1, "a number of at least 0 and below 1"),
        ("dropout", float("nan"), "a number of at least 0 and below 1"),
        ("l2", float("inf"), "a number"),
        ("l2", True, "a number"),
        ("pooling", "min", "one of max, average"),
        ("k", 3.0, "one of 3, 5"),
        ("k", True, "one of 3, 5"),
        ("units", 64, "a list, each item a number"),
        ("units", "64,wide", "a list, each item a number"),
        ("bias", 1, "true or false"),
        (BATCH_SIZE, 0, "a whole number of at least 1"),
        (BATCH_SIZE, 32.0, "a whole number of at least 1"),
    ],
)
def test_says_which_values_are_allowed(name: str, value: Any, wanted: str) -> None:
    assert Rules.of(DEFAULTS, LIMITS).wanted(name, value) == wanted
    with pytest.raises(SluiceError, match=f"`{name}` is .* and must be {wanted}"):
        completed({name: value}, DEFAULTS, "mine", LIMITS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("dropout", 0), ("k", 5), ("units", "64, 32"), ("units", []), ("l2", 0.01), ("other", "x"), ("unknown", [1])],
)
def test_what_is_like_the_default_and_within_the_limits_fits(name: str, value: Any) -> None:
    assert Rules.of(DEFAULTS, LIMITS).wanted(name, value) is None


def test_a_model_of_its_own_batch_size_is_held_to_that_of_training() -> None:
    rules = Rules.of({BATCH_SIZE: "many"}, {BATCH_SIZE: {"ge": 1000}})
    assert rules.wanted(BATCH_SIZE, 64) is None
    assert rules.defaults[BATCH_SIZE] == DEFAULT_BATCH_SIZE == TrainConfig().batch_size


def test_the_rules_are_read_with_the_standard_library_alone() -> None:
    code = "import sys, core.hyperparameters; print({'numpy', 'pydantic', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
