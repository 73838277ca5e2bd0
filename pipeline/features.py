"""The entry point of the Transform component: it withholds what features must not see, lets the workload's own
`preprocessing_fn` work, and adds the label."""

import importlib
from typing import Any

import tensorflow as tf

from core.errors import SluiceError


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """`custom_config` holds `preprocessing_module`, `label` and `withheld`; the label comes out under its raw name.

    Raises:
      SluiceError: when the workload's module gives a feature the name of the label.
    """
    label, module = custom_config["label"], custom_config["preprocessing_module"]
    unseen = {label, *custom_config["withheld"]}
    visible = {name: column for name, column in inputs.items() if name not in unseen}
    features = dict(importlib.import_module(module).preprocessing_fn(visible))
    if label in features:
        raise SluiceError(f"{module} returns a feature called `{label}`, which is the label", "Give it another name.")
    return {**features, label: _one_a_row(inputs[label])}


def _one_a_row(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """Dense, of shape [batch]. Ingest leaves no row without a label, so nothing needs filling."""
    dense = tf.sparse.to_dense(column) if isinstance(column, tf.SparseTensor) else column
    return tf.reshape(dense, [-1])
