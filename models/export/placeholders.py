"""The values that stand for a missing value in a request to `serving_default`."""

import tensorflow as tf

# The value that a client sends to `serving_default` for a missing value.
MISSING: dict[tf.DType, float | int | str] = {tf.float32: float("nan"), tf.int64: tf.int64.min, tf.string: ""}
