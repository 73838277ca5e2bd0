"""A table of any library that has Arrow's PyCapsule interface goes into the gates."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import gates
from core.errors import SluiceError

HAS_CAPSULES = hasattr(pa.RecordBatchReader, "from_stream")


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


@pytest.mark.skipif(not HAS_CAPSULES, reason="the Arrow of this stack has no PyCapsule interface")
def test_a_stream_is_judged_as_the_arrow_table_of_it() -> None:
    given = table()
    text = given.column("town").cast(pa.string_view())
    handed_out = OfAnotherLibrary(given.set_column(0, "town", text))
    found = gates.check(handed_out, OfAnotherLibrary(given.slice(0, 90)), label="tipped")
    usual = gates.check(given, given.slice(0, 90), label="tipped")
    assert found.blocking and found.findings == usual.findings


@pytest.mark.skipif(HAS_CAPSULES, reason="the Arrow of this stack has the PyCapsule interface")
def test_an_arrow_too_old_for_streams_is_a_sentence() -> None:
    with pytest.raises(SluiceError, match="train is a OfAnotherLibrary, which is not a table"):
        gates.check(OfAnotherLibrary(table()))
