"""The Trainer's entry point for every model: read, build, fit, export."""

import logging
from typing import Any

import keras
import keras_tuner
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from core.hyperparameters import BATCH_SIZE, Hyperparameters, in_effect
from models.export.model_run import HISTORY_FILE, TRAINING_FILE, Built, History, TrainingRecord
from models.export.replay import keep_for_replay
from models.export.saved_model import export_model
from models.export.signatures import public_names
from models.features import FeatureSpec, transformed_feature_spec
from models.training.batches import learning_batches, up_to, watched_batches
from models.training.build import built_for_training, in_full_precision, precision_here
from models.training.callbacks import callbacks
from models.training.checkpoints import (
    EpochCheckpoint,
    checkpoint_folder,
    files_as_they_are,
    newest_checkpoint,
    remove_checkpoints,
)
from models.training.config import LearningSettings
from models.training.epochs import epochs_of
from models.training.hardware import hardware_here
from models.training.input_wait import InputWait
from models.training.record import record_of, write_json
from models.training.tensorboard import TensorBoardLogs, event_folder
from models.training.utilisation import UtilisationSampler, advice_on


def run_fn(fn_args: FnArgs) -> None:
    """Trains on train, watches eval, never sees test."""
    config = LearningSettings.from_custom_config(fn_args.custom_config)
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    unseen = {config.label, *config.withheld}
    # Names that clients could not tell apart are refused before hours of training, not after.
    public_names(set(transformed.raw_feature_spec()) - unseen)
    specs = transformed_feature_spec(transformed, config.label)
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.train.seed)
    hparams = {**config.model.hyperparameters, **tuned_hyperparameters(fn_args.hyperparameters)}
    checkpoints = checkpoint_folder(config.durable_dir, _identity(fn_args, config))
    with event_folder(f"{fn_args.model_run_dir}/tensorboard") as events:
        model, history, record = _trained(fn_args, config, specs, hparams, checkpoints, events)
    write_json(history, fn_args.model_run_dir, HISTORY_FILE)
    write_json(record.as_json(), fn_args.model_run_dir, TRAINING_FILE)
    module = config.model.module
    model = in_full_precision(model, module, hparams, specs[0])
    built = Built(module, hparams, in_effect(hparams, module), config.label, config.withheld)
    keep_for_replay(model, built, fn_args.model_run_dir)
    export_model(model, transformed, unseen, fn_args.serving_model_dir, config.label, config.class_names)
    remove_checkpoints(checkpoints)


def _trained(
    fn_args: FnArgs,
    config: LearningSettings,
    specs: tuple[FeatureSpec, FeatureSpec],
    hparams: Hyperparameters,
    checkpoints: str,
    events: str,
) -> tuple[keras.Model, History, TrainingRecord]:
    """The model, every figure by epoch, and the record of the training; continues a killed one."""
    train, found = config.train, hardware_here()
    model = built_for_training(config.model.module, train, hparams, specs[0], found, config.class_names)
    start = newest_checkpoint(checkpoints)
    batch_size = int(hparams.get(BATCH_SIZE, train.batch_size))
    batches = learning_batches(fn_args.train_files, specs, train, batch_size, start.epochs if start else 0)
    epochs = epochs_of(train, fn_args.train_files, batch_size)
    wait = InputWait()
    batches = wait.watched(batches)
    watching = callbacks(train, model)
    before = start.history if start else {}
    logs = TensorBoardLogs(events, {**hparams, BATCH_SIZE: batch_size}, trial="training", before=before)
    keeping = EpochCheckpoint(model, checkpoints, watching, start)
    if start:
        logging.getLogger(__name__).info("goes on after epoch %d of %d", start.epochs, epochs)
    try:
        with UtilisationSampler(found.cores, gpus=bool(found.gpus)) as sampler:
            model.fit(
                up_to(train.max_steps, batches, model),
                validation_data=watched_batches(fn_args.eval_files, specs),
                epochs=epochs,
                initial_epoch=epochs if start and start.stopped else keeping.start.epochs,
                callbacks=[wait, *watching, logs, keeping],
                verbose=0,
            )
    finally:
        logs.close()
    seen = sampler.utilisation(wait.stall)
    record = record_of(
        model=model,
        history=keeping.history,
        hparams=hparams,
        found=found,
        rows_per_second=wait.rows_per_second,
        seconds=sampler.seconds,
        resumed_from_epoch=keeping.start.epochs,
        seen=seen,
        advice=advice_on(seen, sampler.seconds, found.cores, len(found.gpus), batch_size),
    )
    for sentence in record.advice:
        logging.getLogger(__name__).warning(sentence)
    return model, keeping.history, record


def _identity(fn_args: FnArgs, config: LearningSettings) -> dict[str, Any]:
    """What two attempts at the same training have in common; folders of the attempt itself are not among it."""
    return {
        "config": config.model_dump(exclude={"durable_dir"}),
        "examples": [files_as_they_are(fn_args.train_files), files_as_they_are(fn_args.eval_files)],
        "transform_graph": fn_args.transform_graph_path,
        # On hardware that computes in another precision the optimizer holds other variables.
        "precision": precision_here(config.train, hardware_here()),
        "tuned": tuned_hyperparameters(fn_args.hyperparameters),
    }


def tuned_hyperparameters(found: dict[str, Any] | None) -> Hyperparameters:
    """The hyperparameters of the Tuner, from the form in which TFX passes them."""
    return dict(keras_tuner.HyperParameters.from_config(found).values) if found else {}
