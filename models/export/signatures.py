"""The single in-graph function from raw columns to a prediction, and the three signatures that call it."""

import keyword
import re
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader

from core.errors import SluiceError
from models.export.placeholders import MISSING


def public_names(columns: Iterable[str]) -> dict[str, str]:
    """The name by which `serving_default` asks for each column.

    TensorFlow names the inputs of a signature like parameters of a Python function, so `worst area (mm2)` cannot be
    one. All but A-Z, a-z, 0-9 and `_` becomes `_` (a dot too: TensorFlow does it unasked), and a name that does not
    begin with a letter gets `arg_` in front, as TensorFlow has it; so does a keyword of Python (`class`), which Python
    3.13 refuses as a parameter. Upper and lower case do not tell two inputs apart.

    Raises:
      SluiceError: when two columns would share one.
    """
    names = {column: _public_name(column) for column in columns}
    owners: dict[str, str] = {}
    for column, name in names.items():
        if (other := owners.setdefault(name.lower(), column)) != column:
            raise SluiceError(
                f"columns `{other}` and `{column}` would both be called `{names[other]}` in the model's signature "
                "`serving_default`, which knows letters, digits and `_` and no difference of case: rename one of them"
            )
    return names


def _public_name(column: str) -> str:
    plain = re.sub("[^A-Za-z0-9_]", "_", column)
    # `self` is taken: it is a parameter of the function that calls the signature.
    taken = plain == "self" or keyword.iskeyword(plain)
    return plain if re.match("[A-Za-z]", plain) and not taken else f"arg_{plain}"


class ServingModule(tf.Module):
    """A trained model behind its transformation.

    `serving_default` takes raw columns by their `public_names`; a tf.Example keeps the raw names everywhere.
    The Keras model is called through a closure and only its plain variables and the tables of its look-up layers are
    tracked: a tracked Keras 3 model breaks the TF1 loader that bulk inference uses.

    Raises:
      SluiceError: when `serving_default` would call two columns alike.
    """

    def __init__(self, model: keras.Model, transformed: tft.TFTransformOutput, unseen: set[str]) -> None:
        super().__init__()
        transformation = SavedModelLoader(transformed.transform_savedmodel_dir)
        # The same variables as `transform_features_layer()` tracks, without the legacy Keras layer, whose saving takes
        # 4 s.
        self._transformation = vars(transformation)
        self._variables = [variable.value for variable in model.variables]
        self._tables = [
            held
            for layer in model._flatten_layers()
            for held in vars(layer).values()
            if isinstance(held, tf.saved_model.experimental.TrackableResource)
        ]
        self._raw = {name: spec for name, spec in transformed.raw_feature_spec().items() if name not in unseen}
        self._public = public_names(self._raw)
        # The keys, if it has any: a Keras name cannot hold every character that a feature's name can.
        read = list(model.input) if isinstance(model.input, dict) else [tensor.name for tensor in model.inputs]

        def probability(features: dict[str, tf.Tensor]) -> tf.Tensor:
            return tf.cast(model({name: features[name] for name in read}, training=False), tf.float32)

        self._transform = transformation.apply_transform_model
        self._probability = probability

    def traced_signatures(self) -> dict[str, Any]:
        """The three concrete functions by the name under which a client finds them."""
        serialized = tf.TensorSpec([None], tf.string, name="examples")

        def serving_default(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._predict(
                {name: _as_parsed(columns[self._public[name]], spec) for name, spec in self._raw.items()}
            )

        def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._predict(tf.io.parse_example(examples, self._raw))

        def transform_features(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._features(tf.io.parse_example(examples, self._raw))

        # Nothing here needs AutoGraph, which would take most of the time of the export.
        return {
            "serving_default": _traced(serving_default, **self._dense_columns()),
            "serving_examples": _traced(serving_examples, serialized),
            "transform_features": _traced(transform_features, serialized),
        }

    def required_inputs(self) -> list[str]:
        """The inputs of `serving_default` that must have a value in every row, in alphabetical order."""
        required = (name for name, spec in self._raw.items() if isinstance(spec, tf.io.FixedLenFeature))
        return sorted(self._public[name] for name in required)

    def _features(self, columns: dict[str, Any]) -> dict[str, tf.Tensor]:
        return dict(self._transform(columns))

    def _predict(self, columns: dict[str, Any]) -> dict[str, tf.Tensor]:
        return {"predictions": self._probability(self._features(columns))}

    def _dense_columns(self) -> dict[str, tf.TensorSpec]:
        """Specs of the inputs: one value a row for optional columns; the schema's shape for required ones."""
        specs = ((self._public[name], spec) for name, spec in self._raw.items())
        return {name: tf.TensorSpec([None, *getattr(spec, "shape", [])], spec.dtype, name=name) for name, spec in specs}


def _traced(function: Callable[..., dict[str, tf.Tensor]], /, *specs: tf.TensorSpec, **named: tf.TensorSpec) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(*specs, **named)


def _as_parsed(column: tf.Tensor, spec: Any) -> tf.Tensor | tf.SparseTensor:
    """The tensor that parsing a tf.Example gives: a missing value is left out, not passed on."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return column
    missing = tf.constant(MISSING[spec.dtype], spec.dtype)
    present = tf.math.logical_not(tf.math.is_nan(column)) if spec.dtype.is_floating else column != missing
    rows = tf.where(present)
    indices = tf.concat([rows, tf.zeros_like(rows)], axis=1)
    return tf.SparseTensor(indices, tf.boolean_mask(column, present), [tf.shape(column, tf.int64)[0], 1])


def dense(column: Any, spec: Any) -> np.ndarray:
    """A parsed column as a client of `serving_default` sends it: a placeholder stands for a missing value."""
    if not isinstance(column, tf.SparseTensor):
        return column.numpy()
    one_a_row = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(one_a_row, default_value=tf.constant(MISSING[spec.dtype], spec.dtype)).numpy()[:, 0]


def dtype_in_words(dtype: tf.DType, shape: Any) -> str:
    """`float32[28, 28]`; a scalar is its type alone."""
    return f"{dtype.name}{list(shape) if len(shape) else ''}"
