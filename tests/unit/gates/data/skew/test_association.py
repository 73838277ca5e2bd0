"""A column in the wrong rows loses its association, also in a wide table, whose bound the verdict states."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.skew import association as module
from gates.tables.table import Table
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


def test_a_random_half_has_lost_no_association_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that are associated hardly more than is needed: the rows that choose them do not favour train."""
    monkeypatch.setattr(module, "_lost", lambda *_: 1.0)
    scores = [
        norm.isf(each.p_value)
        for seed in range(30)
        for each in check_named("association").measure(weakly_associated(seed), 0.1)
        if each.p_value is not None and each.p_value < 1
    ]
    assert len(scores) > 100
    assert abs(float(np.mean(scores))) < 0.15


def weakly_associated(seed: int) -> Data:
    rng = np.random.default_rng(seed)
    causes = np.repeat(rng.normal(size=(1_400, 5)), 2, axis=1)
    values = causes + 0.9 * rng.normal(size=causes.shape)
    names = [f"n{i}" for i in range(values.shape[1])]
    train, test = (
        Table.of(name, pa.table(dict(zip(names, part.T, strict=True))))
        for name, part in (("train", values[:1_000]), ("test", values[1_000:]))
    )
    return Data(train, {"test": test}, declared=Declared())


@pytest.mark.parametrize("seed", range(5))
def test_values_that_are_frequent_in_train_by_chance_lose_no_association(seed: int) -> None:
    """Forty places with as many rows each: those of which train has most are rarest in test."""
    rng = np.random.default_rng(seed)
    place = rng.permutation(np.repeat(np.arange(40), 20))
    level = rng.normal(size=40)[place] + 0.05 * rng.normal(size=800)
    sides = {
        name: Table.of(name, pa.table({"place": [f"p{i}" for i in place[rows]], "level": level[rows]}))
        for name, rows in (("train", slice(0, 640)), ("test", slice(640, None)))
    }
    data = Data(sides["train"], {"test": sides["test"]}, declared=Declared())
    found = check_named("association").measure(data, 0.1)
    assert all(each.p_value is None or each.p_value > 1e-4 for each in found)
