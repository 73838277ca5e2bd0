"""Writes a trained model as a SavedModel that serving, Evaluator and bulk inference can all load."""

import keras
import tensorflow as tf
import tensorflow_transform as tft

from models.export.served_form import FILE, FOLDER, ServedForm
from models.export.signatures import ServingModule


def export_model(
    model: keras.Model,
    transformed: tft.TFTransformOutput,
    unseen: set[str],
    directory: str,
    label: str,
    class_names: list[str],
) -> None:
    """`unseen` are the raw columns that no signature requires: the label and the withheld columns. Without
    `class_names` the classes are called by their numbers.

    Reload with `tf.saved_model.load(directory).signatures[name]`; Keras cannot load it.
    """
    module = ServingModule(model, transformed, unseen)
    tf.saved_model.save(module, directory, signatures=module.traced_signatures())
    classes = class_names or [str(number) for number in range(max(2, model.output_shape[-1]))]
    form = ServedForm(label, list(classes), module.required_inputs())
    tf.io.gfile.makedirs(f"{directory}/{FOLDER}")
    with tf.io.gfile.GFile(f"{directory}/{FOLDER}/{FILE}", "w") as file:
        file.write(form.dumps())
