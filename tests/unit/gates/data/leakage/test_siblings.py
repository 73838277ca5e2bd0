"""Leaks that are in the data twice, in columns that are no functions of each other."""

import numpy as np
import pandas as pd
import pytest

from gates.data.leakage.predictive_power import features_alone
from gates.data.leakage.siblings import _cut, siblings
from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of, refused


def cards(seed: int, rows: int = 1_300) -> pd.DataFrame:
    """Applications for a credit card: spending and its share of the income are known of holders alone, some of whom
    spend nothing."""
    random = np.random.default_rng(seed)
    income, age, reports = random.lognormal(1.1, 0.5, rows), random.normal(33, 10, rows), random.poisson(0.5, rows)
    card = random.random(rows) < 1 / (1 + np.exp(-(1.6 - 1.3 * reports + 0.2 * income)))
    spends = card & (random.random(rows) > 0.02)
    expenditure = np.where(spends, random.lognormal(5, 1, rows), 0.0).round(2)
    share = ((expenditure + 0.1) * 12 / (income * 10_000)).round(6)
    return pd.DataFrame(
        {"income": income, "age": age, "reports": reports, "expenditure": expenditure, "share": share, "card": card}
    )


@pytest.mark.parametrize("seed", range(3))
def test_an_amount_and_its_share_of_the_income_do_not_clear_each_other(seed: int) -> None:
    found = refused(data_of(cards(seed), "card"))
    assert found == {("single_feature", "expenditure"), ("single_feature", "share")}


def test_hours_and_wages_that_only_workers_have_do_not_clear_each_other() -> None:
    frame, random = cards(0), np.random.default_rng(1)
    works = frame.card & (random.random(len(frame)) > 0.03)
    frame = frame.drop(columns=["expenditure", "share"]).assign(
        hours=np.where(works, random.normal(1_300, 600, len(frame)).clip(12), 0.0),
        wages=np.where(works, random.lognormal(1.2, 0.5, len(frame)), 0.0),
    )
    assert refused(data_of(frame, "card")) == {("single_feature", "hours"), ("single_feature", "wages")}


@pytest.mark.parametrize("errors", [0, 2])
def test_two_amounts_that_one_of_three_classes_alone_has_do_not_clear_each_other(errors: int) -> None:
    frame, random = cards(0, rows=2_000), np.random.default_rng(3)
    has = frame.card.to_numpy() & (random.random(len(frame)) < 0.4)
    frame = frame.drop(columns=["expenditure", "share", "card"])
    frame["kind"] = np.where(has, "card", random.choice(["loan", "none"], len(frame)))
    has[np.flatnonzero(has)[:errors]] = False
    frame["hours"] = np.where(has, random.normal(1_300, 600, len(frame)).clip(12), 0.0)
    frame["wages"] = np.where(has, random.lognormal(1.2, 0.5, len(frame)), 0.0)
    assert refused(data_of(frame, "kind")) == {("single_feature", "hours"), ("single_feature", "wages")}


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_cause_that_is_measured_twice_is_not_refused(seed: int) -> None:
    # Carat and length of a diamond: both order dear and cheap ones with AUC 0.98, all else with little.
    random = np.random.default_rng(seed)
    size, colour = random.normal(size=3_000), random.normal(size=3_000)
    frame = pd.DataFrame(
        {
            "carat": np.exp(size),
            "length": np.exp((size + random.normal(0, 0.03, 3_000)) / 3),
            "colour": colour,
            "dear": size + 0.2 * colour + random.normal(0, 0.1, 3_000) > 0,
        }
    )
    found = [each for each in findings_of(data_of(frame, "dear")) if each.severity is not Severity.INFO]
    assert {(each.severity, each.subject) for each in found} == {(Severity.WARN, "carat"), (Severity.WARN, "length")}
    assert all("alone has AUC 0.9" in each.reason for each in found)


def test_each_of_many_columns_that_separate_the_class_is_cut_once() -> None:
    random = np.random.default_rng(0)
    sick = random.random(200) < 0.5
    frame = pd.DataFrame({f"g{i}": random.normal(size=200) + 6 * sick for i in range(300)})
    data = data_of(frame.assign(sick=sick), "sick")
    _cut.cache_clear()
    for name in ("g0", "g1"):
        siblings(data, name, features_alone(data))
    assert _cut.cache_info().misses == 300
