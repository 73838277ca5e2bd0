"""One cause, one finding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from benchmarks.faults.tables import SOURCES, Unavailable
from gates.data import causes
from gates.data.declared import Declared
from gates.data.gate import judge_data
from gates.verdict.finding import Finding, Severity
from tests.samples.skew import DECLARED, assigned, data_of

LATE = Declared(label="late")
_DRAWN = causes._drawn


def blocking(train: pd.DataFrame, declared: Declared = DECLARED, **others: pd.DataFrame) -> list[Finding]:
    return list(judge_data(data_of(train, declared, **others)).of(Severity.BLOCK))


def columns_of(found: list[Finding]) -> list[str | None]:
    return sorted(str(each.column) for each in found)


@pytest.fixture(scope="module")
def flights() -> Mapping[str, pd.DataFrame]:
    source = SOURCES["flights"]
    try:
        rows = source.raw[source.columns]
    except Unavailable as why:
        pytest.skip(str(why))
    train = rows.sample(6_000, random_state=2)
    return {"train": train, "rest": rows.drop(train.index)}


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(company=frame["company"].replace({"Taxi Affiliation Services": "Taxi Affil. Serv."}))


def with_infinities(frame: pd.DataFrame) -> pd.DataFrame:
    few = np.arange(len(frame)) % 15 == 0
    return frame.assign(fare=frame["fare"].where(~few, np.inf))


def in_kilometres(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(trip_miles=frame["trip_miles"] * 1.609)


@pytest.mark.parametrize(
    ("fault", "column"), [(renamed, "company"), (with_infinities, "fare"), (in_kilometres, "trip_miles")]
)
def test_blames_the_faulty_column_once(fault, column: str) -> None:
    train, other = assigned([6000, 1500])
    assert columns_of(blocking(train, eval=fault(other))) == [column]


def with_gaps_filled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(company="Taxi Affiliation Services")


def exchanged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"pickup_latitude": "dropoff_latitude", "dropoff_latitude": "pickup_latitude"})


def without_label(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=DECLARED.label)


@pytest.mark.parametrize(
    ("fault", "columns"),
    [
        (renamed, ["company"]),
        (with_infinities, ["fare"]),
        (with_gaps_filled, ["company"]),
        (exchanged, ["dropoff_latitude", "pickup_latitude"]),
    ],
)
def test_a_cause_in_three_tables_is_one_finding_that_names_them(fault, columns: list[str]) -> None:
    train, *others = assigned([6000, 1200, 1200, 1200])
    held_out, test, log = map(fault, others)
    (found,) = blocking(train, eval=held_out, test=test, serving=without_label(log))
    assert found.column in columns
    assert all(f"`{name}`" in found.reason for name in columns)
    assert "found in test and serving as well" in found.reason


def test_exchanged_columns_are_named_with_what_puts_them_right() -> None:
    train, other = assigned([6000, 1500])
    (found,) = blocking(train, eval=exchanged(other))
    assert "they look exchanged" in found.reason
    assert "Put `dropoff_latitude` and `pickup_latitude` of eval in each other's place" in found.remedy


def test_another_fault_beside_exchanged_columns_keeps_its_finding() -> None:
    train, other = assigned([6000, 1500])
    assert columns_of(blocking(train, eval=renamed(exchanged(other)))) == ["company", "dropoff_latitude"]


def test_one_column_in_the_wrong_rows_is_not_taken_for_exchanged() -> None:
    train, other = assigned([6000, 1500])
    wrong = other["pickup_latitude"].to_numpy()[np.random.default_rng(0).permutation(len(other))]
    found = blocking(train, eval=other.assign(pickup_latitude=wrong))
    assert found and not any("exchanged" in each.reason for each in found)


def test_names_what_follows_from_the_cause() -> None:
    train, other = assigned([6000, 1500])
    (found,) = blocking(train, eval=renamed(other))
    assert "`joint_distribution`" in found.reason
    assert "`categorical_distribution`" in found.reason


def test_two_faults_are_two_findings() -> None:
    train, other = assigned([6000, 1500])
    assert columns_of(blocking(train, eval=in_kilometres(renamed(other)))) == ["company", "trip_miles"]


def test_one_day_of_the_month_is_one_finding(flights) -> None:
    """On that day the weather is another one, and the times tell the day as well."""
    one_day = flights["rest"].query("day == 17").sample(1_500, random_state=1).drop(columns="late")
    assert columns_of(blocking(flights["train"], LATE, serving=one_day)) == ["day"]


def test_a_fault_beside_one_day_of_the_month_keeps_its_finding(flights) -> None:
    one_day = flights["rest"].query("day == 17").sample(1_500, random_state=1).drop(columns="late")
    colder = one_day.assign(temp=(one_day["temp"] - 32) / 1.8)
    assert columns_of(blocking(flights["train"], LATE, serving=colder)) == ["day", "temp"]


def test_columns_in_the_wrong_rows_keep_their_findings() -> None:
    train, other = assigned([6000, 2000])
    wrong = other["fare"].to_numpy()[np.random.default_rng(0).permutation(len(other))]
    found = blocking(train, eval=renamed(other.assign(fare=wrong)))
    assert ("new_categories", "company") in {(each.check, each.column) for each in found}
    assert ("association", "fare") in {(each.check, each.column) for each in found}


def _drifting(columns: int, share: float, rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"q{i}": rng.choice(list("ab"), rows, p=[1 - share, share]) for i in range(columns)})


@pytest.mark.parametrize(("columns", "draws"), [(6, 3), (12, 0)])
def test_rows_of_train_are_drawn_for_three_causes_at_most(columns: int, draws: int, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(causes, "_drawn", lambda *given: drawn.append(given) or _DRAWN(*given))
    train, other = _drifting(columns, 0.3, 1_200, 0), _drifting(columns, 0.7, 600, 1)
    assert len(columns_of(blocking(train, Declared(), serving=other))) == columns
    assert len(drawn) == draws


@pytest.mark.parametrize("seed", range(3))
def test_an_independent_fault_keeps_its_finding_where_few_rows_of_train_are_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = [np.where(rng.random(rows) < share, "x", "w") for rows, share in ((5_000, 0.05), (1_000, 0.95))]
    train, other = (pd.DataFrame({"kind": kind, "b": rng.normal(size=len(kind))}) for kind in kinds)
    found = blocking(train, Declared(), serving=other.assign(b=other["b"] + 0.34))
    assert columns_of(found) == ["b", "kind"]
