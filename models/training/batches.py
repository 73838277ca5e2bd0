"""The configured batches for training and evaluation, the same for Trainer and Tuner."""

import keras
import tensorflow as tf

from models.features import FeatureSpec
from models.training.augmentation import warp_for
from models.training.config import TrainSettings
from models.training.examples import evaluation_batches, training_batches
from models.training.losses import balanced_class_weights, weighted

EVALUATION_BATCH = 4096


def learning_batches(
    files: list[str],
    specs: tuple[FeatureSpec, FeatureSpec],
    train: TrainSettings,
    batch_size: int,
    first_epoch: int,
) -> tf.data.Dataset:
    """Batches of (features, label), with the weight of each row where classes are weighted. Images are augmented, and
    the order is another one each epoch, from the number `first_epoch` on."""
    warp = warp_for(train.augmentation, specs[0])
    batches = training_batches(files, specs, batch_size, train.seed, first_epoch, warp)
    if train.class_weights != "balanced":
        return batches
    labels_alone = evaluation_batches(files, ({}, specs[1]), EVALUATION_BATCH)
    return weighted(batches, balanced_class_weights(labels_alone))


def watched_batches(files: list[str], specs: tuple[FeatureSpec, FeatureSpec]) -> tf.data.Dataset:
    """Unchanged batches of (features, label) for the loss on eval."""
    return evaluation_batches(files, specs, evaluation_batch(specs[0]))


def up_to(steps: int | None, batches: tf.data.Dataset, model: keras.Model) -> tf.data.Dataset:
    """One pass over `batches`, which ends when the model has taken `steps` steps; None: at its end."""
    if not steps:
        return batches
    done = model.optimizer.iterations.value
    # Inside flat_map `done` is read at the beginning of each epoch; outside it would be read once, as 0.
    return tf.data.Dataset.range(1).flat_map(lambda _: batches.take(tf.cast(steps - done, tf.int64)))


def evaluation_batch(features: FeatureSpec) -> int:
    """The number of rows to evaluate at once: the activations of 4,096 images would fill gigabytes."""
    values = sum(int(tf.TensorShape(getattr(spec, "shape", [])).num_elements() or 1) for spec in features.values())
    return max(1, min(EVALUATION_BATCH, 2**20 // max(1, values)))
