"""Near copies of images across a split are refused; images that merely resemble each other are not."""

from __future__ import annotations

import numpy as np
import pytest

from gates.data.contamination.images import near_duplicate_images
from gates.data.leakage.images import image_artefacts
from gates.data.skew.images import image_distribution
from tests.samples.fashion_mnist import (
    blocked_by,
    digits_split,
    image_data,
    moved,
    needs_fashion_mnist,
    shuffled_split,
    vectors_split,
)

ALL = (near_duplicate_images, image_artefacts, image_distribution)


def _copied(seed, share, change, rows=(4000, 1000)):
    """A clean split of which a share of eval is replaced by changed images of train."""
    train, held_out = shuffled_split(seed, *rows)
    many = int(share * rows[1])
    pixels, classes = held_out[0].copy(), held_out[1].copy()
    pixels[:many], classes[:many] = change(train[0][:many]), train[1][:many]
    return image_data(train, eval=(pixels, classes))


@needs_fashion_mnist
@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 0), (-1, -1)])
@pytest.mark.parametrize("share", [0.02, 0.05])
def test_refuses_eval_images_that_are_images_of_train_moved_by_a_pixel(down, right, share):
    blocked = blocked_by(_copied(1, share, lambda pixels: moved(pixels, down, right)), *ALL)
    assert set(blocked) == {"near_duplicate_images"}
    (finding,) = blocked["near_duplicate_images"]
    assert finding.value >= share
    assert finding.sample is not None and finding.chart is not None


@needs_fashion_mnist
def test_refuses_eval_images_that_are_noisy_or_darker_copies():
    noise = np.random.default_rng(0).normal(0, 6, 784)
    for change in (lambda pixels: np.clip(pixels + noise, 0, 255).astype(np.uint8), lambda pixels: pixels // 2 + 1):
        assert set(blocked_by(_copied(2, 0.05, change), near_duplicate_images)) == {"near_duplicate_images"}


@needs_fashion_mnist
def test_refuses_images_that_were_augmented_before_the_split():
    (few,) = shuffled_split(3, 2500)
    pixels = np.concatenate([few[0], moved(few[0], 0, 1)])
    order = np.random.default_rng(0).permutation(5000)
    classes = np.tile(few[1], 2)[order]
    data = image_data((pixels[order][:4000], classes[:4000]), eval=(pixels[order][4000:], classes[4000:]))
    assert set(blocked_by(data, near_duplicate_images)) == {"near_duplicate_images"}


@needs_fashion_mnist
def test_leaves_exact_copies_to_the_check_of_exact_copies():
    assert not blocked_by(_copied(4, 0.03, lambda pixels: pixels), near_duplicate_images)


@needs_fashion_mnist
@pytest.mark.parametrize("seed", range(4))
def test_is_silent_on_clean_splits(seed):
    train, held_out = shuffled_split(seed, 3000, 800)
    assert not blocked_by(image_data(train, eval=held_out), *ALL)


@needs_fashion_mnist
def test_is_silent_where_eval_has_more_of_the_class_whose_images_are_alike():
    train, held_out = shuffled_split(7, 5000, 3000)
    kept = (held_out[1] == 1) | (np.arange(3000) % 5 == 0)
    data = image_data(train, eval=(held_out[0][kept], held_out[1][kept]))
    assert not blocked_by(data, *ALL)


@pytest.mark.parametrize("seed", range(3))
def test_is_silent_on_digits_and_on_vectors(seed):
    assert not blocked_by(image_data(**digits_split(seed)), *ALL)
    for width in (8, 64, 300):
        assert not blocked_by(image_data(**vectors_split(seed, width)), *ALL)


def test_finds_near_copies_among_vectors():
    parts = vectors_split(0, 64)
    vectors = parts["eval"][0].copy()
    vectors[:30] = parts["train"][0][:30] + 1e-3
    data = image_data(parts["train"], eval=(vectors, parts["eval"][1]))
    assert set(blocked_by(data, near_duplicate_images)) == {"near_duplicate_images"}


@needs_fashion_mnist
def test_says_the_same_whatever_the_order_of_rows():
    train, held_out = shuffled_split(5, 2000, 500)
    order = np.random.default_rng(1).permutation(2000)
    one, other = (
        [each.value for each in near_duplicate_images(image_data(part, eval=held_out), 0.001)]
        for part in (train, (train[0][order], train[1][order]))
    )
    assert one == other


@pytest.mark.parametrize("pixels", [np.zeros((60, 784)), np.full((60, 64), np.inf), np.full((60, 100), np.nan)])
def test_answers_on_flat_infinite_and_missing_images(pixels):
    labels = np.arange(60) % 2
    assert not blocked_by(image_data((pixels, labels), eval=(pixels[:40], labels[:40])), *ALL)
