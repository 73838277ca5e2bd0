"""Labels that are a cut or a partition of one column."""

import numpy as np
import pandas as pd
import pytest

from gates.data.leakage.partition import partition_of
from gates.verdict.finding import Severity
from tests.samples.leakage import data_of, findings_of, refused


def births(rows: int = 700, seed: int = 0) -> pd.DataFrame:
    """Weeks of pregnancy, of which `premature` is a cut; a second count of them is a little off."""
    random = np.random.default_rng(seed)
    weeks = np.clip(random.normal(38.5, 2.2, rows), 25, 43).round(1)
    grams = 3_300 + 180 * (weeks - 39) + random.normal(0, 300, rows)
    scan = (weeks + random.normal(0, 0.05, rows)).round(2)
    return pd.DataFrame(
        {"weeks": weeks, "scan": scan, "grams": grams, "age": random.normal(27, 6, rows), "premature": weeks < 37}
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_of_one_column_blocks_whatever_its_sibling_reaches(seed: int) -> None:
    assert ("single_feature", "weeks") in refused(data_of(births(seed=seed), "premature"))


def test_a_label_in_two_units_is_refused_in_both() -> None:
    frame = births().drop(columns=["weeks", "scan"]).assign(low=lambda each: each.grams < 2_700)
    frame = frame.assign(ounces=(frame.grams / 28.35).round(3)).drop(columns="premature")
    assert refused(data_of(frame, "low")) == {("single_feature", "grams"), ("single_feature", "ounces")}


def test_a_category_that_has_one_class_for_each_value_is_refused() -> None:
    random = np.random.default_rng(0)
    country = random.integers(0, 140, 1_700)
    frame = pd.DataFrame({"country": [f"c{i}" for i in country], "x": random.normal(size=1_700)})
    frame["continent"] = [f"k{i % 5}" for i in country]
    assert ("single_feature", "country") in refused(data_of(frame, "continent"))


def test_few_rows_are_no_proof_of_a_cut() -> None:
    assert partition_of(data_of(births(300), "premature"), "weeks") is None


def test_a_rare_class_that_is_missed_is_no_cut() -> None:
    random = np.random.default_rng(0)
    rare = random.random(20_000) < 0.003
    frame = pd.DataFrame({"x": np.where(rare & (random.random(20_000) < 0.5), 1.0, 0.0), "y": rare, "z": 1.0 * rare})
    data = data_of(frame, "y")
    assert partition_of(data, "x") is None and partition_of(data, "z") is not None


def test_a_column_that_nearly_orders_the_label_is_shown() -> None:
    frame = births(3_000).drop(columns="weeks")
    found = [each for each in findings_of(data_of(frame, "premature"), "single_feature") if each.subject == "scan"]
    assert [each.severity for each in found if each.severity is not Severity.INFO] != []


@pytest.mark.parametrize("also_elsewhere", [0.0, 0.01])
def test_values_that_one_class_of_several_lacks_are_refused(also_elsewhere: float) -> None:
    """Professionals, one player in fifty, were not asked."""
    random = np.random.default_rng(0)
    league = random.choice(6, 3_000, p=[0.2, 0.2, 0.2, 0.2, 0.18, 0.02])
    frame = pd.DataFrame({"speed": league + random.normal(0, 1.5, 3_000), "league": league})
    frame["hours"] = np.where((league == 5) | (random.random(3_000) < also_elsewhere), np.nan, random.random(3_000))
    assert (("missingness", "hours") in refused(data_of(frame, "league"))) is (also_elsewhere == 0)
