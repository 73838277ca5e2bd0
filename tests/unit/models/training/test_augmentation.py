"""Images that are warped while a model learns from them, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models.training.augmentation import RAW_OPERATION, Warp, warp_for
from models.training.config import LearningSettings
from models.training.examples import evaluation_batches, training_batches
from tests.samples.folders import scratch
from tests.samples.image_training import arguments, sample_images, trained
from tests.samples.training_settings import train_settings

ALL = {"rotation": 15.0, "shift": 0.15, "shear": 0.15, "zoom": 0.15, "horizontal_flip": True}
SIDE = 41
CENTRE = SIDE // 2


def warped(images: np.ndarray, seed: int = 1, **limits: Any) -> np.ndarray:
    return Warp(**limits).warped(tf.constant(images, tf.float32), tf.constant([seed, 0], tf.int64)).numpy()


def dots(*places: tuple[int, int], count: int = 400) -> np.ndarray:
    """Images with a blurred dot at each place (row, column), so that its centre can be found again."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = sum(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4.0) for y, x in places)
    return np.repeat(np.asarray(image, np.float32)[None, :, :, None], count, axis=0)


def centres(images: np.ndarray) -> np.ndarray:
    """Row and column of the one dot in each image, from the middle."""
    weights = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[:SIDE, :SIDE] - CENTRE
    return np.stack([(weights * rows).sum(axis=(1, 2)), (weights * columns).sum(axis=(1, 2))], axis=1)


def test_without_limits_images_stay_as_they_are() -> None:
    given = np.random.default_rng(0).random((5, 28, 20, 3), np.float32)
    np.testing.assert_allclose(warped(given), given, atol=1e-5)


def test_shifts_go_every_way_up_to_their_limit() -> None:
    moved = centres(warped(dots((CENTRE, CENTRE)), shift=0.1))
    assert np.abs(moved).max() == pytest.approx(0.1 * SIDE, abs=0.15)
    assert np.all(moved.min(axis=0) < -0.09 * SIDE)
    assert np.all(moved.max(axis=0) > 0.09 * SIDE)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.15


def test_rotation_turns_both_ways_up_to_its_limit_and_keeps_the_distance() -> None:
    moved = centres(warped(dots((CENTRE, CENTRE + 12)), rotation=15.0))
    angles = np.degrees(np.arctan2(moved[:, 0], moved[:, 1]))
    assert 14.5 < angles.max() < 15.5
    assert -15.5 < angles.min() < -14.5
    np.testing.assert_allclose(np.hypot(*moved.T), 12, atol=0.1)


def test_shear_slants_rows_against_each_other_and_leaves_columns() -> None:
    moved = centres(warped(dots((CENTRE + 12, CENTRE)), shear=0.15))
    assert np.abs(moved[:, 1]).max() == pytest.approx(0.15 * 12, abs=0.1)
    np.testing.assert_allclose(moved[:, 0], 12, atol=0.05)
    beside = centres(warped(dots((CENTRE, CENTRE + 12)), shear=0.15))
    np.testing.assert_allclose(beside, np.tile([0, 12], (len(beside), 1)), atol=0.05)


def test_zoom_stretches_height_and_width_each_by_its_own_draw() -> None:
    moved = centres(warped(dots((CENTRE + 10, CENTRE + 10)), zoom=0.15))
    assert moved.min() > 10 / 1.15 - 0.1
    assert moved.max() < 10 / 0.85 + 0.1
    assert np.abs(moved[:, 0] - moved[:, 1]).max() > 1


def test_half_of_the_images_are_mirrored_left_to_right() -> None:
    moved = centres(warped(dots((CENTRE + 5, CENTRE + 12)), horizontal_flip=True))
    mirrored = moved[:, 1] < 0
    assert 0.4 < mirrored.mean() < 0.6
    np.testing.assert_allclose(np.abs(moved), np.tile([5, 12], (len(moved), 1)), atol=0.05)


def test_what_comes_from_outside_repeats_the_border() -> None:
    given = np.full((50, 16, 16, 1), 0.25, np.float32)
    np.testing.assert_allclose(warped(given, **ALL), given, atol=1e-5)


def test_values_stay_within_those_of_the_image() -> None:
    given = np.random.default_rng(2).random((20, 28, 28, 1), np.float32)
    assert warped(given, **ALL).min() >= given.min() - 1e-6
    assert warped(given, **ALL).max() <= given.max() + 1e-6


def batches(augmentation: Warp | None, seed: int = 4, first_epoch: int = 0) -> tf.data.Dataset:
    found = sample_images()
    return training_batches(found.train, found.specs, 64, seed, first_epoch, augmentation)


def epoch(of: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    found = [(features["image"].numpy(), label.numpy()) for features, label in of]
    return np.concatenate([image for image, _ in found]), np.concatenate([label for _, label in found])


def test_the_same_seed_repeats_itself_and_each_epoch_is_another() -> None:
    warp = Warp(**ALL)
    one, other = batches(warp), batches(warp)
    first, second = epoch(one), epoch(one)
    np.testing.assert_array_equal(epoch(other)[0], first[0])
    assert not np.allclose(first[0], second[0])
    assert not np.allclose(epoch(batches(warp, seed=5))[0], first[0])
    np.testing.assert_array_equal(epoch(batches(warp, first_epoch=1))[0], second[0])


def test_labels_and_their_order_are_those_without_augmentation() -> None:
    (plain, labels), (changed, still) = epoch(batches(None)), epoch(batches(Warp(**ALL)))
    np.testing.assert_array_equal(labels, still)
    assert not np.allclose(plain, changed)
    # An image goes with its own label: moved by little, it is nearer to itself than to any other.
    moved, _ = epoch(batches(Warp(shift=0.01)))
    distances = ((plain[:, None] - moved[None, :]) ** 2).sum(axis=(2, 3, 4))
    assert np.mean(distances.argmin(axis=0) == np.arange(len(labels))) > 0.95


def test_after_its_last_epoch_images_are_as_they_will_be_served_also_when_training_goes_on_after_a_kill() -> None:
    limits = {**ALL, "for_epochs": 2}
    warped_always, warped_twice, plain = batches(Warp(**ALL)), batches(Warp(**limits)), batches(None)
    for number in range(3):
        always, some, never = (epoch(each)[0] for each in (warped_always, warped_twice, plain))
        np.testing.assert_array_equal(some, always if number < 2 else never)
    resumed = batches(Warp(**limits), first_epoch=2)
    np.testing.assert_array_equal(epoch(resumed)[0], never)


def test_columns_that_are_no_images_pass_unchanged() -> None:
    columns = {"image": tf.random.uniform([4, 8, 8, 1]), "price": tf.range(4.0), "codes": tf.ones([4, 3, 2])}
    found = Warp(**ALL)(columns, tf.constant([1, 2], tf.int64), tf.constant(0, tf.int64))
    for name in ("price", "codes"):
        np.testing.assert_array_equal(found[name], columns[name])


def test_eval_is_never_augmented_and_no_signature_holds_the_warp(tmp_path: Path) -> None:
    home = trained(scratch(), train={"epochs": 1, "augmentation": ALL})
    held = set(operations(tf.saved_model.load(str(home / "model"))))
    assert "Conv2D" in held
    assert RAW_OPERATION not in held
    seen, _ = epoch(evaluation_batches(sample_images().eval, sample_images().specs, 64))
    raw = np.sort((sample_images().raw["eval"][0] / 255).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(np.sort(seen.sum(axis=(1, 2, 3))), raw, rtol=1e-5)
    custom_config = arguments(tmp_path, train={"augmentation": ALL}).custom_config
    augmentation = LearningSettings.from_custom_config(custom_config).train.augmentation
    assert augmentation is not None
    assert augmentation.model_dump().items() >= ALL.items()


def operations(model: Any) -> Iterator[str]:
    """The kinds of operations in every signature and in every function that it calls."""
    for signature in model.signatures.values():
        graph = signature.graph.as_graph_def()
        yield from (node.op for node in graph.node)
        yield from (node.op for function in graph.library.function for node in function.node_def)


def test_augmentation_of_a_table_is_refused_in_one_sentence() -> None:
    with pytest.raises(SluiceError, match="for images"):
        warp_for(train_settings(augmentation=ALL).augmentation, {"price": tf.io.FixedLenFeature([], tf.float32)})
    assert warp_for(None, {"price": tf.io.FixedLenFeature([], tf.float32)}) is None
