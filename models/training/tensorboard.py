"""TensorBoard's files of a training: scalars by epoch, the model's graph, and the hyperparameters with their
results."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_plugin

from models.training.uploads import FolderUploader

EVAL_PREFIX = "val_"
# Where Vertex AI looks for the event files of a custom job with a TensorBoard instance.
WATCHED_BY_VERTEX = "AIP_TENSORBOARD_LOG_DIR"


@contextlib.contextmanager
def event_folder(directory: str) -> Iterator[str]:
    """A local folder for event files. When `directory` is remote, its files are copied there, the last ones before the
    `with` ends, also after an error; in a job with a TensorBoard instance, to where that one looks, too."""
    if "://" not in directory:
        yield directory
        return
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(tempfile.TemporaryDirectory())
        for remote in filter(None, (directory, os.environ.get(WATCHED_BY_VERTEX))):
            stack.enter_context(FolderUploader(local, remote.rstrip("/")))
        yield local


class TensorBoardLogs(keras.callbacks.Callback):
    """Writes `train` and `validation` scalars as Keras names them, and beside them graph and hyperparameters.

    `before`: the figures by epoch of a killed attempt, which wrote into another folder.
    """

    def __init__(
        self,
        directory: str,
        hyperparameters: Mapping[str, Any],
        trial: str,
        before: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        self._before = before or {}
        self._hyperparameters = {name: _scalar(value) for name, value in hyperparameters.items()}
        self._trial = trial
        names = {"": directory, "train": f"{directory}/train", "validation": f"{directory}/validation"}
        self._writers = {name: tf.summary.create_file_writer(folder) for name, folder in names.items()}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        with self._writers["train"].as_default():
            tf.summary.graph(_graph_of(self.model))
        with self._writers[""].as_default():
            hparams_plugin.hparams(self._hyperparameters, trial_id=self._trial)
        for name, values in self._before.items():
            for epoch, value in enumerate(values):
                self._write(epoch, name, value)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by Keras."""
        for name, value in (logs or {}).items():
            self._write(epoch, name, value)
        for writer in self._writers.values():
            writer.flush()

    def _write(self, epoch: int, name: str, value: float) -> None:
        plain = name.removeprefix(EVAL_PREFIX)
        with self._writers["validation" if name.startswith(EVAL_PREFIX) else "train"].as_default():
            tf.summary.scalar(f"epoch_{plain}", value, step=epoch)
        with self._writers[""].as_default():
            tf.summary.scalar(name, value, step=epoch)

    def close(self) -> None:
        """Writes everything to the files, also when training ended with an error."""
        for writer in self._writers.values():
            writer.close()


def _graph_of(model: keras.Model) -> Any:
    """The graph of one prediction."""
    specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    forward = tf.function(
        # `model.inputs` may have another order than the names of the model's inputs.
        lambda *columns: model(keras.tree.pack_sequence_as(model.input, list(columns)), training=False),
        autograph=False,
    )
    return forward.get_concrete_function(*specs).graph


def _scalar(value: Any) -> bool | int | float | str:
    """The value in a type that HParams accepts; lists become text."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
