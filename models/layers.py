"""Parts that classifiers of images share: inputs of every kind, the output layer, the optimizer, compilation."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from core.errors import SluiceError
from models.features import CategoricalFeature, FeatureSpec

EMBEDDING_SIZE = 8
OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    # Without momentum it would need ten times the learning rate of the others.
    "sgd": lambda **settings: keras.optimizers.SGD(momentum=0.9, **settings),
    "rmsprop": keras.optimizers.RMSprop,
}


def is_image(spec: Any) -> bool:
    """Whether a feature is an image of shape [height, width, channels]."""
    return len(getattr(spec, "shape", ())) == 3


def keras_inputs(feature_spec: FeatureSpec) -> dict[str, Any]:
    """One Keras input a feature, by the feature's name."""
    # Of what a feature's name may hold, Keras refuses the slash alone.
    return {
        name: keras.Input(shape=spec.shape, dtype=spec.dtype.name, name=name.replace("/", "_"))
        for name, spec in feature_spec.items()
    }


def flattened(
    inputs: Mapping[str, Any],
    feature_spec: FeatureSpec,
    tower: Callable[[Any], Any],
    module: str,
    smallest: int,
) -> Any:
    """Every image through `tower`, joined with the other columns unchanged; shape [batch, values].

    Raises:
      SluiceError: when there is no image, or one has a side of fewer than `smallest` pixels.
    """
    images = {name: spec for name, spec in feature_spec.items() if is_image(spec)}
    if not images:
        raise SluiceError(
            f"{module} learns from images, and no feature has the shape [height, width, channels]",
            "A model for tables:  --set model.module=models.wide_and_deep",
        )
    for name, spec in images.items():
        if min(spec.shape[:2]) < smallest:
            size = " × ".join(str(side) for side in spec.shape[:2])
            raise SluiceError(f"{module} needs images of at least {smallest} × {smallest}, and `{name}` is {size}")
    parts = [keras.layers.Flatten()(tower(inputs[name])) for name in images]
    parts += [_flat_column(inputs[name], spec) for name, spec in feature_spec.items() if name not in images]
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def _flat_column(column: Any, spec: Any) -> Any:
    if isinstance(spec, CategoricalFeature):
        return keras.layers.Flatten()(keras.layers.Embedding(spec.size, EMBEDDING_SIZE)(column))
    return keras.ops.cast(keras.layers.Reshape((-1,))(column), "float32")


def class_probabilities(hidden: Any, classes: int) -> Any:
    """Shape [batch, classes], float32 even where the layers before compute in half precision."""
    logits = keras.layers.Dense(classes, name="classes")(hidden)
    return keras.layers.Activation("softmax", dtype="float32", name="probability")(logits)


def optimizer_named(name: str, learning_rate: float, clipnorm: float, weight_decay: float) -> Any:
    """An optimizer whose gradients are clipped at the norm `clipnorm` (each variable's own)."""
    return OPTIMIZERS[name](learning_rate=learning_rate, clipnorm=clipnorm, weight_decay=weight_decay)


def compiled(model: keras.Model, optimizer: Any) -> keras.Model:
    """Ready to be trained on integer classes."""
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        # On CPUs XLA leaves oneDNN's convolutions aside: an epoch of models.cnn then took 2.6 times as long.
        jit_compile=False,
    )
    return model
