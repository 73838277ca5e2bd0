"""Stores after each epoch everything that training needs to continue in another process, in a folder that a second
attempt at the same training finds again."""

import hashlib
import io
import json
import logging
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.atomic_write import write_through

# The state of each kind of callback; `best_weights` are arrays, the rest are numbers.
REMEMBERED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
BEST_WEIGHTS = "best_weights"
# The checkpoint before the newest is kept in case the newest is unreadable.
KEPT = 2
# A spot machine returns within hours; an older folder belongs to a changed configuration.
ABANDONED_DAYS = 30
_UNREADABLE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError, tf.errors.OpError)


@dataclass(frozen=True)
class Checkpoint:
    """The state of training after `epochs` epochs. `stopped`: training ended there, before its last epoch."""

    epochs: int
    stopped: bool = False
    history: dict[str, list[float]] = field(default_factory=dict)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    variables: list[np.ndarray] = field(default_factory=list)
    best_weights: list[np.ndarray] = field(default_factory=list)


def checkpoint_folder(root: str, identity: Mapping[str, Any]) -> str:
    """The folder below `root` for one training: the same data, code, configuration and hyperparameters."""
    text = json.dumps(identity, sort_keys=True, default=str)
    return f"{root}/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def files_as_they_are(patterns: Sequence[str]) -> list[tuple[str, int, int]]:
    """Path, length and time of each file: a path alone may recur after the metadata of runs was deleted."""
    found = [(path, tf.io.gfile.stat(path)) for path in sorted(tf.io.gfile.glob(list(patterns)))]
    return [(path, status.length, status.mtime_nsec) for path, status in found]


def newest_checkpoint(folder: str) -> Checkpoint | None:
    """The newest readable checkpoint; None when there is none."""
    for name in reversed(_names(folder)):
        try:
            with tf.io.gfile.GFile(f"{folder}/{name}", "rb") as file:
                return _unpacked(file.read())
        except _UNREADABLE as problem:
            logging.getLogger(__name__).warning("the checkpoint %s/%s cannot be read: %s", folder, name, problem)
    return None


def write_checkpoint(checkpoint: Checkpoint, folder: str) -> None:
    """Writes under another name and renames, so that a kill here leaves the previous checkpoint intact."""
    tf.io.gfile.makedirs(folder)
    create, rename = partial(tf.io.gfile.GFile, mode="wb"), partial(tf.io.gfile.rename, overwrite=True)
    write_through(f"{folder}/epoch-{checkpoint.epochs:06d}.npz", _packed(checkpoint), create, rename)
    kept = set(_names(folder)[-KEPT:])
    for name in tf.io.gfile.listdir(folder):
        if name not in kept:
            tf.io.gfile.remove(f"{folder}/{name}")


def remove_checkpoints(folder: str) -> None:
    """Removes the checkpoints of a finished training, and those of other killed trainings that are older than
    `ABANDONED_DAYS`."""
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
    root, oldest = folder.rpartition("/")[0], time.time() - ABANDONED_DAYS * 86_400
    for name in tf.io.gfile.listdir(root) if tf.io.gfile.exists(root) else []:
        beside = f"{root}/{name.rstrip('/')}"
        written = [tf.io.gfile.stat(f"{beside}/{each}").mtime_nsec / 1e9 for each in _names(beside)]
        if written and max(written) < oldest:
            tf.io.gfile.rmtree(beside)


class EpochCheckpoint(keras.callbacks.Callback):
    """Resumes training at `start`, and writes a checkpoint after each epoch.

    It must be the last callback, so that it stores the state of the others after the epoch. Optimizer and weights are
    restored at once; the state of `others` is restored when training begins, because they reset it there.
    """

    def __init__(
        self, model: keras.Model, folder: str, others: Sequence[keras.callbacks.Callback], start: Checkpoint | None
    ) -> None:
        super().__init__()
        self.folder = folder
        self.start = start or Checkpoint(epochs=0)
        self.history: dict[str, list[float]] = {name: list(values) for name, values in self.start.history.items()}
        self._others = [each for each in others if isinstance(each, tuple(REMEMBERED))]
        if start:
            _assign(model, start.variables)

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras."""
        for callback, remembered in zip(self._others, self.start.callbacks, strict=False):
            for name, value in remembered.items():
                setattr(callback, name, value)
            if isinstance(callback, keras.callbacks.EarlyStopping) and self.start.best_weights:
                callback.best_weights = list(self.start.best_weights)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by Keras."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        best = [each.best_weights for each in self._others if isinstance(each, keras.callbacks.EarlyStopping)]
        write_checkpoint(
            Checkpoint(
                epochs=epoch + 1,
                stopped=bool(self.model.stop_training),
                history=self.history,
                callbacks=[_remembered(each) for each in self._others],
                variables=[keras.ops.convert_to_numpy(variable) for variable in _state(self.model)],
                best_weights=[np.array(each) for each in (best[0] or [])] if best else [],
            ),
            self.folder,
        )


def _remembered(callback: keras.callbacks.Callback) -> dict[str, Any]:
    names = next(names for kind, names in REMEMBERED.items() if isinstance(callback, kind))
    values = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
    return {name: value if value is None else np.asarray(value).item() for name, value in values.items()}


def _state(model: keras.Model) -> list[Any]:
    """The variables of the model, random layers included, and of the optimizer: momenta, step number, learning rate."""
    return [*model.variables, *model.optimizer.variables]


def _assign(model: keras.Model, values: Sequence[np.ndarray]) -> None:
    build_optimizer(model)
    for variable, value in zip(_state(model), values, strict=True):
        variable.assign(value)


def build_optimizer(model: keras.Model) -> None:
    """Creates the optimizer's variables on the model's devices, so that stored values can be assigned."""
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)


def _names(folder: str) -> list[str]:
    if not tf.io.gfile.exists(folder):
        return []
    return sorted(name for name in tf.io.gfile.listdir(folder) if name.startswith("epoch-"))


def _packed(checkpoint: Checkpoint) -> bytes:
    """One file of plain arrays; everything else is JSON in one of them."""
    plain = {name: getattr(checkpoint, name) for name in ("epochs", "stopped", "history", "callbacks")}
    arrays: dict[str, Any] = {"plain": np.frombuffer(json.dumps(plain).encode(), np.uint8)}
    arrays |= {f"variables/{place:06d}": array for place, array in enumerate(checkpoint.variables)}
    arrays |= {f"{BEST_WEIGHTS}/{place:06d}": array for place, array in enumerate(checkpoint.best_weights)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _unpacked(content: bytes) -> Checkpoint:
    """The inverse of `_packed`; the archive's checksums detect truncated or altered files."""
    with np.load(io.BytesIO(content)) as stored:
        plain: dict[str, Any] = json.loads(stored["plain"].tobytes())
        names = sorted(stored.files)
        variables = [stored[name] for name in names if name.startswith("variables/")]
        best_weights = [stored[name] for name in names if name.startswith(f"{BEST_WEIGHTS}/")]
    return Checkpoint(**plain, variables=variables, best_weights=best_weights)
