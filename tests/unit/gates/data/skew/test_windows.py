"""Splits by time and by entity: certainty follows what was drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gates.data.skew.windows import past_limit, windows_of
from gates.data.units import Unit, unit_of
from gates.verdict.finding import Severity
from tests.samples.skew import DECLARED, blocking, data_of, findings, refusing, rides

TIME = DECLARED.model_copy(update={"time": "trip_start_timestamp"})


def _in_time() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = rides().sort_values("trip_start_timestamp", ignore_index=True)
    return rows[:12_000], rows[12_000:].reset_index(drop=True)


def _by(column: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = rides().dropna(subset=[column])
    values = np.random.default_rng(seed).permutation(rows[column].unique())
    held_out = rows[column].isin(values[: len(values) // 4])
    return rows[~held_out], rows[held_out]


def test_a_limit_is_beyond_all_that_the_past_reached() -> None:
    windows = windows_of(np.arange(4000.0), 500, seed=0)
    distances = iter(np.linspace(0.1, 0.2, len(windows) - 1))
    assert len(windows) == 8 and past_limit(windows, lambda *_: next(distances)) > 0.2


def test_too_short_a_past_has_no_windows() -> None:
    assert windows_of(np.arange(100.0), 50, seed=0) == ()
    assert windows_of(np.repeat([1.0, 2.0, 3.0], 1000), 50, seed=0) == ()


@pytest.mark.parametrize("declared", [DECLARED, TIME], ids=["undeclared", "declared"])
def test_lets_a_split_by_time_pass(declared: object) -> None:
    train, later = _in_time()
    data = data_of(train, declared, eval=later[1500:], serving=later[:1500])  # type: ignore[arg-type]
    assert {unit_of(data, other)[0] for other in data.others.values()} == {Unit.TIME}
    assert refusing(data) == set()


def test_refuses_another_unit_in_a_later_serving_log() -> None:
    train, later = _in_time()
    found = blocking(data_of(train, TIME, serving=later.assign(trip_seconds=later["trip_seconds"] / 60)))
    assert ("numeric_distribution", "trip_seconds in serving") in found


def test_only_warns_of_a_later_eval() -> None:
    train, later = _in_time()
    found = findings(data_of(train, TIME, eval=later.assign(trip_seconds=later["trip_seconds"] / 60)))
    warned = {(each.check, each.severity) for each in found if each.subject == "trip_seconds in eval"}
    assert ("numeric_distribution", Severity.WARN) in warned
    assert not any(each.severity is Severity.BLOCK for each in found)


def test_refuses_milliseconds_for_seconds_though_they_lie_later() -> None:
    train, later = _in_time()
    found = blocking(data_of(train, TIME, eval=later.assign(trip_start_timestamp=later["trip_start_timestamp"] * 1000)))
    assert ("numeric_distribution", "trip_start_timestamp in eval") in found


@pytest.mark.parametrize("column", ["company", "pickup_community_area"])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("is_declared", [True, False])
def test_lets_a_split_by_entity_pass(column: str, seed: int, is_declared: bool) -> None:
    train, other = _by(column, seed)
    data = data_of(train, DECLARED.model_copy(update={"entity": column if is_declared else None}), eval=other)
    assert unit_of(data, other=data.held_out["eval"])[:2] == (Unit.ENTITY, column)
    assert refusing(data) == set()


def test_refuses_another_unit_in_a_split_by_entity() -> None:
    train, other = _by("company", 0)
    other = other.assign(trip_seconds=other["trip_seconds"] / 60)
    found = blocking(data_of(train, DECLARED.model_copy(update={"entity": "company"}), eval=other))
    assert ("numeric_distribution", "trip_seconds in eval") in found
