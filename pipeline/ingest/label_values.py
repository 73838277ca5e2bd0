"""The values of the label, counted while rows are written, and the sentence for a label that a model cannot learn as it
stands, with the very options that make classes of it."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SluiceError
from core.text import counted, listed, shortened
from gates.tables.cell_text import number_text
from pipeline.config.data import DataConfig
from pipeline.config.hyperparameters import ModelClasses
from sources.kinds import Kind

# More different values are no classes that anybody would name one by one.
MOST_VALUES = 100
_NAMED = 5
_EXPLAIN = "See what it means:  python runners/local_runner.py --explain data.class_names"


@dataclass
class LabelValues:
    """Rows by value, as text; `more`: there are others, which are not counted."""

    rows: dict[str, int] = field(default_factory=dict)
    more: bool = False

    def add(self, column: pa.Array) -> None:
        """Counts a column of tf.Examples: lists of at most one value."""
        found = pc.value_counts(column.flatten())
        self.merge(LabelValues({_text(each["values"]): each["counts"] for each in found.to_pylist()}))

    def merge(self, other: LabelValues) -> None:
        """Adds the counts of other rows."""
        total = Counter(self.rows) + Counter(other.rows)
        kept = sorted(total, key=lambda each: (-total[each], each))[:MOST_VALUES]
        self.more = self.more or other.more or len(total) > MOST_VALUES
        self.rows = {each: total[each] for each in kept}


def _text(value: bytes | float | int) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return number_text(value + 0.0) if isinstance(value, float) else str(value)  # without the sign of a zero


def check_label_values(found: LabelValues, kind: Kind, data: DataConfig, classes: ModelClasses) -> None:
    """Checks that the label of all rows is one of the classes 0, 1, 2, …

    Raises:
      SluiceError: when it is not, with what it holds and the options to set.
    """
    if not found.rows:
        return
    if kind is Kind.BYTES:
        raise _in_words(found, data, classes)
    if endless := [each for each in found.rows if not math.isfinite(float(each))]:
        raise _not_finite(found, sorted(endless), data)
    numbers = sorted(map(float, found.rows))
    if not all(number.is_integer() for number in numbers):
        raise _fractions(numbers, data)
    if found.more or numbers[0] < 0 or numbers[-1] >= classes.of_label:
        raise _numbers(found, [int(number) for number in numbers], kind, data, classes)


def _in_words(found: LabelValues, data: DataConfig, classes: ModelClasses) -> SluiceError:
    holds = f"`{data.label}` holds words ({_shown(found, sorted(found.rows))})"
    if found.more:
        return SluiceError(f"{holds}, and more than {MOST_VALUES} different ones are no classes.", _EXPLAIN)
    return SluiceError(
        f"{holds}, and data.class_names does not say which of them is class 0, 1 and so on.",
        f"In the order of their names:  {_named(sorted(found.rows), data, classes, as_text=False)}",
    )


def _not_finite(found: LabelValues, values: list[str], data: DataConfig) -> SluiceError:
    return SluiceError(
        f"`{data.label}` holds {_shown(found, values)}, which is no finite number and so no class.",
        "A label can be computed:  python runners/local_runner.py --explain data.label_expression",
    )


def _fractions(numbers: list[float], data: DataConfig) -> SluiceError:
    first = next(number for number in numbers if not number.is_integer())
    return SluiceError(
        f"`{data.label}` holds fractions such as {first:g}, and a model learns classes: 0, 1 and so on.",
        f"Classes by a limit:  {_computed(data, f'{data.label} > {numbers[len(numbers) // 2]:g}')}",
    )


def _numbers(
    found: LabelValues, numbers: list[int], kind: Kind, data: DataConfig, classes: ModelClasses
) -> SluiceError:
    last = classes.of_label - 1
    learns = f"0 and {last}" if last == 1 else f"0 to {last}"
    by_names = "data.class_names names" if data.class_names else "the model learns"
    names = sorted(found.rows, key=float)
    holds = f"`{data.label}` holds {_shown(found, names)}"
    sentence = f"{holds}, and {by_names} the {classes.of_label} classes {learns}."
    if found.more or len(numbers) < 2:
        return SluiceError(sentence, _EXPLAIN)
    if data.label_expression is not None:
        explain = "python runners/local_runner.py --explain data.label_expression"
        return SluiceError(sentence, f"See how it is computed:  {explain}")
    if numbers == list(range(len(numbers))):
        return SluiceError(sentence, f"A name for each:  {_named(names, data, classes, as_text=False)}")
    if kind is Kind.FLOAT:
        is_dense = numbers[-1] - numbers[0] == len(numbers) - 1
        return SluiceError(
            sentence, f"From 0 on:  {_computed(data, f'{data.label} - {numbers[0]}')}" if is_dense else _EXPLAIN
        )
    return SluiceError(sentence, f"In their order:  {_named(names, data, classes, as_text=True)}")


def _named(names: list[str], data: DataConfig, classes: ModelClasses, as_text: bool) -> str:
    """The options that name the classes, and those that make the label text and the model's classes as many."""
    lines = [_option("data.column_types", {**data.column_types, data.label: "string"})] if as_text else []
    lines.append(_option("data.class_names", names))
    if classes.of_model and classes.of_model != len(names):
        lines.append(f"--set model.hyperparameters.classes={len(names)}")
    return " ".join(lines)


def _computed(data: DataConfig, expression: str) -> str:
    """The options for a label that is computed from the present one, which then must not be a feature."""
    options = {
        "data.label": f"{data.label}_class",
        "data.label_expression": expression,
        "prediction.never": [data.label],
    }
    return " ".join(_option(key, value) for key, value in options.items())


def _option(key: str, value: str | Sequence[str] | Mapping[str, str]) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"--set {shlex.quote(f'{key}={text}')}"


def _shown(found: LabelValues, values: list[str]) -> str:
    words = [f"{each} ({counted(found.rows[each], 'row')})" for each in values]
    return listed(words) if len(words) <= _NAMED and not found.more else shortened(words, _NAMED, rest="others")
