"""The label for the checks: classes or a quantity, in one coding for all tables."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.target import remarks_on_label, target_in, target_of
from gates.tables.table import Table
from gates.verdict.catalogue import NotApplicable


def data_with(label: list[object], **declared: Any) -> Data:
    table = pa.table({"y": pa.array(label), "x": list(range(len(label)))})
    return Data(Table.of("train", table), declared=Declared(label="y", **declared))


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


AGES = (40 + 12 * np.random.default_rng(0).normal(size=5_000)).round().clip(0, 90).astype(int).tolist()
COUNTS = np.random.default_rng(1).poisson(9, 5_000).tolist()
ZIPF = np.concatenate([[code] * (3_000 // (code % 7 * 5 + code // 7 + 1)) for code in range(30)]).tolist()


@pytest.mark.parametrize("declared", [{"categorical": {"y"}}, {"class_names": ("a", "b")}, {"label_kind": "classes"}])
def test_what_is_declared_to_be_classes_is_classes(declared: dict[str, Any]) -> None:
    assert target_of(data_with(AGES)).is_regression
    assert len(target_of(data_with(AGES, **declared)).classes) == len(set(AGES))


@pytest.mark.parametrize("label", [[0, 1, 2] * 40, [i % 30 for i in range(3_000)]])
def test_what_is_declared_to_be_a_quantity_is_one(label: list[object]) -> None:
    assert not target_of(data_with(label)).is_regression
    assert target_of(data_with(label, label_kind="quantity")).is_regression


@pytest.mark.parametrize(
    "label",
    [[i % 30 for i in range(3_000)], [1 + i % 200 for i in range(30_000)], ZIPF],
    ids=["30", "200", "rare ones"],
)
def test_whole_numbers_that_number_classes_are_classes(label: list[object]) -> None:
    data = data_with(label)
    assert len(target_of(data).classes) == len(set(label))
    (remark,) = remarks_on_label(data)
    assert "is judged as classes" in remark and "--label-kind quantity" in remark


@pytest.mark.parametrize(
    "label", [AGES, COUNTS, [2 * i for i in range(30)] * 40, [1990 + i % 30 for i in range(3_000)]]
)
def test_ages_counts_and_years_are_quantities_and_how_to_declare_otherwise_is_stated(label: list[object]) -> None:
    data = data_with(label)
    assert target_of(data).is_regression
    (remark,) = remarks_on_label(data)
    assert "is judged as a quantity" in remark and "--label-kind classes" in remark


def test_texts_with_many_values_are_classes_and_texts_that_hardly_repeat_are_none() -> None:
    data = data_with([f"kind {i % 200}" for i in range(30_000)])
    assert len(target_of(data).classes) == 200 and remarks_on_label(data) == []
    with pytest.raises(NotApplicable, match="neither classes nor numbers"):
        target_of(data_with([f"text {i // 2}" for i in range(2_000)]))


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
