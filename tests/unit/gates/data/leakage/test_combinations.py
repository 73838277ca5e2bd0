"""Columns that reveal the label only together."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from tests.samples.leakage import data_of, refused, taxi

LABEL = "big_tipper"


def test_refuses_a_total_that_leaks_together_with_its_part() -> None:
    trips = taxi(8_000, keep=("tips",))
    extras = np.random.default_rng(0).choice([0.0, 0.0, 0.0, 1.0, 1.5, 2.0], len(trips))
    trips["trip_total"] = trips.fare + trips.pop("tips") + extras
    assert refused(data_of(trips, LABEL)) == {("pairs", "fare, trip_total")}


@pytest.mark.parametrize("unit", [1.0, 1_000.0])
def test_refuses_two_clocks_of_which_the_difference_tells(unit: float) -> None:
    trips, random = taxi(), np.random.default_rng(0)
    opened = random.integers(1_300_000_000, 1_400_000_000, len(trips))
    trips["opened"] = opened * unit
    trips["closed"] = opened + random.integers(100, 400, len(trips)) + 300 * trips[LABEL]
    assert refused(data_of(trips, LABEL)) == {("pairs", "opened, closed")}


@pytest.mark.parametrize("sign", [1, -1])
def test_refuses_a_secret_that_two_columns_share(sign: int) -> None:
    trips, random = taxi(), np.random.default_rng(0)
    secret = random.normal(0, 100, len(trips))
    trips["masked_a"] = secret
    trips["masked_b"] = sign * secret + random.normal(size=len(trips)) + 4 * trips[LABEL]
    assert refused(data_of(trips, LABEL)) == {("pairs", "masked_a, masked_b")}


def test_refuses_a_key_and_its_lock() -> None:
    trips = taxi()
    trips["key"] = np.random.default_rng(0).integers(0, 2, len(trips))
    trips["lock"] = trips.key ^ trips[LABEL]
    assert refused(data_of(trips, LABEL)) == {("combination", "key, lock")}


def test_refuses_three_columns_of_which_no_two_tell_anything() -> None:
    trips, random = taxi(), np.random.default_rng(0)
    trips["a"], trips["b"] = random.integers(0, 2, len(trips)), random.integers(0, 2, len(trips))
    trips["c"] = np.where(trips.a ^ trips.b ^ trips[LABEL], "x", "y")
    assert refused(data_of(trips, LABEL)) == {("combination", "a, b, c")}


@pytest.mark.parametrize("seed", range(3))
def test_is_silent_on_honest_interactions(seed: int) -> None:
    features, labels = datasets.make_classification(1_500, 12, random_state=seed)
    frame = pd.DataFrame(features).rename(columns=str).assign(label=labels)
    assert refused(data_of(frame, "label")) == set()


def test_is_silent_where_many_columns_are_alike() -> None:
    frame = datasets.load_breast_cancer(as_frame=True).frame
    assert refused(data_of(frame.sample(frac=0.7, random_state=5), "target")) == set()


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_law_of_several_columns_is_no_leak(seed: int) -> None:
    """A price of area and rooms: each of them tells much of it alone."""
    rng = np.random.default_rng(seed)
    area, rooms = rng.uniform(50, 200, 1500), rng.integers(1, 7, 1500)
    price = 120 * area + 5000 * rooms + rng.normal(0, 3000, 1500)
    table = pd.DataFrame({"area": area, "rooms": rooms, "built": rng.integers(1900, 2020, 1500), "label": price})
    assert not refused(data_of(table, "label"))


@pytest.mark.parametrize("seed", range(3))
def test_refuses_a_winner_beside_both_scores(seed: int) -> None:
    """Each score alone says little, and they do not resemble each other."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"home": rng.integers(60, 130, 1_500), "away": rng.integers(60, 130, 1_500)})
    frame = frame.assign(crowd=rng.normal(9_000, 2_000, 1_500).round(), rest=rng.integers(1, 8, 1_500))
    frame["won"] = frame.home > frame.away
    assert refused(data_of(frame, "won")) == {("pairs", "home, away")}


@pytest.mark.parametrize("seed", range(3))
def test_refuses_a_cut_of_a_ratio_with_a_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"debt": rng.gamma(2, 9_000, 1_500).round(), "income": rng.gamma(4, 12_000, 1_500).round()})
    frame = frame.assign(age=rng.integers(18, 80, 1_500), children=rng.integers(0, 5, 1_500))
    frame["strained"] = frame.debt / frame.income > 0.43
    assert refused(data_of(frame, "strained")) == {("pairs", "debt, income")}


@pytest.mark.parametrize("seed", range(3))
def test_two_scores_that_only_favour_the_winner_are_honest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"home": rng.normal(0, 1, 1_500), "away": rng.normal(0, 1, 1_500), "rest": rng.random(1_500)})
    frame["won"] = frame.home - frame.away + rng.normal(0, 0.15, 1_500) > 0
    assert not refused(data_of(frame, "won"))
