"""Serving images that are unlike train's are refused; other proportions of classes are not."""

from __future__ import annotations

import numpy as np
import pytest

from gates.data.boosted import matrix
from gates.data.contamination.images import near_duplicate_images
from gates.data.images import image_features, layout_of
from gates.data.leakage.images import image_artefacts
from gates.data.skew.images import image_distribution
from gates.tables.table import Table
from tests.samples.fashion_mnist import (
    blocked_by,
    digits_split,
    fashion_mnist,
    image_data,
    needs_fashion_mnist,
    sample_images,
    shuffled_split,
    vectors_split,
)

ALL = (near_duplicate_images, image_artefacts, image_distribution)


def _turned(pixels):
    return np.rot90(pixels.reshape(-1, 28, 28), axes=(1, 2)).reshape(pixels.shape)


def _blurred(pixels):
    padded = np.pad(pixels.reshape(-1, 28, 28).astype(float), ((0, 0), (1, 1), (1, 1)))
    return sum(padded[:, y : y + 28, x : x + 28] for y in range(3) for x in range(3)).reshape(pixels.shape) / 9


def _marked(pixels):
    changed = pixels.copy()
    changed[:, 0] = 255
    return changed


def _marked_now_and_then(pixels):
    changed = pixels.copy()
    changed[::4, 783] = 200
    return changed


FAULTS = {
    "brighter": lambda pixels: np.clip(pixels.astype(int) + 30, 0, 255),
    "half as bright": lambda pixels: pixels * 0.5,
    "divided by 255": lambda pixels: pixels / 255,
    "inverted": lambda pixels: 255 - pixels,
    "noisy": lambda pixels: np.clip(pixels + np.random.default_rng(0).normal(0, 10, pixels.shape), 0, 255),
    "blurred": _blurred,
    "turned": _turned,
    "mirrored": lambda pixels: pixels.reshape(-1, 28, 28)[:, :, ::-1].reshape(pixels.shape),
    "marked": _marked,
    "marked now and then": _marked_now_and_then,
}


@needs_fashion_mnist
@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_serving_images_that_are_unlike_train(fault):
    train, log = shuffled_split(1, 2000, 600)
    blocked = blocked_by(image_data(train, serving=(FAULTS[fault](log[0]), None)), *ALL)
    assert set(blocked) == {"image_distribution"}
    assert all("in serving" in finding.subject for finding in blocked["image_distribution"])


@needs_fashion_mnist
def test_refuses_an_inverted_log_of_fifty_rows():
    train, log = shuffled_split(2, 2000, 50)
    assert blocked_by(image_data(train, serving=(255 - log[0], None)), image_distribution)


@needs_fashion_mnist
def test_names_the_pixel_that_is_marked_in_serving_only():
    train, log = shuffled_split(3, 2000, 600)
    found = blocked_by(image_data(train, serving=(_marked_now_and_then(log[0]), None)), image_distribution)
    assert any("`image[27,27]`" in finding.reason for finding in found["image_distribution"])


@needs_fashion_mnist
@pytest.mark.parametrize("rows", [60, 200, 1000])
def test_is_silent_on_clean_logs_and_on_floats_of_the_same_pixels(rows):
    train, held_out, log = shuffled_split(rows, 2500, 500, rows)
    assert not blocked_by(image_data(train, eval=held_out, serving=(log[0].astype(np.float32), None)), *ALL)


@needs_fashion_mnist
def test_scaled_pixels_in_float32_and_float64_are_the_same_pixels():
    train, log = shuffled_split(4, 2000, 800)
    single = log[0].astype(np.float32) / np.float32(255)
    assert not blocked_by(image_data((train[0] / 255.0, train[1]), serving=(single, None)), image_distribution)


@needs_fashion_mnist
def test_is_silent_on_the_official_test_set():
    train, (pixels, classes) = shuffled_split(5, 6000)[0], fashion_mnist("t10k")
    assert not blocked_by(image_data(train, test=(pixels[:4000], classes[:4000])), *ALL)


@needs_fashion_mnist
def test_leaves_a_class_that_train_lacks_to_the_checks_of_labels():
    train, held_out = shuffled_split(6, 3000, 1000)
    kept = train[1] != 7
    assert not blocked_by(image_data((train[0][kept], train[1][kept]), eval=held_out), *ALL)


@pytest.mark.parametrize("seed", range(4))
def test_is_silent_on_digits_and_on_vectors(seed):
    assert not blocked_by(image_data(**digits_split(seed)), image_distribution)
    for width in (2, 64, 300):
        assert not blocked_by(image_data(**vectors_split(seed, width)), image_distribution)


def test_refuses_shifted_vectors():
    parts = vectors_split(0, 32)
    data = image_data(parts["train"], serving=(parts["eval"][0] + 0.5, None))
    assert set(blocked_by(data, image_distribution)) == {"image_distribution"}


@needs_fashion_mnist
def test_a_matrix_of_features_takes_a_image_as_its_block_means():
    tables = [Table.of(name, sample_images(*part)) for name, part in zip("ab", shuffled_split(7, 50, 30), strict=True)]
    found = matrix(tables, ["image", "label"])
    assert found.values.shape == (80, 50) and found.names[0] == "image[0,0]" and found.names[-1] == "label"
    assert found.values[0, 0] == pytest.approx(tables[0].vectors("image")[0].reshape(28, 28)[:4, :4].mean())


def test_a_square_embedding_is_no_image_and_colours_are_found_in_either_order():
    rng = np.random.default_rng(0)
    assert not layout_of(Table.of("t", sample_images(rng.normal(size=(300, 64)))), "image").is_image
    assert len(image_features(Table.of("t", sample_images(rng.normal(size=(30, 768)))), "image")) == 64
    field = rng.normal(size=(300, 12, 12, 3)).cumsum(axis=1).cumsum(axis=2)
    last = layout_of(Table.of("t", sample_images(field.reshape(300, -1))), "image")
    first = layout_of(Table.of("t", sample_images(field.transpose(0, 3, 1, 2).reshape(300, -1))), "image")
    assert (last.side, last.channels, last.channels_last) == (12, 3, True)
    assert (first.side, first.channels, first.channels_last) == (12, 3, False)
