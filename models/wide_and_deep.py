"""A wide-and-deep classifier of tables: a linear part that memorises categories, a deep part that combines them (Cheng
et al., 2016)."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from core.hyperparameters import Limits, completed
from models.features import CategoricalFeature, FeatureSpec
from models.layers import compiled

DEFAULTS: dict[str, Any] = {
    "classes": 2,
    "learning_rate": 0.001,
    "hidden_units": [128],
    "dropout": 0.5,
}
LIMITS: Limits = {
    "classes": {"ge": 2},
    "learning_rate": {"gt": 0},
    "hidden_units": {"ge": 1},
    "dropout": {"ge": 0, "lt": 1},
}
EMBEDDING_SIZE = 8


def build_model(hparams: Mapping[str, Any], feature_spec: FeatureSpec) -> keras.Model:
    """A compiled model from `feature_spec` to the probability of class 1, shape [batch, 1]; of more classes than two to
    that of each, shape [batch, classes]."""
    chosen = completed(hparams, DEFAULTS, __name__, LIMITS)
    # Of what a feature's name may hold, Keras refuses the slash alone.
    inputs = {
        name: keras.Input(shape=spec.shape, dtype=spec.dtype.name, name=name.replace("/", "_"))
        for name, spec in feature_spec.items()
    }
    categories = {name: spec.size for name, spec in feature_spec.items() if isinstance(spec, CategoricalFeature)}
    outputs = 1 if chosen["classes"] == 2 else chosen["classes"]
    logits, deep_parts = [], []
    if numbers := [keras.layers.Reshape((-1,))(inputs[name]) for name in inputs if name not in categories]:
        deep_parts.append(_joined(numbers))
        logits.append(keras.layers.Dense(outputs, name="wide_numbers")(deep_parts[0]))
    if categories:
        ids = _ids_in_one_table([inputs[name] for name in categories], list(categories.values()))
        size = sum(categories.values())
        deep_parts.append(keras.layers.Flatten()(keras.layers.Embedding(size, EMBEDDING_SIZE, name="deep_table")(ids)))
        # A weight for each category, 0 until it has been seen.
        weights = keras.layers.Embedding(size, outputs, embeddings_initializer="zeros", name="wide_table")(ids)
        logits.append(keras.ops.sum(weights, axis=1))
    logits.append(_deep(_joined(deep_parts), chosen, outputs))
    logit = keras.layers.Add()(logits)
    if outputs > 1:
        probabilities = keras.layers.Activation("softmax", dtype="float32", name="probability")(logit)
        return compiled(keras.Model(inputs, probabilities), keras.optimizers.Adam(chosen["learning_rate"]))
    model = keras.Model(inputs, keras.layers.Activation("sigmoid", dtype="float32", name="probability")(logit))
    model.compile(
        optimizer=keras.optimizers.Adam(chosen["learning_rate"]),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.AUC(name="auc"), keras.metrics.BinaryAccuracy(name="accuracy")],
        jit_compile=False,
    )
    return model


def search_space() -> keras_tuner.HyperParameters:
    """The search space of the Tuner."""
    space = keras_tuner.HyperParameters()
    space.Float("learning_rate", 3e-4, 1e-2, sampling="log", default=DEFAULTS["learning_rate"])
    space.Choice("hidden_units", ["32", "128", "128,64"], default="128")
    space.Float("dropout", 0.0, 0.6, step=0.1, default=DEFAULTS["dropout"])
    return space


def _ids_in_one_table(columns: list[Any], sizes: list[int]) -> Any:
    """Shifts each category behind those of the columns before it, so that one look-up serves all columns."""
    offsets = [sum(sizes[:i]) for i in range(len(sizes))]
    return keras.ops.stack([column + offset for column, offset in zip(columns, offsets, strict=True)], axis=1)


def _deep(hidden: Any, chosen: Mapping[str, Any], outputs: int) -> Any:
    for units in chosen["hidden_units"]:
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
        hidden = keras.layers.Dropout(chosen["dropout"])(hidden)
    return keras.layers.Dense(outputs, name="deep")(hidden)


def _joined(parts: list[Any]) -> Any:
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
