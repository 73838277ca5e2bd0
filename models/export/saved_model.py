"""Writes a trained model as a SavedModel that serving, Evaluator and bulk inference can all load."""

import keras
import tensorflow as tf
import tensorflow_transform as tft

from models.export.signatures import ServingModule


def export_model(model: keras.Model, transformed: tft.TFTransformOutput, unseen: set[str], directory: str) -> None:
    """`unseen` are the raw columns that no signature requires: the label and the withheld columns.

    Reload with `tf.saved_model.load(directory).signatures[name]`; Keras cannot load it.
    """
    module = ServingModule(model, transformed, unseen)
    tf.saved_model.save(module, directory, signatures=module.traced_signatures())
