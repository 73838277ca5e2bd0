"""Builds a model for training on this machine, and converts it to one that every machine can serve."""

import importlib
from collections.abc import Sequence
from typing import Any

import keras

from core.errors import SluiceError
from core.hyperparameters import Hyperparameters
from models.features import FeatureSpec
from models.training.config import TrainSettings
from models.training.hardware import Hardware, check_accelerator, precision, precision_policy, strategy_for
from models.training.losses import with_focal_loss

# Steps between two returns to Python, which cost more than a small step.
STEPS_PER_EXECUTION = 32


def built_for_training(
    module: str,
    train: TrainSettings,
    hparams: Hyperparameters,
    features: FeatureSpec,
    found: Hardware,
    class_names: Sequence[str] = (),
) -> keras.Model:
    """The model of `module`, compiled with the configured loss, on the configured devices, in the right precision.
    `class_names`: of the label, as many as the model must tell apart; empty: not declared.

    Raises:
      SluiceError: for what this machine or this model cannot do.
    """
    check_accelerator(train.accelerator, found)
    strategy = strategy_for(train.accelerator, found)
    with strategy.scope(), precision(precision_here(train, found)):
        model = importlib.import_module(module).build_model(hparams, features)
        check_built(model, module)
        _check_outputs(model, module, class_names)
        if train.loss == "focal":
            model = with_focal_loss(model, train.focal_gamma)
    # Keras's loop over several steps cannot hold what several devices do between them (Keras 3.12, TensorFlow 2.16).
    model.steps_per_execution = STEPS_PER_EXECUTION if strategy.num_replicas_in_sync == 1 else 1
    return model


def _check_outputs(model: keras.Model, module: str, class_names: Sequence[str]) -> None:
    """Before the training, of which another number of classes would make nonsense."""
    [output] = model.outputs
    if not class_names or not output.shape or output.shape[-1] is None:
        return
    classes = max(output.shape[-1], 2)
    if classes != len(class_names):
        raise SluiceError(
            f"`data.class_names` names {len(class_names)} classes, and {module} tells {classes} apart",
            f"Let its build_model end in {len(class_names)} outputs, or take another:  --set model.module=MODULE",
        )


def check_built(model: Any, module: str) -> None:
    """Refuses, before any step, what could not be trained or exported.

    Raises:
      SluiceError: when `build_model` gives no compiled Keras model with named inputs and one output.
    """
    lacks = None
    if not isinstance(model, keras.Model):
        lacks = f"a {type(model).__name__}, not a Keras model"
    elif not getattr(model, "inputs", None):
        lacks = "a model without inputs of its own: a subclass of keras.Model does not know its features"
    elif len(model.outputs) != 1 or isinstance(getattr(model, "output", None), dict):
        lacks = "a model with several outputs or with a named one, and what is served is one tensor of predictions"
    elif getattr(model, "optimizer", None) is None or not getattr(model, "compiled", False):
        lacks = "a model that is not compiled, so it has neither optimizer nor loss"
    if lacks:
        raise SluiceError(
            f"`build_model` of {module} returns {lacks}",
            "Return a compiled keras.Model(inputs, outputs), as in docs/your-own-data.md; a subclass may be one of its "
            "layers. Then run the same command again.",
        )


def precision_here(train: TrainSettings, found: Hardware) -> str:
    """The Keras policy by which `built_for_training` builds."""
    uses_gpu = bool(found.gpus) and train.accelerator != "cpu"
    return precision_policy(train.mixed_precision, found, uses_gpu)


def in_full_precision(model: keras.Model, module: str, hparams: Hyperparameters, features: FeatureSpec) -> keras.Model:
    """The same weights in a model that computes in float32, because serving machines may lack half precision."""
    if not computes_in_half_precision(model):
        return model
    plain = importlib.import_module(module).build_model(hparams, features)
    plain.set_weights(model.get_weights())
    return plain


def computes_in_half_precision(model: keras.Model) -> bool:
    """Whether any layer computes in half precision."""
    return any(layer.compute_dtype in ("float16", "bfloat16") for layer in model.layers)
