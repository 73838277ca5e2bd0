"""A table is the same whatever order, chunks, types or library its rows came in."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.errors import SluiceError
from gates.tables.frames import tables_of
from gates.tables.table import ColumnKind, Table, joint_categories, joint_codes


def table(given: object) -> Table:
    return Table.of("train", tables_of({"train": given})["train"])


FRAME = pd.DataFrame(
    {
        "n": [3, 1, 2, 2],
        "f": [0.5, np.nan, 1.5, np.inf],
        "s": ["b", "a", None, "ü"],
        "when": pd.to_datetime(["2013-01-01", "2014-01-01", None, "2015-01-01"]),
        "flag": [True, False, True, True],
    }
)


def test_rows_are_in_the_same_order_however_they_were_given() -> None:
    straight, shuffled = table(FRAME), table(FRAME.sample(frac=1, random_state=3))
    assert straight.arrow.equals(shuffled.arrow)
    halves = pa.concat_tables([pa.Table.from_pandas(FRAME[:1]), pa.Table.from_pandas(FRAME[1:])])
    assert straight.arrow.equals(table(halves.select(list(FRAME))).arrow)


def test_position_leads_back_to_the_source() -> None:
    read = table(FRAME)
    assert [FRAME["n"][place] for place in read.position] == read.numbers("n").tolist()


@pytest.mark.parametrize("width", ["int8", "int32", "float32", "float64", "Int64"])
def test_a_whole_number_is_the_same_in_every_width(width: str) -> None:
    first, other = table({"n": [1, 2, 3]}), table(pd.DataFrame({"n": pd.Series([1, 2, 3], dtype=width)}))
    in_first, in_other = joint_codes([first, other], ["n"])
    assert in_first.tolist() == in_other.tolist()


def test_integers_beyond_53_bits_stay_apart() -> None:
    codes, _ = joint_codes([table({"id": [2**53, 2**53 + 1]}), table({"id": [2**60]})], ["id"])
    assert len(set(codes.tolist())) == 2


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, decimal.Decimal("3")], ColumnKind.NUMBER),
        ([1, "x", None], ColumnKind.CATEGORY),
        ([b"ab", "cd", 3], ColumnKind.CATEGORY),
        ([2**70, 1, 2], ColumnKind.NUMBER),
        ([datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)], ColumnKind.NUMBER),
        ([decimal.Decimal("1.10"), None, decimal.Decimal("2")], ColumnKind.NUMBER),
        ([[1, 2], [3, 4], [5, 6]], ColumnKind.IMAGE),
        ([[1, 2], [3], []], ColumnKind.OTHER),
        ([{"a": 1}, {"a": 2}, None], ColumnKind.OTHER),
        ([None, None, None], ColumnKind.EMPTY),
        ([np.nan, None, np.nan], ColumnKind.EMPTY),
        (["a\0b", "\ud800", "ü"], ColumnKind.CATEGORY),
        ([object(), 1, 2], ColumnKind.CATEGORY),
        ([pd.Timestamp("2020-01-01"), "soon", 3], ColumnKind.CATEGORY),
        ([1 + 2j, 2, 3], ColumnKind.CATEGORY),
    ],
)
def test_objects_of_any_type_are_a_column_of_some_kind(values: list, kind: ColumnKind) -> None:
    for given in ({"c": values}, pd.DataFrame({"c": pd.Series(values, dtype=object)})):
        read = table(given)
        assert (read.kinds["c"], read.rows) == (kind, 3)


def test_pandas_categories_and_nullable_types_are_read() -> None:
    frame = pd.DataFrame(
        {
            "c": pd.Categorical(["x", None, "x"]),
            "s": pd.array(["x", None, "y"], dtype="string"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "i": pd.array([1, None, 3], dtype="Int64"),
            "p": pd.period_range("2020", periods=3, freq="M"),
        }
    )
    read = table(frame)
    assert [read.kinds[name] for name in "csbi"] == [
        ColumnKind.CATEGORY,
        ColumnKind.CATEGORY,
        ColumnKind.NUMBER,
        ColumnKind.NUMBER,
    ]
    assert [int(read.missing(name).sum()) for name in "csbi"] == [1, 1, 1, 1]


def test_images_in_arrays_of_several_dimensions_are_images() -> None:
    read = table({"image": np.zeros((5, 8, 8), np.uint8), "label": np.arange(5)})
    assert read.kinds["image"] is ColumnKind.IMAGE
    assert read.vectors("image").shape == (5, 64)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns named `a`"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "two columns named `1`"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns named `a`"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame(), "has no columns"),
        (pa.table({}), "has no columns"),
        ({"a": [1, 2], "b": [1]}, "different lengths: `a` has 2 rows, `b` 1"),
        ({"a": 5}, "single value"),
        (7, "is a int, which is not a table"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(given: object, sentence: str) -> None:
    with pytest.raises(SluiceError, match=sentence):
        table(given)


def test_a_category_of_32_bits_is_called_as_it_was_written_and_equals_that_of_64() -> None:
    written = [25.15, 41.9, 0.1, 25.15]
    tables = [Table.of("rows", pa.table({"fare": pa.array(written, kind)})) for kind in (pa.float32(), pa.float64())]
    assert tables[0].codes("fare")[1] == ["0.1", "25.15", "41.9"]
    codes, values = joint_categories(tables, "fare")
    assert values == ["0.1", "25.15", "41.9"]
    assert sorted(codes[0]) == sorted(codes[1]) == [0, 1, 1, 2]
