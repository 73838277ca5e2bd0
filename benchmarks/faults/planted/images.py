"""Images that stand on both sides, that reveal the label, or that arrive in another form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.faults.case import Case, assign
from benchmarks.faults.plants import plant
from benchmarks.faults.tables import TableSource

ON = ("fashion",)
Change = Callable[[np.ndarray], np.ndarray]
COPIES = ("near_duplicate_images", "exact_duplicates")


def sample_images(source: TableSource, seed: int, rows: int | None) -> Case:
    """8,000 train images, 2,000 eval, 2,000 serving."""
    return assign(source, seed, rows=rows or 12_000)


def pixels_of(case: Case, frame: pd.DataFrame) -> np.ndarray:
    """As [rows, side, side]."""
    names = [name for name in frame.columns if name != case.label]
    side = round(len(names) ** 0.5)
    return frame[names].to_numpy().reshape(-1, side, side)


def with_pixels(case: Case, frame: pd.DataFrame, pixels: np.ndarray) -> pd.DataFrame:
    """The frame with these pixels."""
    names = [name for name in frame.columns if name != case.label]
    made = pd.DataFrame(pixels.reshape(len(frame), -1), columns=names, index=frame.index)
    return made if case.label not in frame else made.assign(**{case.label: frame[case.label]})


def _top(case: Case) -> float:
    return float(case.frames["train"].drop(columns=case.label).to_numpy().max())


def _with_copies(case: Case, share: float, change: Change = lambda pixels: pixels) -> Case:
    train, frame = case.frames["train"], case.frames["eval"]
    count = max(1, round(share * len(frame)))
    copies = train.iloc[case.rng.choice(len(train), count, replace=False)]
    copies = with_pixels(case, copies, change(pixels_of(case, copies)))[frame.columns]
    return case.with_frame("eval", pd.concat([frame.iloc[count:], copies]).sample(frac=1, random_state=case.rng))


@plant(
    family="contamination",
    expects=COPIES,
    doses=(0.05, 0.01, 0.003),
    headline=0.01,
    unit="share of eval images",
    on=ON,
    clean=sample_images,
)
def image_copies(case: Case, dose: float) -> Case:
    """Train images stand in eval."""
    return _with_copies(case, dose)


@plant(
    family="contamination",
    expects=COPIES,
    doses=(0.05, 0.02, 0.01),
    headline=0.02,
    unit="share of eval images",
    on=ON,
    clean=sample_images,
)
def image_copies_moved_by_a_pixel(case: Case, dose: float) -> Case:
    """Train images stand in eval, moved by one pixel."""
    return _with_copies(case, dose, lambda pixels: np.roll(pixels, 1, axis=2))


@plant(
    family="contamination",
    expects=COPIES,
    doses=(0.05, 0.02),
    headline=0.05,
    unit="share of eval images",
    on=ON,
    clean=sample_images,
    listed=False,
)
def image_copies_brightened(case: Case, dose: float) -> Case:
    """Train images stand in eval, a tenth darker."""
    return _with_copies(case, dose, lambda pixels: (pixels * 0.9).astype(pixels.dtype))


@plant(
    family="leakage",
    expects=("leakage",),
    doses=(1.0, 0.9, 0.7, 0.5),
    headline=1.0,
    unit="share of images with the mark",
    on=ON,
    clean=sample_images,
)
def corner_mark(case: Case, dose: float) -> Case:
    """The pixel in the corner is as bright as the number of the class."""
    top = _top(case)
    for split, frame in case.frames.items():
        pixels = pixels_of(case, frame).copy()
        marked = case.rng.random(len(frame)) < dose
        labels = case.labels_of(frame).to_numpy()
        pixels[marked, 0, 0] = (labels[marked] + 1) * top / 10
        case = case.with_frame(split, with_pixels(case, frame, pixels))
    return case


@plant(
    family="leakage",
    expects=("leakage",),
    doses=(1.0, 0.9, 0.7),
    headline=1.0,
    unit="share of the class with the mark",
    on=ON,
    clean=sample_images,
    listed=False,
)
def mark_on_one_class(case: Case, dose: float) -> Case:
    """One class alone has a small bright tag in a corner, as from one scanner."""
    top = _top(case)
    for split, frame in case.frames.items():
        pixels = pixels_of(case, frame).copy()
        marked = (case.labels_of(frame).to_numpy() == 6) & (case.rng.random(len(frame)) < dose)
        pixels[marked, -3:, -3:] = top
        case = case.with_frame(split, with_pixels(case, frame, pixels))
    return case


def _served(case: Case, pixels: np.ndarray) -> Case:
    return case.with_frame("serving", with_pixels(case, case.frames["serving"], pixels))


@plant(
    family="skew", expects=("skew",), doses=(60, 30, 15), headline=30, unit="grey levels", on=ON, clean=sample_images
)
def brighter_in_serving(case: Case, dose: float) -> Case:
    """Serving images are brighter."""
    pixels = pixels_of(case, case.frames["serving"]).astype(np.int32)
    return _served(case, np.minimum(pixels + int(dose), 255).astype(np.uint8))


@plant(
    family="skew", expects=("skew",), doses=(1.0, 0.1), headline=1.0, unit="share of rows", on=ON, clean=sample_images
)
def inverted_in_serving(case: Case, dose: float) -> Case:
    """Serving images are dark on bright."""
    pixels = pixels_of(case, case.frames["serving"]).copy()
    touched = case.rng.random(len(pixels)) < dose
    pixels[touched] = 255 - pixels[touched]
    return _served(case, pixels)


@plant(family="skew", expects=("skew",), on=ON, clean=sample_images, listed=False)
def scaled_in_serving(case: Case) -> Case:
    """Serving images arrive divided by 255."""
    return _served(case, pixels_of(case, case.frames["serving"]).astype(np.float32) / 255)


@plant(family="skew", expects=("skew",), on=ON, clean=sample_images, listed=False)
def turned_in_serving(case: Case) -> Case:
    """Serving images are turned by 90 degrees."""
    return _served(case, np.rot90(pixels_of(case, case.frames["serving"]), axes=(1, 2)).copy())


@plant(
    family="skew",
    expects=("skew",),
    doses=(3, 2, 1),
    headline=2,
    unit="pixels",
    on=ON,
    clean=sample_images,
    listed=False,
)
def moved_in_serving(case: Case, dose: float) -> Case:
    """Serving images are cropped elsewhere."""
    return _served(case, np.roll(pixels_of(case, case.frames["serving"]), int(dose), axis=1))


@plant(family="label", expects=("label",), also=("skew",), on=ON, clean=sample_images)
def image_class_absent_from_train(case: Case) -> Case:
    """Train has no image of a class that eval has."""
    train = case.frames["train"]
    return case.with_frame("train", train[train[case.label] != 4])


@plant(
    family="label",
    expects=("label",),
    doses=(0.20, 0.10, 0.05),
    headline=0.10,
    unit="share of eval images",
    on=ON,
    clean=sample_images,
)
def image_labels_wrong_in_eval(case: Case, dose: float) -> Case:
    """Eval's images have wrong labels at random."""
    return _with_wrong_labels(case, "eval", dose)


@plant(
    family="label",
    expects=("label",),
    doses=(0.20, 0.10, 0.05),
    headline=0.10,
    unit="share of train images",
    on=ON,
    clean=sample_images,
)
def image_labels_wrong_in_train(case: Case, dose: float) -> Case:
    """Train's images have wrong labels at random; eval's were checked twice."""
    return _with_wrong_labels(case, "train", dose)


def _with_wrong_labels(case: Case, split: str, share: float) -> Case:
    frame = case.frames[split]
    labels = frame[case.label].to_numpy().copy()
    wrong = case.rng.random(len(frame)) < share
    labels[wrong] = (labels[wrong] + case.rng.integers(1, 10, int(wrong.sum()))) % 10
    return case.with_frame(split, frame.assign(**{case.label: labels}))
