"""The label for the checks: classes or a quantity, in one coding for all tables."""

import numpy as np
import pyarrow as pa
import pytest

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.target import target_in, target_of
from gates.tables.table import Table
from gates.verdict.catalogue import NotApplicable


def data_with(label: list[object], categorical: frozenset[str] = frozenset()) -> Data:
    table = pa.table({"y": pa.array(label), "x": list(range(len(label)))})
    return Data(Table.of("train", table), declared=Declared(label="y", categorical=categorical))


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ([0, 1] * 50, ("0", "1")),
        ([True, False] * 50, ("false", "true")),
        (["yes", "no", None] * 40, ("no", "yes")),
        ([10, 9, 2] * 40, ("2", "9", "10")),
        ([1.0, float("nan"), 3.0] * 40, ("1", "3")),
    ],
)
def test_texts_booleans_and_few_whole_numbers_are_classes(label: list[object], classes: tuple[str, ...]) -> None:
    target = target_of(data_with(label))
    assert target.classes == classes and not target.is_regression
    assert (target.codes >= 0).sum() == target.rows == sum(each == each and each is not None for each in label)


@pytest.mark.parametrize("label", [list(range(100)), [0.5, 1.5, 2.5] * 40, [float("inf"), 1.5, 2.0, 7.25] * 20])
def test_fractions_and_many_whole_numbers_are_a_quantity(label: list[object]) -> None:
    target = target_of(data_with(label))
    assert target.is_regression and np.isfinite(target.values[target.present]).all()


def test_the_schema_may_say_that_many_whole_numbers_are_names() -> None:
    label = [i % 25 for i in range(1_000)]
    assert target_of(data_with(label)).is_regression
    assert len(target_of(data_with(label, frozenset({"y"}))).classes) == 25


@pytest.mark.parametrize(
    "label", [[1] * 60, [None] * 60, [0, 1] * 10, [f"text {i}" for i in range(200)], [[1], []] * 40]
)
def test_says_why_a_label_cannot_be_used(label: list[object]) -> None:
    with pytest.raises(NotApplicable, match="label"):
        target_of(data_with(label))


def test_another_table_is_coded_as_train_and_its_unknown_classes_differ_from_missing_ones() -> None:
    target = target_of(data_with(["b", "a"] * 30))
    other = target_in(Table.of("eval", pa.table({"y": ["a", "c", None, "b"]})), target)
    assert sorted(other.codes.tolist()) == [-1, -1, 0, 1]
    assert int((other.present & (other.codes == -1)).sum()) == 1


def test_booleans_of_one_writer_are_zeros_and_ones_of_another() -> None:
    target = target_of(data_with([True, False] * 30))
    other = target_in(Table.of("eval", pa.table({"y": [1, 0, 2]})), target)
    assert sorted(other.codes.tolist()) == [-1, 0, 1]
