"""Losses and weights for classes of unequal size, by configuration and for any compiled classifier."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.errors import SluiceError

_KEEP = "Keep the model's own:  --set train.loss=default"


@keras.saving.register_keras_serializable(package="sluice")
class SparseCategoricalFocalCrossentropy(keras.losses.Loss):
    """Cross-entropy for integer classes that weighs rows less the better they are predicted (Lin et al., 2017):
    -(1 - p)^gamma · log p, where p is the probability of the row's own class. `gamma` 0 is cross-entropy."""

    def __init__(
        self,
        gamma: float = 2.0,
        from_logits: bool = False,
        name: str = "focal",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.gamma = gamma
        self.from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row; labels [batch] or [batch, 1], probabilities (or logits) [batch, classes]."""
        labels = keras.ops.reshape(y_true, (-1,))
        crossentropy = keras.ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=self.from_logits)
        return keras.ops.power(1.0 - keras.ops.exp(-crossentropy), self.gamma) * crossentropy

    def get_config(self) -> dict[str, Any]:
        """The settings that Keras stores."""
        return {
            "gamma": self.gamma,
            "from_logits": self.from_logits,
            "name": self.name,
            "reduction": self.reduction,
        }


def with_focal_loss(model: keras.Model, gamma: float) -> keras.Model:
    """The model compiled anew with the focal form of its own loss.

    Raises:
      SluiceError: when that has none.
    """
    config = model.get_compile_config()
    config["loss"] = keras.losses.serialize(_focal_form(_as_object(model.loss), gamma))
    model.compile_from_config(config)
    return model


def _focal_form(loss: Any, gamma: float) -> keras.losses.Loss:
    """The focal form of a loss, for the same predictions and labels."""
    if isinstance(loss, keras.losses.BinaryCrossentropy):
        own = loss.get_config()
        kept = {name: own[name] for name in ("from_logits", "label_smoothing", "axis", "reduction")}
        return keras.losses.BinaryFocalCrossentropy(gamma=gamma, **kept)
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        own = loss.get_config()
        if own["ignore_class"] is not None:
            raise SluiceError(
                f"`train.loss: focal` cannot leave a class out, and the model's loss has ignore_class "
                f"{own['ignore_class']}",
                _KEEP,
            )
        return SparseCategoricalFocalCrossentropy(gamma, own["from_logits"], reduction=own["reduction"])
    raise SluiceError(
        "`train.loss: focal` is for classifiers that learn by binary or sparse categorical cross-entropy, and the "
        f"model's loss is {getattr(loss, 'name', None) or getattr(loss, '__name__', loss)}",
        _KEEP,
    )


def _as_object(loss: Any) -> Any:
    """The loss object for a name or a function of Keras; other losses unchanged."""
    try:
        found = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        raise SluiceError(f"the model is compiled with the loss {loss!r}, which Keras does not know", _KEEP) from None
    if found is keras.losses.binary_crossentropy:
        return keras.losses.BinaryCrossentropy()
    if found is keras.losses.sparse_categorical_crossentropy:
        return keras.losses.SparseCategoricalCrossentropy()
    return found


def balanced_class_weights(batches: tf.data.Dataset) -> dict[int, float]:
    """Weights by class: all classes have equal total weight, and rows have mean weight 1."""
    labels = np.concatenate([label.numpy().ravel() for _, label in batches]).astype(np.int64)
    classes, counts = np.unique(labels, return_counts=True)
    return {int(each): len(labels) / (len(classes) * int(n)) for each, n in zip(classes, counts, strict=True)}


def weighted(batches: tf.data.Dataset, weights: Mapping[int, float]) -> tf.data.Dataset:
    """(features, label) batches with the weight of each row's class beside them."""
    by_class = tf.constant([weights.get(each, 0.0) for each in range(max(weights) + 1)], tf.float32)

    @tf.autograph.experimental.do_not_convert
    def weigh(features: Any, labels: tf.Tensor) -> Any:
        return features, labels, tf.gather(by_class, tf.cast(tf.reshape(labels, [-1]), tf.int64))

    return batches.map(weigh)
