"""Features of the Fashion-MNIST workload: pixels between 0 and 1, for training and for serving alike."""

import tensorflow as tf

from preprocessing.columns import Tensors

SHAPE = (28, 28, 1)  # rows, columns, channels
BRIGHTEST = 255.0


def preprocessing_fn(inputs: Tensors) -> dict[str, tf.Tensor]:
    """`image` as float32 of shape [batch, 28, 28, 1]. Nothing is fitted to the data: 255 is the largest byte."""
    column = inputs["image"]
    # Without a curated schema an image may be a list of numbers.
    pixels = tf.sparse.to_dense(column) if isinstance(column, tf.SparseTensor) else column
    return {"image": tf.reshape(tf.cast(pixels, tf.float32) / BRIGHTEST, [-1, *SHAPE])}
