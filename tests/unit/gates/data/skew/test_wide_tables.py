"""Checks that compare columns with one another judge a wide table within a bound, which the verdict states."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table
from gates.verdict.catalogue import Gate, check_named
from gates.verdict.judge import judge
from gates.verdict.settings import GateSettings

ROWS = {"train": 1_200, "test": 600}


def wide(columns: int, stale: str = "", slices: bool = False) -> Data:
    """Columns in groups of ten that share a cause; `stale` comes from other rows in test."""
    tables = {}
    for seed, (name, rows) in enumerate(ROWS.items()):
        rng = np.random.default_rng(seed)
        causes = rng.normal(size=(rows, columns // 10 + 1))
        held = {f"n{i}": causes[:, i // 10] + 0.5 * rng.normal(size=rows) for i in range(columns)}
        if slices:
            held = {key: np.where(values > 0, "high", "low") for key, values in held.items()}
        if stale and name == "test":
            held[stale] = rng.permutation(held[stale])
        tables[name] = Table.of(name, pa.table({key: pa.array(values) for key, values in held.items()}))
    return Data(tables["train"], {"test": tables["test"]}, declared=Declared())


@pytest.mark.parametrize("columns", [40, 400])
def test_a_stale_column_loses_its_association_in_a_narrow_and_in_a_wide_table(columns: int) -> None:
    found = check_named("association").measure(wide(columns, stale="n7"), 0.1)
    worst = max(found, key=lambda each: each.value)
    assert worst.column == "n7"
    assert worst.is_beyond
    assert worst.value > 0.8
    assert all(("of 159,600 pairs of columns" in each.looked_at) == (columns == 400) for each in found)


def test_slices_of_a_wide_table_are_bounded_and_the_bound_is_stated() -> None:
    found = check_named("slice_distribution").measure(wide(300, slices=True), 0.2)
    assert len(found) == 300  # every column is judged, within the slices by some
    assert {each.looked_at for each in found} == {
        "looked at slices by 166 of 300 columns, names before numbers, drawn with seed 0"
    }
    assert not [each for each in found if each.is_beyond]


def test_the_report_states_the_bounds_of_the_checks() -> None:
    only = {"association": {}}
    others = {each: {"enabled": False} for each in ("joint_distribution", "slice_distribution", "near_duplicate_rows")}
    settings = GateSettings.model_validate({"checks": {**only, **others}})
    report = judge(Gate.DATA, wide(330), settings, date(2026, 1, 1))
    assert [note.split(" looked at ")[0] for note in report.notes] == ["`association`"]
    assert judge(Gate.DATA, wide(40), settings, date(2026, 1, 1)).notes == ()
