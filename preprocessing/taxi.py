"""Features of the taxi workload: the only place that turns raw columns into features, for training and serving."""

import tensorflow as tf
import tensorflow_transform as tft

from preprocessing.columns import Tensors, as_categories, as_numbers, as_text, categorical

# Heavy tails: without logarithms one ride of 1,710 miles would set the scale for all others.
AMOUNTS = ("fare", "trip_miles", "trip_seconds")
LOCATIONS = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
# Cost and time per mile: a linear model cannot divide. Both plus 1, for rides of 0 miles.
RATES = {"fare_a_mile": ("fare", "trip_miles"), "seconds_a_mile": ("trip_seconds", "trip_miles")}
# Integers that are categories: first and last possible value.
CATEGORIES = {
    "trip_start_hour": (0, 23),
    "trip_start_day": (1, 7),
    "trip_start_month": (1, 12),
    "pickup_community_area": (1, 77),
    "dropoff_community_area": (1, 77),
}
BUCKETS = 20
# A company with fewer rows in train than this cannot be learnt.
COMPANY_MIN_ROWS = 10
START_OF_DATA = 1_356_998_400  # 2013-01-01, in seconds since 1970
SECONDS_A_DAY = 86_400


def preprocessing_fn(inputs: Tensors) -> dict[str, tf.Tensor]:
    """Computes every feature whose raw columns are present; withheld columns are not used.

    A missing number is 0, the mean, among the scaled ones and bucket 0; a missing category is category 0.
    """
    features: dict[str, tf.Tensor] = {}
    if numbers := _numbers(inputs):
        # All numbers in one tensor: one analyzer each would add a chain of Beam stages each.
        table = tf.stack(list(numbers.values()), axis=1)
        features |= _scaled(table, list(numbers))
        features |= _buckets(table, list(numbers))
    if present := [name for name in CATEGORIES if name in inputs]:
        limits = [CATEGORIES[name] for name in present]
        ids = as_categories([inputs[name] for name in present], limits)
        features |= {f"{name}_id": column for name, column in zip(present, ids, strict=True)}
    if "company" in inputs:
        features["company_id"] = _company(inputs)
    return features


def _numbers(inputs: Tensors) -> dict[str, tf.Tensor]:
    """Every number of a ride by name, NaN where it is missing.

    Only sums and quotients: the last bit of a logarithm depends on a row's place in its batch, and so would the bucket
    of a row on a boundary.
    """
    amounts = {name: tf.nn.relu(as_numbers(inputs[name])) for name in AMOUNTS if name in inputs}
    rates = {name: (1 + amounts[a]) / (1 + amounts[b]) for name, (a, b) in RATES.items() if {a, b} <= set(amounts)}
    places = {name: as_numbers(inputs[name]) for name in LOCATIONS if name in inputs}
    if "trip_start_timestamp" in inputs:
        places["trip_start_timestamp"] = as_numbers(inputs["trip_start_timestamp"], START_OF_DATA) / SECONDS_A_DAY
    return {**amounts, **rates, **places}


def _scaled(table: tf.Tensor, names: list[str]) -> dict[str, tf.Tensor]:
    """Mean 0 and variance 1, fitted on present values; amounts and rates by their logarithm.

    In 64 bits: Beam batches rows differently each time, and in 32 bits the mean would depend on that.
    """
    exact = tf.cast(table, tf.float64)
    heavy_tailed = tf.constant([name in AMOUNTS or name in RATES for name in names])
    scaled = tft.scale_to_z_score(tf.where(heavy_tailed, tf.math.log1p(exact), exact), elementwise=True)
    filled = tf.cast(tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled), tf.float32)
    return {f"{name}_scaled": column for name, column in zip(names, tf.unstack(filled, axis=1), strict=True)}


def _buckets(table: tf.Tensor, names: list[str]) -> dict[str, tf.Tensor]:
    """Quantile buckets 1 … BUCKETS: most rides are short and downtown, so buckets of equal width would be empty."""
    boundaries = tft.quantiles(table, BUCKETS, epsilon=0.01, reduce_instance_dims=False)
    found = tf.searchsorted(boundaries, tf.transpose(table), side="right", out_type=tf.int64) + 1
    known = tf.where(tf.math.is_nan(tf.transpose(table)), tf.zeros_like(found), found)
    return {
        f"{name}_bucket": categorical(column, BUCKETS + 1)
        for name, column in zip(names, tf.unstack(known, num=len(names)), strict=True)
    }


def _company(inputs: Tensors) -> tf.Tensor:
    """The companies of train by frequency, then one category for all others; a missing company counts as one."""
    named = as_text(inputs["company"], missing="(none)")
    return tft.compute_and_apply_vocabulary(
        named, frequency_threshold=COMPANY_MIN_ROWS, num_oov_buckets=1, vocab_filename="company"
    )
