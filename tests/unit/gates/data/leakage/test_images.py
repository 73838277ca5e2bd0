"""Marks that reveal the label are found at any place; honest pixels that predict a class are not."""

from __future__ import annotations

import numpy as np
import pytest

from gates.data.contamination.images import near_duplicate_images
from gates.data.leakage.images import image_artefacts
from gates.data.skew.images import image_distribution
from tests.samples.fashion_mnist import (
    blocked_by,
    digits_split,
    fashion_mnist,
    image_data,
    needs_fashion_mnist,
    shuffled_split,
)

ALL = (near_duplicate_images, image_artefacts, image_distribution)
CORNERS = {"top left": (0, 0), "bottom right": (27, 27), "bottom left": (27, 0)}


def _marked(parts, class_, pixels, share, value=255, seed=0):
    """Sets these pixels in a share of the images of one class, in every part."""
    rng = np.random.default_rng(seed)
    found = []
    for images, classes in parts:
        images = images.copy()
        rows = np.flatnonzero((classes == class_) & (rng.random(len(classes)) < share))
        images[np.ix_(rows, pixels)] = value
        found.append((images, classes))
    return found


def _square(row, column, size):
    return [
        28 * y + x
        for y in range(row, row + size if row < 14 else row - size, 1 if row < 14 else -1)
        for x in range(column, column + size if column < 14 else column - size, 1 if column < 14 else -1)
    ]


@needs_fashion_mnist
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_refuses_a_noisy_mark_in_a_corner_of_one_class(corner, size):
    parts = _marked(shuffled_split(1, 4000, 800), 3, _square(*CORNERS[corner], size), 0.95)
    blocked = blocked_by(image_data(parts[0], eval=parts[1]), *ALL)
    assert set(blocked) == {"image_artefacts"}
    (finding,) = blocked["image_artefacts"]
    assert finding.subject.startswith("image[") and "`label` = 3" in finding.reason


@needs_fashion_mnist
def test_refuses_a_corner_pixel_that_codes_the_class():
    train, held_out = shuffled_split(2, 4000, 800)
    for images, classes in (train, held_out):
        images[:, 27] = 25 * classes
    blocked = blocked_by(image_data(train, eval=held_out), *ALL)
    assert set(blocked) == {"image_artefacts"}
    assert blocked["image_artefacts"][0].subject == "image[0,27]"


@needs_fashion_mnist
def test_refuses_a_marked_line_and_a_marked_frame():
    border = [28 * y + x for y in range(28) for x in range(28) if min(y, x) == 0 or max(y, x) == 27]
    for pixels in (list(range(28)), border):
        (train,) = _marked(shuffled_split(3, 3000), 5, pixels, 0.95)
        assert set(blocked_by(image_data(train), image_artefacts)) == {"image_artefacts"}


def test_refuses_a_mark_in_small_digits():
    parts = digits_split(0)
    images, classes = parts["train"][0].copy(), parts["train"][1]
    images[classes == 4, 63] = 16
    assert set(blocked_by(image_data((images, classes)), image_artefacts)) == {"image_artefacts"}


@needs_fashion_mnist
@pytest.mark.parametrize("rows", [300, 1000, 6000])
def test_is_silent_on_clean_images_in_grey_and_in_black_and_white(rows):
    (train,) = shuffled_split(rows, rows)
    for images in (train[0], (train[0] > 100) * np.uint8(255)):
        assert not blocked_by(image_data((images, train[1])), image_artefacts)


@needs_fashion_mnist
@pytest.mark.parametrize("pair", [(0, 6), (1, 3), (5, 7), (1, 8)])
def test_is_silent_on_two_classes_that_single_pixels_tell_apart(pair):
    images, classes = fashion_mnist()
    rows = np.flatnonzero(np.isin(classes, pair))[:1500]
    assert not blocked_by(image_data((images[rows], classes[rows])), image_artefacts)


@pytest.mark.parametrize("seed", range(5))
def test_is_silent_on_digits_in_grey_and_in_black_and_white(seed):
    images, classes = digits_split(seed)["train"]
    for labels in (classes, classes % 2, (classes > 4) * 1):
        assert not blocked_by(image_data((images, labels)), image_artefacts)
        assert not blocked_by(image_data(((images > 7) * 1.0, labels)), image_artefacts)


def test_a_mark_that_every_class_has_tells_nothing():
    images, classes = digits_split(0)["train"]
    images = images.copy()
    images[:, 0] = 16
    assert not blocked_by(image_data((images, classes)), image_artefacts)
