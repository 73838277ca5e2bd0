"""One column at a time: missing values, unknown values, distributions, slices."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.samples.skew import ABSENT_FROM_SERVING, assigned, blocking, data_of, findings, refusing

Poison = Callable[[pd.DataFrame, np.random.Generator], object]


def _in(name: str, values: Callable[[pd.DataFrame], object]) -> Poison:
    return lambda rows, _: rows.__setitem__(name, values(rows))


def _some(name: str, share: float, value: float) -> Poison:
    return lambda rows, rng: rows.__setitem__(name, rows[name].where(rng.random(len(rows)) >= share, value))


def _area(rows: pd.DataFrame, _: np.random.Generator) -> None:
    rows["trip_miles"] = rows["trip_miles"].where(rows["pickup_community_area"] != 32, 3 * rows["trip_miles"] + 1)


FAULTS: dict[str, tuple[Poison, str, str]] = {
    "miles to km": (_in("trip_miles", lambda r: r["trip_miles"] * 1.609), "numeric_distribution", "trip_miles"),
    "minutes": (_in("trip_seconds", lambda r: r["trip_seconds"] / 60), "numeric_distribution", "trip_seconds"),
    "lower-cased": (_in("company", lambda r: r["company"].str.lower()), "new_categories", "company"),
    "sentinel": (_some("trip_seconds", 0.1, -1), "single_values", "trip_seconds"),
    "time zone": (
        _in("trip_start_hour", lambda r: (r["trip_start_hour"] + 6) % 24),
        "numeric_distribution",
        "trip_start_hour",
    ),
    "rounded": (_in("fare", lambda r: r["fare"].round()), "granularity", "fare"),
    "missing": (_some("trip_seconds", 0.15, np.nan), "nulls", "trip_seconds"),
    "constant": (_in("trip_start_month", lambda _: 12), "single_values", "trip_start_month"),
    "overflow": (_some("fare", 0.03, 1e9), "value_range", "fare"),
    "one area": (_area, "slice_distribution", "trip_miles"),
    "other proportions": (
        _in("company", lambda r: r["company"].where(np.arange(len(r)) % 4 > 0, "Dispatch Taxi Affiliation")),
        "categorical_distribution",
        "company",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("side", ["serving", "eval"])
def test_refuses_a_column_that_is_wrong(name: str, side: str) -> None:
    poison, check, column = FAULTS[name]
    train, other = assigned([9000, 2000])
    poison(other, np.random.default_rng(1))
    found = blocking(data_of(train, **{side: other.drop(columns=ABSENT_FROM_SERVING) if side == "serving" else other}))
    assert any(each == check and subject.startswith(f"{column} in {side}") for each, subject in found)
    joint = {"joint_distribution", "association", "slice_distribution"}
    assert {subject.split()[0] for each, subject in found if each not in joint} == {column}


def test_says_that_categories_differ_in_case_only() -> None:
    train, serving = assigned([3000, 1000])
    serving["company"] = serving["company"].str.lower()
    found = findings(data_of(train, serving=serving))
    assert "upper and lower case" in next(each.reason for each in found if each.check == "new_categories")


@pytest.mark.parametrize("side", ["serving", "previous"])
def test_the_chart_of_new_categories_gives_each_table_its_own_shares(side: str) -> None:
    train, other = assigned([3000, 1000])
    train["company"] = train["company"].where(train.index % 2 == 0, "of train alone")
    other["company"] = other["company"].where(other.index % 4 != 0, f"of {side} alone")
    found = findings(data_of(train, **{side: other}))
    chart = next(each.chart for each in found if each.check == "new_categories" and each.subject.startswith("company"))
    assert chart is not None
    shares = {name: dict(zip(chart.labels, values, strict=True)) for name, values in chart.series.items()}
    assert shares["train"]["of train alone"] > 0.4 and shares[side]["of train alone"] == 0
    assert shares[side][f"of {side} alone"] > 0.2 and shares["train"][f"of {side} alone"] == 0


def test_refuses_a_shift_of_a_third_of_a_deviation_in_200_rows() -> None:
    train, serving = assigned([10_000, 200])
    serving["fare"] += 0.35 * serving["fare"].std()
    assert ("numeric_distribution", "fare in serving") in blocking(data_of(train, serving=serving))


def test_refuses_raw_rows_where_train_was_standardised() -> None:
    train, other = assigned([5000, 1000])
    columns = ["fare", "trip_miles", "trip_start_timestamp"]
    train[columns] = (train[columns] - train[columns].mean()) / train[columns].std()
    found = blocking(data_of(train, eval=other))
    assert {("numeric_distribution", f"{name} in eval") for name in columns} <= found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(10_000, 2500), (10_000, 200), (600, 200)])
def test_lets_random_splits_pass(seed: int, sizes: tuple[int, int]) -> None:
    train, other = assigned(sizes, seed)
    assert blocking(data_of(train, eval=other)) == set()


def test_lets_other_forms_of_the_same_numbers_pass() -> None:
    train, other = assigned([5000, 2000])
    narrow = other.astype(dict.fromkeys(other.select_dtypes("float64"), "float32"))
    text = pd.read_json(io.StringIO(other.to_json(orient="records", lines=True)), lines=True, convert_dates=False)
    assert blocking(data_of(other, eval=narrow)) == set()
    assert blocking(data_of(train, eval=text, test=narrow)) == set()


def test_lets_identifiers_pass() -> None:
    train, other = assigned([3000, 1000])
    train["ride"], other["ride"] = (
        pd.Series([f"{side}{i}" for i in range(len(rows))]) for side, rows in (("a", train), ("b", other))
    )
    train["number"], other["number"] = np.arange(3000), np.arange(3000, 4000)
    assert blocking(data_of(train, serving=other)) == set()


def test_says_the_same_of_rows_in_any_order() -> None:
    train, other = assigned([2000, 800])
    plain = findings(data_of(train, eval=other))
    mixed = findings(data_of(train.sample(frac=1, random_state=1), eval=other.sample(frac=1, random_state=2)))
    assert [each.to_json() for each in plain] == [each.to_json() for each in mixed]


def test_answers_on_odd_columns() -> None:
    odd = pd.DataFrame(
        {
            "none": [None] * 40,
            "one": [1.0] * 40,
            "huge": [2**62 + i for i in range(40)],
            "é": ["x", None] * 20,
            "infinite": [np.inf, -np.inf, 0.0, np.nan] * 10,
            "flag": [True, False] * 20,
            "lists": [[1, 2], [3]] * 20,
        }
    )
    assert refusing(data_of(odd, eval=odd.iloc[:1], test=odd.iloc[20:], serving=odd.iloc[:0])) == set()
