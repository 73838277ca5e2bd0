"""The entry point of the Transform component: it removes withheld columns, calls the workload's own `preprocessing_fn`,
and adds the label."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from core.errors import SluiceError
from core.strict import Strict

if TYPE_CHECKING:
    from pipeline.config.workload import WorkloadConfig
    from pipeline.platform import Platform


class FeatureInputs(Strict):
    """The inputs of Transform."""

    module: str
    """Gives the workload's own `preprocessing_fn`."""
    label: str
    withheld: list[str]
    code: str
    """A hash of the code that computes features: only a cache key."""

    @classmethod
    def of(cls, config: WorkloadConfig, platform: Platform) -> FeatureInputs:
        """As the workload has it."""
        return cls(
            module=config.preprocessing.module,
            label=config.data.label,
            withheld=config.prediction.withheld_columns(),
            code=platform.code("pipeline.features", config.preprocessing.module),
        )


def preprocessing_fn(inputs: dict[str, Any], custom_config: Mapping[str, str]) -> dict[str, Any]:
    """`custom_config` holds FeatureInputs; the label comes out under its raw name.

    Raises:
      SluiceError: when a feature has the label's name.
    """
    given = FeatureInputs.from_custom_config(custom_config)
    unseen = {given.label, *given.withheld}
    visible = {name: column for name, column in inputs.items() if name not in unseen}
    features = dict(importlib.import_module(given.module).preprocessing_fn(visible))
    if given.label in features:
        sentence = f"{given.module} returns a feature called `{given.label}`, which is the label"
        raise SluiceError(sentence, "Give it another name.")
    return {**features, given.label: _one_a_row(inputs[given.label])}


def _one_a_row(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """Dense, of shape [batch]. Ingest drops rows without a label, so no value is filled in."""
    dense = tf.sparse.to_dense(column) if isinstance(column, tf.SparseTensor) else column
    return tf.reshape(dense, [-1])
