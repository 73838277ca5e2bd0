"""Faults between columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from gates.data.declared import Declared
from tests.samples.skew import assigned, blocking, data_of, findings, refusing


def test_refuses_fares_joined_to_the_wrong_rows() -> None:
    train, serving = assigned([6000, 2000])
    serving["fare"] = serving["fare"].to_numpy()[np.random.default_rng(0).permutation(len(serving))]
    found = blocking(data_of(train, serving=serving))
    assert {("joint_distribution", "all columns in serving"), ("association", "fare in serving")} <= found
    assert {check for check, _ in found} <= {"joint_distribution", "association", "slice_distribution"}


@pytest.mark.parametrize("seed", range(3))
def test_refuses_a_column_that_is_stale_in_a_third_of_the_rows(seed: int) -> None:
    train, serving = assigned([10_000, 2500], seed)
    stale = np.random.default_rng(seed).random(len(serving)) < 0.3
    serving["company"] = serving["company"].where(~stale, np.roll(serving["company"], 1))
    found = blocking(data_of(train, serving=serving))
    assert ("association", "company in serving") in found
    assert {check for check, _ in found} <= {"joint_distribution", "association"}


def test_names_columns_that_were_swapped() -> None:
    train, serving = assigned([6000, 2000])
    for name in ("latitude", "longitude", "community_area"):
        swapped = serving[f"dropoff_{name}"].to_numpy(), serving[f"pickup_{name}"].to_numpy()
        serving[f"pickup_{name}"], serving[f"dropoff_{name}"] = swapped
    found = findings(data_of(train, serving=serving))
    joint = next(each for each in found if each.check == "joint_distribution")
    assert "`dropoff_" in joint.reason
    assert ("joint_distribution", "all columns in serving") in blocking(data_of(train, serving=serving))


def test_leaves_copied_rows_and_wrong_labels_to_other_checks() -> None:
    train, other = assigned([6000, 1500])
    copied = pd.concat([other, train.sample(400, random_state=0)], ignore_index=True)
    flipped = other.assign(big_tipper=np.where(np.arange(len(other)) % 4 == 0, 1, other["big_tipper"]))
    assert refusing(data_of(train, eval=copied, test=flipped)) == set()


def test_leaves_another_rate_of_labels_to_other_checks() -> None:
    train, other = assigned([9000, 5000])
    tippers, others = other[other["big_tipper"] == 1], other[other["big_tipper"] == 0]
    richer = pd.concat([tippers[:700], others[:800]], ignore_index=True)
    assert "joint_distribution" not in refusing(data_of(train, eval=richer))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("seed", range(3))
def test_lets_small_tables_pass(load: object, seed: int) -> None:
    frame = load(as_frame=True).frame  # type: ignore[operator]
    rows = len(frame)
    train, held_out, test = assigned([rows * 3 // 5, rows // 5, rows // 5], seed, frame)
    assert refusing(data_of(train, Declared(label="target"), eval=held_out, test=test)) == set()
