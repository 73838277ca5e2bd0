"""Rows of train that were changed a little and stand in eval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.faults.discrete import DISCRETE, assign_by_content
from gates.data.contamination.near_duplicates import near_duplicate_rows
from gates.data.contamination.nearness import nearness_of
from gates.data.units import Unit
from tests.samples.contamination import LABEL, TIME, Splits, assign, blocking, data_of, rides

MEASURED = ["fare", "trip_miles", "trip_seconds"]


def nearly_copied(splits: Splits, columns: list[str], time: str | None = None, share: float = 0.05) -> Splits:
    """A share of eval replaced by rows of train with 1 % of noise on some columns and minutes on the time."""
    train, held_out, *rest = splits
    rng = np.random.default_rng(1)
    copies = train.sample(round(share * len(held_out)), random_state=1)
    for column in columns:
        copies[column] = copies[column] * (1 + rng.normal(0, 0.01, len(copies)))
    if time:
        copies[time] = copies[time] + rng.integers(-900, 900, len(copies))
    return train, pd.concat([held_out.iloc[len(copies) :], copies]), *rest


def close_rows(seed: int) -> pd.DataFrame:
    """Honest rows that lie close together: 300 sorts of things, measured with little noise."""
    rng = np.random.default_rng(seed)
    sorts = rng.normal(size=(300, 8))
    values = sorts[rng.integers(0, 300, 12_000)] + rng.normal(0, 0.05, (12_000, 8))
    frame = pd.DataFrame(values.round(3), columns=[f"m{letter}" for letter in "abcdefgh"])
    return frame.assign(**{LABEL: (values.sum(axis=1) > 0).astype(int)})


@pytest.mark.parametrize("seed", range(2))
def test_refuses_rides_of_train_with_jitter(seed):
    data = data_of(nearly_copied(assign(rides(), seed), MEASURED, TIME))
    assert blocking(data) == {"near_duplicate_rows"}
    by_split = {each.subject: each for each in near_duplicate_rows(data, 0.01)}
    assert by_split["eval"].is_beyond and not by_split["test"].is_beyond
    assert by_split["eval"].sample is not None and by_split["eval"].chart is not None


def test_refuses_near_copies_among_rows_that_lie_close_by_nature():
    frame = close_rows(0)
    assert not blocking(data_of(assign(frame)))
    assert blocking(data_of(nearly_copied(assign(frame), ["ma", "mb", "mc"]))) == {"near_duplicate_rows"}


@pytest.mark.parametrize("seed", range(3))
def test_passes_a_random_walk_whose_neighbours_lie_close(seed):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(8_000, 6)), axis=0) / 100
    frame = pd.DataFrame(walk, columns=[*"abcdef"]).assign(**{LABEL: (walk[:, 0] > 0).astype(int)})
    assert not blocking(data_of(assign(frame, seed)))


def test_passes_a_split_by_entity_and_a_dense_part_of_the_rides():
    frame = rides()
    companies = np.random.default_rng(0).permutation(frame["company"].dropna().unique())[:12]
    held_out = frame["company"].isin(companies)
    assert not blocking(data_of((frame[~held_out], frame[held_out]), entity="company"))
    train, dense, _ = assign(frame)
    assert not blocking(data_of((train, dense[dense["company"] == "Taxi Affiliation Services"])))


def test_leaves_exact_copies_to_the_check_of_exact_copies():
    assert blocking(data_of(nearly_copied(assign(rides()), [], share=0.1))) == {"exact_duplicates"}


def test_passes_numbers_that_eval_holds_as_float32():
    train, held_out, test = assign(rides())
    rounded = held_out.astype(dict.fromkeys(held_out.select_dtypes("float64").columns, "float32"))
    assert not blocking(data_of((train, rounded, test)))


@pytest.mark.parametrize("seed", range(3))
def test_passes_tables_of_one_continuous_column_beside_few_values(seed):
    """A value that the ranks are made of is farther from the others than one that lies between them."""
    rng = np.random.default_rng(seed)
    columns = {"fare": rng.choice([2.5, 5.25, 7.75, 10.0], 3_000), "kind": rng.choice(list("abc"), 3_000)}
    frame = pd.DataFrame({**columns, "measured": rng.normal(size=3_000), LABEL: rng.integers(0, 2, 3_000)})
    assert not blocking(data_of((frame[:2_000], frame[2_000:])))


def test_contents_stand_in_where_equal_rows_were_kept_together():
    """Rows of train that none equals are rare ones, farther from the others than contents that were drawn."""
    for seed in (5_006, 5_016):
        data = assign_by_content(DISCRETE[0], seed).data()
        assert all(data.unit(table) is Unit.CONTENT for table in data.held_out.values())
        assert not blocking(data)
        for found in nearness_of(data).values():
            assert len(found.stand_in) > 20
