"""The taxi features, on real rows, through the Transform executor that the pipeline runs."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from preprocessing.columns import as_numbers
from preprocessing.taxi import preprocessing_fn
from tests.samples.taxi_transformed import prepared, transformed_rows


@pytest.mark.parametrize(
    "name", ["fare", "fare_a_mile", "pickup_longitude", "dropoff_latitude", "trip_start_timestamp"]
)
def test_scaled_numbers_have_mean_0_and_variance_1_over_the_rows_of_train_that_have_them(name: str) -> None:
    rows = transformed_rows(prepared(), "train")
    scaled = rows[rows[f"{name}_bucket"] != 0][f"{name}_scaled"]
    assert scaled.mean() == pytest.approx(0, abs=1e-4)
    assert scaled.std(ddof=0) == pytest.approx(1, abs=1e-4)


def test_scales_are_learnt_from_train_alone() -> None:
    logs = np.log1p(prepared().rows.fare.to_numpy())
    expected = (logs[1200:] - logs[:1200].mean()) / logs[:1200].std()
    np.testing.assert_allclose(np.sort(transformed_rows(prepared(), "eval").fare_scaled), np.sort(expected), atol=1e-4)


def test_every_category_lies_within_the_size_that_the_schema_gives_the_model() -> None:
    categories = {
        feature.name: feature.int_domain.max
        for feature in prepared().transformed.transformed_metadata.schema.feature
        if feature.int_domain.is_categorical
    }
    assert {"trip_start_hour_id", "company_id", "pickup_latitude_bucket"} <= set(categories)
    for split in ("train", "eval"):
        rows = transformed_rows(prepared(), split)
        for name, largest in categories.items():
            assert 0 <= rows[name].min() <= rows[name].max() <= largest, name


def test_missing_values_get_the_category_and_the_number_set_aside_for_them() -> None:
    rows, raw = transformed_rows(prepared(), "train"), prepared().rows[:1200]
    missing = raw.dropoff_latitude.isna().sum()
    assert missing > 0
    assert (rows.dropoff_latitude_bucket == 0).sum() == missing
    assert (rows.dropoff_latitude_scaled == 0).sum() >= missing
    assert (rows.dropoff_community_area_id == 0).sum() == raw.dropoff_community_area.isna().sum()
    assert not rows.isna().any().any()


def test_buckets_hold_about_equally_many_rows() -> None:
    filled = transformed_rows(prepared(), "train").trip_start_timestamp_bucket.value_counts()
    assert len(filled) == 20
    assert filled.min() > 30
    assert filled.max() < 90


def test_features_whose_columns_are_withheld_are_left_out_and_the_others_stay() -> None:
    """As when `prediction.made_at` is `request`: what the ride tells is not known yet."""
    names: set[str] = set()

    def traced(inputs: dict[str, Any]) -> dict[str, tf.Tensor]:
        features = preprocessing_fn(inputs)
        names.update(features)
        return features

    specs = prepared().transformed.raw_feature_spec()
    known = {name: specs[name] for name in specs if name.startswith(("trip_start", "pickup"))}
    tft.get_analyze_input_columns(traced, {n: tf.SparseTensorSpec([None, None], s.dtype) for n, s in known.items()})
    assert {"trip_start_hour_id", "pickup_latitude_bucket", "trip_start_timestamp_scaled"} <= names
    assert all(name.startswith(("trip_start", "pickup")) for name in names)


def test_same_rows_give_the_same_features_twice() -> None:
    again = prepared.__wrapped__()
    for split in ("train", "eval"):
        pd.testing.assert_frame_equal(transformed_rows(prepared(), split), transformed_rows(again, split))


@pytest.mark.parametrize("dense", [True, False])
def test_dense_and_sparse_columns_give_the_same_numbers(dense: bool) -> None:
    column = tf.constant([3, 5], tf.int64)
    given = column if dense else tf.SparseTensor([[0, 0], [1, 0]], column, [2, 1])
    assert as_numbers(given, origin=1).numpy().tolist() == [2.0, 4.0]
