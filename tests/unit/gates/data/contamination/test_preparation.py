"""Preparation fitted on held-out rows, and components that read splits which they must not read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from tests.samples.contamination import assign, blocking, data_of, rides

SCALED = ["fare", "trip_miles", "trip_seconds", "pickup_latitude", "dropoff_latitude"]
Scaler = Callable[[pd.Series, pd.Series], pd.Series]


def standard(values: pd.Series, fitted: pd.Series) -> pd.Series:
    return (values - fitted.mean()) / fitted.std(ddof=0)


def sample_standard(values: pd.Series, fitted: pd.Series) -> pd.Series:
    return (values - fitted.mean()) / fitted.std(ddof=1)


def least_to_greatest(values: pd.Series, fitted: pd.Series) -> pd.Series:
    return (values - fitted.min()) / (fitted.max() - fitted.min())


def robust(values: pd.Series, fitted: pd.Series) -> pd.Series:
    return (values - fitted.median()) / (fitted.quantile(0.75) - fitted.quantile(0.25))


def scaled(frame: pd.DataFrame, by: Scaler, fitted: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: by(frame[name], fitted[name]) for name in SCALED})


@pytest.mark.parametrize("by", [standard, sample_standard, robust])
@pytest.mark.parametrize("seed", range(2))
def test_refuses_columns_that_were_scaled_before_the_split(by, seed):
    frame = rides()
    assert blocking(data_of(assign(scaled(frame, by, frame), seed))) == {"standardised_before_split"}


def test_refuses_a_range_that_train_does_not_fill():
    frame = rides()
    whole = scaled(frame, least_to_greatest, frame)
    train, held_out, test = assign(whole)
    assert train["pickup_latitude"].min() > 0 or train["pickup_latitude"].max() < 1
    assert blocking(data_of((train, held_out, test))) == {"standardised_before_split"}


@pytest.mark.parametrize("by", [standard, sample_standard, least_to_greatest, robust])
@pytest.mark.parametrize("seed", range(2))
def test_passes_columns_that_were_scaled_on_train_alone(by, seed):
    parts = assign(rides(), seed)
    assert not blocking(data_of(tuple(scaled(part, by, parts[0]) for part in parts)))


@pytest.mark.parametrize("stored", ["float32", "four decimals"])
def test_knows_the_scale_through_rounding(stored):
    frame = scaled(rides(), standard, rides())
    rounded = frame.round(4) if stored == "four decimals" else frame.astype(dict.fromkeys(SCALED, "float32"))
    assert blocking(data_of(assign(rounded))) == {"standardised_before_split"}


def test_refuses_a_scale_of_train_and_eval_together():
    train, held_out, test = assign(rides())
    both = pd.concat([train, held_out])
    assert "standardised_before_split" in blocking(
        data_of(tuple(scaled(part, standard, both) for part in (train, held_out, test)))
    )


def test_refuses_a_scale_that_knew_the_serving_log():
    train, serving, test = assign(scaled(rides(), standard, rides()))
    data = data_of((train, test))
    served = dataclasses.replace(data_of((train, serving)).held_out["eval"], name="serving")
    assert not blocking(data)
    assert blocking(dataclasses.replace(data, serving=served)) == {"standardised_before_split"}


@pytest.mark.parametrize("digits", [1, 2])
@pytest.mark.parametrize("rows", [200, 800, 3_000])
def test_passes_coarse_columns_whose_quartiles_are_one_apart(rows: int, digits: int) -> None:
    """A median of 0 and quartiles one apart, to the digits that the column has, are nothing that only scaling makes."""
    random = np.random.default_rng(rows)
    frame = pd.DataFrame({f"c{i}": random.normal(0, 0.741, rows).round(digits) for i in range(12)})
    assert not blocking(data_of(assign(frame)))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_passes_tables_as_they_are(name):
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    assert all(not blocking(data_of(assign(frame, seed), label="target")) for seed in range(3))


def test_passes_one_natural_share_whose_only_whole_one_is_held_out():
    train, held_out, test = assign(rides())
    parts = [
        part.assign(cover=(part["fare"].rank(pct=True) * 0.97).mask(part["fare"] < 3.3, 0.0)) for part in (train, test)
    ]
    held = held_out.assign(cover=held_out["fare"].rank(pct=True) * 0.97)
    held.iloc[0, held.columns.get_loc("cover")] = 1.0
    assert not blocking(data_of((parts[0], held, parts[1])))


def test_refuses_a_tuner_that_reads_test():
    readers = {"eval": ("Tuner", "Trainer", "Transform"), "test": ("Evaluator", "Tuner")}
    assert blocking(data_of(assign(rides()), readers_of=readers)) == {"who_read_test"}


def test_passes_readers_within_their_right():
    readers = {
        "train": ("Trainer", "Tuner"),
        "eval": ("Trainer", "Tuner", "Transform", "StatisticsGen.raw"),
        "test": ("Evaluator", "References", "DataGate", "ModelGate", "StatisticsGen", "ExampleValidator", "ExampleGen"),
    }
    assert not blocking(data_of(assign(rides()), readers_of=readers, analysed_splits=("train",)))


@pytest.mark.parametrize("analysed", [("train", "eval"), ("eval",), ()])
def test_refuses_analysers_that_do_not_read_train_alone(analysed):
    assert blocking(data_of(assign(rides()), analysed_splits=analysed)) == {"analysers_read_train_only"}
