"""The Trainer's entry point, the same for every model: read, build, fit, export."""

import importlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from models.examples import evaluation_batches, training_batches, transformed_feature_spec
from models.export import export_model
from models.replay import keep_for_replay
from models.signatures import public_names

EVALUATION_BATCH = 4096
# Steps between two returns to Python, which cost more than a small step itself.
STEPS_PER_EXECUTION = 32


def run_fn(fn_args: FnArgs) -> None:
    """Trains on train, watches eval, never sees test."""
    config = fn_args.custom_config
    budget = config["train"]
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    # Names that clients could not tell apart are refused before hours of training, not after.
    public_names(set(transformed.raw_feature_spec()) - {config["label"], *config["withheld"]})
    specs = transformed_feature_spec(transformed, config["label"])
    keras.backend.clear_session()
    keras.utils.set_random_seed(budget["seed"])
    hparams = {**config["model"]["hyperparameters"], **tuned_hyperparameters(fn_args.hyperparameters)}
    model = importlib.import_module(config["model"]["module"]).build_model(hparams, specs[0])
    model.steps_per_execution = STEPS_PER_EXECUTION
    batches = training_batches(fn_args.train_files, specs, budget["batch_size"], budget["seed"])
    history = model.fit(
        up_to(budget["max_steps"], batches, model) if budget["max_steps"] else batches,
        validation_data=evaluation_batches(fn_args.eval_files, specs, EVALUATION_BATCH),
        epochs=budget["epochs"],
        callbacks=callbacks(budget, model),
        verbose=0,
    )
    _write_history(history.history, fn_args.model_run_dir)
    built = {"module": config["model"]["module"], "hyperparameters": hparams, **_unseen(config)}
    keep_for_replay(model, built, fn_args.model_run_dir)
    export_model(model, transformed, {config["label"], *config["withheld"]}, fn_args.serving_model_dir)


def _unseen(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": config["label"], "withheld": config["withheld"]}


def up_to(steps: int, batches: tf.data.Dataset, model: keras.Model) -> tf.data.Dataset:
    """One pass over `batches`, cut short where the model's step number `steps` is reached."""
    done = model.optimizer.iterations.value
    # Inside flat_map `done` is read anew whenever an epoch begins; outside it would be read once, as 0.
    return tf.data.Dataset.range(1).flat_map(lambda _: batches.take(tf.cast(steps - done, tf.int64)))


class TellProgress(keras.callbacks.Callback):
    """Says after each epoch how far training is, to whoever listens to the logger `sluice.progress`."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Called by Keras, which has put the number of epochs into `params`."""
        epochs = self.params["epochs"]
        far = {"done": epoch + 1, "total": epochs}
        logging.getLogger("sluice.progress").info("epoch %d of %d", epoch + 1, epochs, extra=far)


def callbacks(budget: Mapping[str, Any], model: keras.Model) -> list[keras.callbacks.Callback]:
    """What ends training before its last epoch."""
    found: list[keras.callbacks.Callback] = [TellProgress()]
    if patience := budget["early_stopping_patience"]:
        found.append(keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True))
    if budget["max_steps"]:
        found.append(
            keras.callbacks.LambdaCallback(on_epoch_end=lambda _epoch, _logs: _stop(model, budget["max_steps"]))
        )
    return found


def _stop(model: keras.Model, steps: int) -> None:
    model.stop_training = model.stop_training or int(model.optimizer.iterations) >= steps


def tuned_hyperparameters(found: dict[str, Any] | None) -> dict[str, Any]:
    """What the Tuner found, from the form in which TFX hands it over."""
    return dict(keras_tuner.HyperParameters.from_config(found).values) if found else {}


def _write_history(history: Mapping[str, list[float]], directory: str) -> None:
    curves = {name: [float(value) for value in values] for name, values in history.items()}
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(f"{directory}/history.json", "w") as file:
        file.write(json.dumps(curves, indent=1))
