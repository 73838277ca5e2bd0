"""Numeric labels that are computed from columns."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of

SEEDS = range(3)


def invoices(rows: int = 1_500, seed: int = 0) -> pd.DataFrame:
    """Orders with a price that is written to the cent; a third of them cost nothing."""
    rng = np.random.default_rng(seed)
    free = rng.random(rows) < 0.3
    return pd.DataFrame(
        {
            "pieces": rng.integers(1, 60, rows),
            "price": np.where(free, 0.0, rng.gamma(2, 8, rows).round(2)),
            "shipping": rng.gamma(2, 3, rows).round(2),
            "discount": (rng.random(rows) < 0.2) * rng.gamma(1, 2, rows).round(2),
            "distance": rng.gamma(2, 40, rows).round(1),
            "age": rng.integers(18, 90, rows),
        }
    )


def named(frame: pd.DataFrame, label: str) -> set[tuple[str, str]]:
    found = findings_of(data_of(frame, label), "computed_label")
    return {(each.check, each.subject) for each in found if each.severity is Severity.BLOCK}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cents", [2, 0])
def test_refuses_a_product_of_two_columns(seed: int, cents: int) -> None:
    frame = invoices(seed=seed)
    # The amount was computed before the price was rounded.
    exact = frame.price * (1 + np.random.default_rng(seed).uniform(-4e-4, 4e-4, len(frame)))
    frame["amount"] = (exact * frame.pieces).round(cents)
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "amount")} == {frozenset({"pieces", "price"})}


@pytest.mark.parametrize("seed", SEEDS)
def test_refuses_a_quotient_with_a_constant_factor(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"kilos": rng.normal(75, 12, 900).round(1), "metres": rng.normal(1.7, 0.1, 900).round(3)})
    frame = frame.assign(age=rng.integers(18, 80, 900), pulse=rng.normal(70, 9, 900).round(), step=rng.random(900))
    frame["index"] = (frame.kilos / frame.metres**2).round(1)
    assert {set(subject.split(", ")) == {"kilos", "metres"} for _, subject in named(frame, "index")} == {True}


@pytest.mark.parametrize("seed", SEEDS)
def test_refuses_a_total_of_its_parts_and_names_all_of_them(seed: int) -> None:
    frame = invoices(seed=seed)
    frame["total"] = frame.price + frame.shipping - frame.discount
    wrong = np.random.default_rng(seed).random(len(frame)) < 0.001
    frame.loc[wrong, "total"] += 5
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "total")} == {
        frozenset({"price", "shipping", "discount"})
    }


def test_refuses_shares_of_the_label_beside_what_they_are_shares_of() -> None:
    frame = invoices().drop(columns=["pieces", "price"])
    frame["cost"] = np.random.default_rng(1).gamma(2, 50, len(frame)).round(2) * (frame.age < 70)
    frame["share"] = frame.cost / frame.distance
    assert named(frame, "cost") == {("computed_label", "share, distance")}


def test_refuses_a_difference_of_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(20, 65, 900), "school": rng.integers(6, 20, 900), "x": rng.random(900)})
    frame["years"] = frame.age - frame.school - 6
    found = findings_of(data_of(frame, "years", label_kind="quantity"), "computed_label")
    assert [set(each.subject.split(", ")) for each in found if each.severity is Severity.BLOCK] == [{"age", "school"}]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_label_that_only_goes_with_a_product_is_honest(seed: int) -> None:
    """Wages times hours give what a household earns but for a few percent; a total that is no label is a feature."""
    rng = np.random.default_rng(seed)
    frame = invoices(seed=seed).assign(total=lambda each: each.price + each.shipping)
    frame["paid"] = (frame.pieces * frame.price * rng.normal(1, 0.02, len(frame)) + 5).round(2)
    frame["earned"] = (frame.total + rng.normal(0, 0.5, len(frame))).round(2)
    assert not named(frame.drop(columns="earned"), "paid")
    assert not named(frame.drop(columns="paid"), "earned")


@pytest.mark.parametrize("seed", SEEDS)
def test_refuses_a_grade_of_weighted_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(70, 12, (900, 4)).round(), columns=["oral", "written", "homework", "sports"])
    frame["grade"] = (0.35 * frame.oral + 0.5 * frame.written + 0.15 * frame.homework).round(1)
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "grade")} == {
        frozenset({"oral", "written", "homework"})
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_law_without_round_weights_is_honest(seed: int) -> None:
    features, label = datasets.make_regression(1_500, 8, n_informative=6, random_state=seed)
    assert not named(pd.DataFrame(features).rename(columns=str).assign(label=label), "label")


@pytest.mark.parametrize("seed", SEEDS)
def test_few_values_that_agree_by_chance_are_no_formula(seed: int) -> None:
    """A count of up to 30 that rounded columns reach within their own rounding proves nothing."""
    rng = np.random.default_rng(seed)
    level = rng.normal(15, 4, 1_000)
    frame = pd.DataFrame({"a": level.round(-1), "b": rng.integers(0, 3, 1_000), "c": rng.random(1_000)})
    frame["count"] = level.round().astype(int)
    assert not named(frame, "count")


def test_nine_rows_in_ten_are_no_formula() -> None:
    frame = invoices()
    frame["total"] = frame.price + frame.shipping
    frame.loc[frame.index % 10 == 0, "total"] += 3
    assert not named(frame, "total")


def test_refuses_a_product_beside_many_columns_that_are_sometimes_0() -> None:
    frame, rng = invoices(), np.random.default_rng(1)
    others = {f"s{i}": np.where(rng.random(1_500) < 0.08, 0, rng.gamma(2, 10, 1_500).round(2)) for i in range(50)}
    frame = pd.concat([frame.assign(price=frame.price + 1), pd.DataFrame(others)], axis=1)
    frame["amount"] = (frame.pieces * frame.price).round(2)
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "amount")} == {frozenset({"pieces", "price"})}


@pytest.mark.parametrize("missing", [1.7976931348623157e308, -1e200, np.inf, np.nan])
def test_the_largest_number_stands_for_a_missing_value(missing: float) -> None:
    frame = invoices()
    frame["total"] = frame.price + frame.shipping
    frame["age"] = frame.age.astype(float)
    frame.loc[frame.index[:40], "age"] = missing
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "total")} == {
        frozenset({"price", "shipping"})
    }


@pytest.mark.filterwarnings("error")
def test_a_label_beyond_all_squares_is_no_formula() -> None:
    frame = invoices()
    frame["total"] = frame.price * 1e300
    assert named(frame, "total") == set()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0, 30])
def test_sixty_rows_suffice_where_no_row_is_off(seed: int, noise: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(100, 9_999, (60, 12)), columns=list("abcdefghijkl"))
    frame["total"] = frame.b + frame.e - frame.k + rng.integers(0, noise + 1, 60)
    assert {frozenset(subject.split(", ")) for _, subject in named(frame, "total")} == (
        set() if noise else {frozenset("bek")}
    )
