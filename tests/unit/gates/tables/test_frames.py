"""A table of any library that has Arrow's PyCapsule interface goes into the gates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import gates
from core.errors import SluiceError

HAS_CAPSULES = hasattr(pa.RecordBatchReader, "from_stream")
needs_capsules = pytest.mark.skipif(not HAS_CAPSULES, reason="the Arrow of this stack has no PyCapsule interface")


class OfAnotherLibrary:
    """A table that has nothing but the interface."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def table() -> pa.Table:
    rows = range(300)
    return pa.table(
        {"town": ["Ulm", "東京", None] * 100, "fare": [row / 7 for row in rows], "tipped": [row % 2 for row in rows]}
    )


@needs_capsules
def test_a_stream_is_judged_as_the_arrow_table_of_it() -> None:
    given = table()
    # Not by a cast: where it leaves no buffer of long texts, Arrow 18 ends the process when it hands the column out.
    text = pa.array(given.column("town").to_pylist(), pa.string_view())
    handed_out = OfAnotherLibrary(given.set_column(0, "town", text))
    found = gates.check(handed_out, OfAnotherLibrary(given.slice(0, 90)), label="tipped")
    usual = gates.check(given, given.slice(0, 90), label="tipped")
    assert found.blocking and found.findings == usual.findings


@needs_capsules
@pytest.mark.parametrize("form", ["string_view", "list<string_view>"])
def test_views_of_text_in_an_arrow_table_are_judged_as_text(form: str) -> None:
    is_list = form.startswith("list")
    usual = pa.list_(pa.string()) if is_list else pa.string()
    view = pa.list_(pa.string_view()) if is_list else pa.string_view()
    towns = [[town] if is_list else town for town in ("Ulm", "東京", "Bâle")] * 100
    as_usual, as_views = (table().set_column(0, "town", pa.array(towns, each)) for each in (usual, view))
    assert gates.check(as_views, label="tipped").findings == gates.check(as_usual, label="tipped").findings


@needs_capsules
def test_a_form_of_arrow_that_is_not_read_is_a_sentence_with_its_column() -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([100, 300], pa.int32()), pa.array([1, 2]))
    views = pa.array([[1, 2]] * 300, pa.list_view(pa.int64()))
    for column in (runs, views):
        with pytest.raises(SluiceError, match=r"train: column `much` is .*, a form of Arrow's that is not read"):
            gates.check(table().append_column("much", column), label="tipped")


@needs_capsules
def test_a_stream_that_fails_is_a_sentence_with_its_reason() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from table().to_batches()
        raise OSError("the disk is gone")

    class Failing(OfAnotherLibrary):
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pa.RecordBatchReader.from_batches(table().schema, batches()).__arrow_c_stream__()

    with pytest.raises(SluiceError, match=r"train is a Failing, whose rows Arrow cannot read: .*the disk is gone"):
        gates.check(Failing(table()), label="tipped")
    with pytest.raises(SluiceError, match="train is a OfAnotherLibrary, whose rows Arrow cannot read"):
        gates.check(OfAnotherLibrary(pa.chunked_array([[1.0, 2.0]])), label="tipped")


@pytest.mark.skipif(HAS_CAPSULES, reason="the Arrow of this stack has the PyCapsule interface")
def test_an_arrow_too_old_for_streams_is_a_sentence() -> None:
    with pytest.raises(SluiceError, match="train is a OfAnotherLibrary, which is not a table"):
        gates.check(OfAnotherLibrary(table()))
