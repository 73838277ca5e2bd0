"""Wraps a model from outside this project in the signature of our own: serialized tf.Examples in, predictions out."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from core.errors import SluiceError
from models.export.placeholders import MISSING
from models.export.signatures import public_names

Signature = Callable[..., Mapping[str, tf.Tensor]]


class OutsideModel(tf.Module):
    """A SavedModel of somebody else's behind the signature `serving_examples`, with predictions [batch, outputs].

    Raises:
      SluiceError: when it cannot be loaded, or signature, output or an input that the signature asks for is not there,
        or an input is of another kind.
    """

    def __init__(self, path: str, signature: str, output: str, columns: Mapping[str, Any]) -> None:
        """`columns`: the specs by which our tf.Examples are parsed."""
        super().__init__()
        try:
            self._loaded = tf.saved_model.load(path)
        except (OSError, ValueError, tf.errors.OpError) as problem:
            why = str(problem).splitlines()[0]
            raise SluiceError(f"the baseline {path} is no SavedModel that can be loaded: {why}") from problem
        signatures = self._loaded.signatures
        _check_is_there("signature", signature, signatures, path)
        called = signatures[signature]
        _check_is_there("output", output, called.structured_outputs, path)
        inputs = called.structured_input_signature[1]
        self._columns = dict(columns)
        names = {public: column for column, public in public_names(columns).items()} | {name: name for name in columns}
        self._takes_examples = _takes_examples(inputs, names)
        if not self._takes_examples:
            for name, spec in inputs.items():
                _check_is_there("column", name, names, path)
                _check_kind(names[name], spec.dtype, columns[names[name]].dtype, path)

        def predictions(examples: tf.Tensor) -> tf.Tensor:
            return _as_columns(called(**self._arguments(examples, inputs, names))[output])

        self._predictions = predictions

    def export(self, directory: str) -> None:
        """Writes the wrapped model as a SavedModel."""
        serving = tf.function(self._serve, autograph=False).get_concrete_function(
            tf.TensorSpec([None], tf.string, name="examples")
        )
        tf.saved_model.save(self, directory, signatures={"serving_examples": serving})

    def _serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"predictions": self._predictions(examples)}

    def _arguments(
        self, examples: tf.Tensor, inputs: Mapping[str, tf.TensorSpec], names: Mapping[str, str]
    ) -> dict[str, tf.Tensor]:
        if self._takes_examples:
            return {next(iter(inputs)): examples}
        wanted = {names[name]: self._columns[names[name]] for name in inputs}
        parsed = tf.io.parse_example(examples, wanted)
        return {name: _sent(parsed[names[name]], spec) for name, spec in inputs.items()}


def _takes_examples(inputs: Mapping[str, tf.TensorSpec], names: Mapping[str, str]) -> bool:
    """Whether the only input is one text a row under a name that is no column's: serialized tf.Examples."""
    if len(inputs) != 1:
        return False
    [(name, spec)] = inputs.items()
    return name not in names and spec.dtype == tf.string and spec.shape.rank in (None, 1)


def _sent(column: Any, wanted: tf.TensorSpec) -> tf.Tensor:
    """A parsed column as a client would send it, in the type and rank of the signature."""
    if isinstance(column, tf.SparseTensor):
        one_a_row = tf.sparse.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
        column = tf.sparse.to_dense(one_a_row, default_value=tf.constant(MISSING[column.dtype], column.dtype))[:, 0]
    if wanted.shape.rank is not None and wanted.shape.rank == column.shape.rank + 1:
        column = column[..., tf.newaxis]
    return tf.cast(column, wanted.dtype) if wanted.dtype != column.dtype else column


def _as_columns(answer: tf.Tensor) -> tf.Tensor:
    """All outputs, [batch, outputs], so that a later check can see whether they are probabilities."""
    answer = tf.cast(answer, tf.float32)
    return answer[:, tf.newaxis] if answer.shape.rank == 1 else answer


def _check_kind(column: str, requested: tf.DType, held: tf.DType, path: str) -> None:
    """Numbers are cast to each other, but not to text: the model may have learnt `1`, `1.0` or `01`."""
    if (requested == tf.string) == (held == tf.string):
        return
    kind, what = _kind(requested), f"the column `{column}`, which holds {_kind(held)}"
    raise SluiceError(
        f"the baseline {path} requires {kind} in {what} in the data",
        f"Export it with a signature that takes {_kind(held)} there, or serialized tf.Examples; what it takes now:  "
        f"saved_model_cli show --dir {path} --all",
    )


def _kind(dtype: tf.DType) -> str:
    return "text" if dtype == tf.string else "whole numbers" if dtype.is_integer else "numbers"


def _check_is_there(what: str, name: str, known: Mapping[str, Any], path: str) -> None:
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        lacks = "requires the column" if what == "column" else f"has no {what}"
        tail = f", which the data does not have (there: {there})" if what == "column" else f" (there: {there})"
        keys = "evaluator.baseline.signature, evaluator.baseline.output"
        raise SluiceError(f"the baseline {path} {lacks} `{name}`{tail}", f"Set:  {keys}")
