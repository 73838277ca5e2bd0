"""Parquet: every type is kept, or refused with the column and the line to set; a name is not a path."""

import base64
import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import SluiceError
from gates.tables.files import read_files
from sources.kinds import Kind
from sources.parquet import Parquet
from sources.reading import Reading
from sources.typed import typed_to_kind

FIRST, LAST = datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)
NANOSECONDS = 1_600_000_000_123_456_789


def write(folder: Path, **columns: pa.Array) -> str:
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path, version="2.6", row_group_size=2)
    return str(path)


def values_of(path: str, name: str, kind: Kind | None = None) -> list[Any]:
    format_ = Parquet()
    kind = kind if kind is not None else format_.survey(path).kinds[name]
    found = []
    for rows in format_.read(format_.whole(path)):
        values, unfit = typed_to_kind(rows.columns.column(rows.columns.schema.get_field_index(name)), kind, name)
        assert not unfit.any()
        found += values.to_pylist()
    return found


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([NANOSECONDS, -1, None], pa.timestamp("ns")), [1_600_000_000, -1, None]),
        (pa.array([NANOSECONDS, None], pa.timestamp("ns", "Europe/Oslo")), [1_600_000_000, None]),
        (pa.array([FIRST, LAST, None], pa.timestamp("us")), [-62_135_596_800, 253_402_300_799, None]),
        (pa.array([10**12, -(10**12)], pa.timestamp("s")), [10**12, -(10**12)]),
        (pa.array([FIRST.date(), LAST.date(), None], pa.date32()), [-62_135_596_800, 253_402_214_400, None]),
        (pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), [(2**31 - 1) * 86_400]),
        (pa.array([FIRST.date(), None], pa.date64()), [-62_135_596_800, None]),
        (pa.array([[NANOSECONDS], []], pa.list_(pa.timestamp("ns"))), [1_600_000_000, None]),
        (pa.array([[1.5], [2.5], [3.5]], pa.list_(pa.float32(), 1)), [1.5, 2.5, 3.5]),
        (pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int8(), 2)), [[1, 2], [3, 4], [5, 6]]),
        (pa.array([2**63 - 1, None], pa.uint64()), [2**63 - 1, None]),
        (pa.array([decimal.Decimal("1.25"), None], pa.decimal128(38, 2)), [1.25, None]),
        (pa.array([decimal.Decimal("1.25"), None], pa.decimal256(60, 2)), [1.25, None]),
        (pa.array(["a", None], pa.large_string()), [b"a", None]),
        (pa.array(["a", "b", None]).dictionary_encode(), [b"a", b"b", None]),
        (pa.array([True, None]), [1, None]),
        (pa.nulls(2), [None, None]),
        (pa.nulls(2, pa.float64()), [None, None]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else "",
)
def test_values_of_this_type_are_kept(column: pa.Array, values: list[Any], tmp_path: Path) -> None:
    path = write(tmp_path, x=column, other=pa.array(range(len(column))))
    assert values_of(path, "x") == values
    assert read_files({"train": path})["train"].column("x").to_pylist() == values


def test_a_missing_list_of_fixed_size_is_a_row_without_values() -> None:
    column = pa.array([[9, 9], [1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))[1:]
    assert typed_to_kind(column, Kind.INT, "x")[0].to_pylist() == [[1, 2], [], [3, 4]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"a": 1}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([[[1]]]),
        pa.array([[{"a": 1}]]),
        pa.array([5], pa.time64("us")),
        pa.array([5], pa.time32("s")),
        pa.array([5], pa.duration("s")),
        pa.array([b"ab"], pa.binary(2)),
    ],
    ids=lambda column: str(column.type),
)
def test_what_cannot_be_held_is_refused_with_the_key_that_leaves_it_out(column: pa.Array, tmp_path: Path) -> None:
    path = write(tmp_path, **{"odd.one": column, "kept": pa.array([1])})
    with pytest.raises(SluiceError, match=r"column `odd\.one` has the type .*cannot hold") as refused:
        Parquet().survey(path)
    assert """--set 'data.ignore_columns=["odd.one"]'""" in refused.value.next_command
    assert "--ignore-column odd.one" in refused.value.next_command
    without = Parquet(Reading(ignore_columns=["odd.one"]))
    assert without.columns(path) == ("kept",)
    assert without.survey(path).kinds == {"kept": Kind.INT}
    assert [rows.columns.schema.names for rows in without.read(without.whole(path))] == [["kept"]]


def test_the_key_leaves_out_all_that_cannot_be_held_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, a=pa.array([{"a": 1}]), b=pa.array([5], pa.time64("us")), c=pa.array([5], pa.duration("s")))
    with pytest.raises(SluiceError, match="nor can it hold `b`") as refused:
        Parquet(Reading(ignore_columns=["c"])).survey(path)
    assert """data.ignore_columns=["c", "a", "b"]""" in refused.value.next_command


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**63 + 5, 1], pa.uint64()),
        pa.array([[2**63 + 5], [1]], pa.list_(pa.uint64())),
        pa.array([2**63 + 5, 1], pa.uint64()).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_beyond_63_bits_are_refused_with_the_key_that_reads_them_as_text(
    column: pa.Array, tmp_path: Path
) -> None:
    path = write(tmp_path, x=column)
    with pytest.raises(SluiceError, match="column `x` of type uint64 holds what") as refused:
        values_of(path, "x")
    assert """--set 'data.column_types={"x": string}'""" in refused.value.next_command
    assert values_of(path, "x", Kind.BYTES) == [b"9223372036854775813", b"1"]


def test_decimals_as_text_keep_all_their_digits(tmp_path: Path) -> None:
    number = decimal.Decimal("12345678901234567890.10")
    path = write(tmp_path, x=pa.array([number, None], pa.decimal128(38, 2)))
    assert values_of(path, "x", Kind.BYTES) == [b"12345678901234567890.10", None]


def test_a_missing_list_of_fixed_size_in_a_file_is_named_with_its_column(tmp_path: Path) -> None:
    """As newer Arrow writes it: stored as any list, with the fixed size in the file's own schema; not every Arrow can
    read it."""
    table = pa.table({"kept": [1, 2, 3], "pair": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64()))})
    declared = pa.schema([("kept", pa.int64()), ("pair", pa.list_(pa.int64(), 2))]).serialize().to_pybytes()
    path = str(tmp_path / "rows.parquet")
    pq.write_table(table.replace_schema_metadata({"ARROW:schema": base64.b64encode(declared)}), path)
    assert pq.read_schema(path).field("pair").type == pa.list_(pa.int64(), 2)
    whole = Parquet()
    if _arrow_reads(path):
        assert values_of(path, "pair") == [[1, 2], [], [3, 4]]
        return
    with pytest.raises(
        SluiceError, match="column `pair` holds lists of a fixed size, some of which are missing"
    ) as found:
        list(whole.read(whole.whole(path)))
    assert """--set 'data.ignore_columns=["pair"]'""" in found.value.next_command
    without = Parquet(Reading(ignore_columns=["pair"]))
    assert without.survey(path).kinds == {"kept": Kind.INT}


def _arrow_reads(path: str) -> bool:
    try:
        pq.read_table(path)
    except pa.ArrowInvalid:
        return False
    return True


@pytest.mark.parametrize("statistics", [True, False])
def test_a_dot_in_a_name_is_a_part_of_it(statistics: bool, tmp_path: Path) -> None:
    columns = {
        "visits": pa.array([1, None, 3]),
        "visits.1": pa.array([4, 5, 6]),
        "my.list": pa.array([[1, 2], [3], []]),
        "my": pa.nulls(3, pa.string()),
        "a.b.c": pa.array(["x", None, "z"]),
        ".": pa.array([1.5, 2.5, None]),
    }
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table(columns), path, write_statistics=statistics)
    assert Parquet().survey(path).kinds == {
        "visits": Kind.INT,
        "visits.1": Kind.INT,
        "my.list": Kind.INT,
        "my": Kind.NONE,
        "a.b.c": Kind.BYTES,
        ".": Kind.FLOAT,
    }
    for name, column in columns.items():
        if name != "my.list":
            texts = [text.encode() if isinstance(text, str) else text for text in column.to_pylist()]
            assert values_of(path, name) == texts
        [alone] = Parquet().read(Parquet().whole(path), [name])
        assert alone.columns.schema.names == [name]
    assert values_of(path, "my.list") == [[1, 2], [3], []]
