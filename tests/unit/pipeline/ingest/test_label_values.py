"""A label that is no class is refused before anything is trained, with the options that make classes of it."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

import pyarrow as pa
import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.data import DataConfig
from pipeline.config.hyperparameters import ModelClasses
from pipeline.ingest.label_values import MOST_VALUES, LabelValues, check_label_values
from sources.kinds import Kind


def counted(*values: Any) -> LabelValues:
    found = LabelValues()
    # Two batches, as of two parts.
    for part in (values[: len(values) // 2], values[len(values) // 2 :]):
        if part:
            found.add(pa.array([[value] for value in part] + [[]]))
    return found


def refusal(values: list[Any], kind: Kind, label: int = 2, model: int = 2, **data: Any) -> SluiceError:
    config = DataConfig(source="rows.csv", label="y", **data)
    with pytest.raises(SluiceError) as caught:
        check_label_values(counted(*values), kind, config, ModelClasses(of_label=label, of_model=model))
    assert caught.value.exit_code is ExitCode.UNUSABLE
    return caught.value


def options(error: SluiceError) -> list[str]:
    """The values of `--set` in the next command, as a shell would hand them on."""
    words = shlex.split(error.next_command.split(":  ", 1)[1])
    return [value for word, value in itertools.pairwise(words) if word == "--set"]


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [([0, 1, 1], Kind.INT, 2), ([0.0, -0.0, 1.0], Kind.FLOAT, 2), ([2, 0, 1], Kind.INT, 3), ([1, 1], Kind.INT, 2)],
)
def test_accepts_the_classes_from_zero_on(values: list[Any], kind: Kind, classes: int) -> None:
    data = DataConfig(source="rows.csv", label="y")
    check_label_values(counted(*values), kind, data, ModelClasses(of_label=classes))
    check_label_values(LabelValues(), kind, data, ModelClasses(of_label=classes))


def test_words_are_refused_with_the_line_that_names_them() -> None:
    error = refusal([b"yes", b"no", b"no"], Kind.BYTES)
    assert "no (2 rows) and yes (1 row)" in error.headline
    assert options(error) == ['data.class_names=["no", "yes"]']


def test_three_words_for_a_model_of_two_are_refused_with_both_lines() -> None:
    error = refusal([b"low", b"high", b"it's"], Kind.BYTES)
    assert options(error) == ['data.class_names=["high", "it\'s", "low"]', "model.hyperparameters.classes=3"]
    assert options(refusal([b"a", b"b", b"c"], Kind.BYTES, model=0)) == ['data.class_names=["a", "b", "c"]']


def test_numbers_from_one_on_become_text_with_names() -> None:
    error = refusal([1, 2, 2], Kind.INT, column_types={"x": "float"})
    assert "1 (1 row) and 2 (2 rows)" in error.headline and "the 2 classes 0 and 1" in error.headline
    assert options(error) == ['data.column_types={"x": "float", "y": "string"}', 'data.class_names=["1", "2"]']


def test_more_numbers_than_classes_get_a_name_each() -> None:
    assert options(refusal([0, 1, 2], Kind.INT)) == [
        'data.class_names=["0", "1", "2"]',
        "model.hyperparameters.classes=3",
    ]
    named = refusal([0, 1, 2], Kind.INT, class_names=["no", "yes"])
    assert "data.class_names names the 2 classes 0 and 1" in named.headline


def test_fractions_and_decimal_classes_get_a_computed_label() -> None:
    assert options(refusal([0.5, 1.5, 2.5], Kind.FLOAT)) == [
        "data.label=y_class",
        "data.label_expression=y > 1.5",
        'prediction.never=["y"]',
    ]
    assert options(refusal([1.0, 2.0], Kind.FLOAT))[1] == "data.label_expression=y - 1"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_finite_is_no_fraction(value: float) -> None:
    error = refusal([0.0, 1.0, value, 0.5], Kind.FLOAT)
    assert f"`y` holds {value:g} (1 row), which is no finite number" in error.headline
    assert "fraction" not in error.headline
    assert "--explain data.label_expression" in error.next_command


def test_very_many_values_are_counted_within_bounds_and_are_no_classes() -> None:
    many = [f"text {i}".encode() for i in range(3 * MOST_VALUES)]
    found = counted(*many)
    assert found.more and len(found.rows) == MOST_VALUES
    assert "more than 100 different ones are no classes" in refusal(many, Kind.BYTES).headline
    assert "others" in refusal(list(range(3 * MOST_VALUES)), Kind.INT).headline
