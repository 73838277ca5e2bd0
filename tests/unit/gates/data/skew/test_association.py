"""A column in the wrong rows loses its association, also in a wide table, whose bound the verdict states."""

from __future__ import annotations

from datetime import date

import pytest

from gates.verdict.catalogue import Gate, check_named
from gates.verdict.judge import judge
from gates.verdict.settings import GateSettings
from tests.samples.wide_tables import wide


@pytest.mark.parametrize("columns", [40, 400])
def test_a_stale_column_loses_its_association_in_a_narrow_and_in_a_wide_table(columns: int) -> None:
    found = check_named("association").measure(wide(columns, stale="n7"), 0.1)
    worst = max(found, key=lambda each: each.value)
    assert worst.column == "n7"
    assert worst.is_beyond
    assert worst.value > 0.8
    assert all(("of 159,600 pairs of columns" in each.looked_at) == (columns == 400) for each in found)


def test_the_report_states_the_bounds_of_the_checks() -> None:
    only = {"association": {}}
    others = {each: {"enabled": False} for each in ("joint_distribution", "slice_distribution", "near_duplicate_rows")}
    settings = GateSettings.model_validate({"checks": {**only, **others}})
    report = judge(Gate.DATA, wide(330), settings, date(2026, 1, 1))
    assert [note.split(" looked at ")[0] for note in report.notes] == ["`association`"]
    assert judge(Gate.DATA, wide(40), settings, date(2026, 1, 1)).notes == ()
