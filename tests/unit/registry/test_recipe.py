"""The number of a version follows from what changed, and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from registry.recipe import Recipe, changes_between, is_version, next_version, numbers_of

OLD: dict[str, Any] = {
    "architecture": {"module": "models.cnn", "layers of Dense": 2},
    "hyperparameters": {"dropout": 0.25, "units": [128]},
    "rest": {"data": "abc", "seed": 7},
}


def _next(**changed: Any) -> tuple[str, str]:
    return next_version("2.3.4", Recipe(**OLD), Recipe(**{**OLD, **changed}))


def test_another_architecture_is_major_whatever_else_changed() -> None:
    version, reason = _next(
        architecture={"module": "models.cnn", "layers of Dense": 3}, hyperparameters={}, rest={"data": "x"}
    )
    assert (version, reason) == ("3.0.0", "major: layers of Dense 2 → 3")


def test_other_hyperparameters_are_minor_whatever_else_changed() -> None:
    version, reason = _next(hyperparameters={"dropout": 0.5, "units": [64, 32]}, rest={"data": "x", "seed": 7})
    assert (version, reason) == ("2.4.0", "minor: dropout 0.25 → 0.5; units [128] → [64, 32]")


def test_data_code_and_seed_are_patches() -> None:
    assert _next(rest={"data": "def", "seed": 8}) == ("2.3.5", "patch: data abc → def; seed 7 → 8")


def test_nothing_known_to_have_changed_is_still_another_version() -> None:
    assert _next() == ("2.3.5", "patch: trained anew from the same data, code and settings")


def test_a_key_without_a_value_is_no_change() -> None:
    assert changes_between(Recipe(**OLD), Recipe(**{**OLD, "rest": {**OLD["rest"], "lock": None}})) == []


def test_a_tuple_is_no_other_value_than_a_list() -> None:
    assert _next(hyperparameters={"dropout": 0.25, "units": (128,)})[0] == "2.3.5"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [(1, 1.0, True), ([64, 32.0], [64.0, 32], True), ({"a": 2}, {"a": 2.0}, True), (1, True, False), (1, 1.5, False)],
)
def test_numbers_are_compared_by_value_however_they_are_written(before: Any, after: Any, same: bool) -> None:
    recipes = (Recipe({}, {"clipnorm": value}, {}) for value in (before, after))
    assert (changes_between(*recipes) == []) is same


def test_many_changes_are_counted() -> None:
    _, reason = _next(hyperparameters={f"h{i}": i for i in range(6)})
    assert reason.endswith(" and 5 more")


def test_versions_sort_by_number_and_not_by_text() -> None:
    assert max(["1.10.0", "1.9.9"], key=numbers_of) == "1.10.0"


@pytest.mark.parametrize("text", ["1.0", "v1.0.0", "01.0.0", "1.0.0-rc1", "latest", ""])
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(ValueError, match="not a version"):
        numbers_of(text)
