"""Fashion-MNIST for tests: from the Debian package, or from data/fashion-mnist where `make data` puts it."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table
from gates.verdict.catalogue import _REGISTERED, Check, NotApplicable
from gates.verdict.finding import Finding, Severity
from gates.verdict.measurement import Measurement
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings
from tests.samples.folders import ROOT

FOLDERS = (
    Path("/usr/share/datasets/fashion-mnist"),
    ROOT / "data" / "fashion-mnist",
)
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
Pixels = NDArray[np.uint8]
Classes = NDArray[np.int64]

_folder = next((folder for folder in FOLDERS if (folder / "t10k-labels-idx1-ubyte.gz").exists()), None)
needs_fashion_mnist = pytest.mark.skipif(_folder is None, reason="Fashion-MNIST is not here; fetch it with: make data")


def _idx(name: str, header: int) -> Pixels:
    assert _folder is not None, "mark the test with needs_fashion_mnist"
    with gzip.open(_folder / name) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


@lru_cache(maxsize=2)
def fashion_mnist(part: str = "train") -> tuple[Pixels, Classes]:
    """The images [rows, 784] and classes of `train` (60,000) or `t10k` (10,000), in the order of the files."""
    pixels = _idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    return pixels, _idx(f"{part}-labels-idx1-ubyte.gz", 8).astype(np.int64)


def sample_images(pixels: NDArray, classes: NDArray | None = None) -> pa.Table:
    """An Arrow table with the columns `image` and, where classes are given, `label`."""
    flat = pa.array(np.ascontiguousarray(pixels).reshape(-1))
    columns = {"image": pa.FixedSizeListArray.from_arrays(flat, pixels.shape[1])}
    return pa.table(columns if classes is None else {**columns, "label": pa.array(classes)})


Part = tuple[NDArray, NDArray | None]


def image_data(train: Part, seed: int = 0, serving: Part | None = None, **held_out: Part) -> Data:
    """What the DataGate sees of these images; `held_out` are eval and test."""
    return Data(
        train=Table.of("train", sample_images(*train)),
        held_out={name: Table.of(name, sample_images(*part)) for name, part in held_out.items()},
        serving=None if serving is None else Table.of("serving", sample_images(*serving)),
        declared=Declared(label="label"),
        seed=seed,
    )


def shuffled_split(seed: int, *sizes: int, part: str = "train") -> list[tuple[Pixels, Classes]]:
    """Disjoint random parts of these sizes."""
    pixels, classes = fashion_mnist(part)
    order = np.random.default_rng(seed).permutation(len(pixels))
    places = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    return [(pixels[place], classes[place]) for place in places]


def blocked_by(data: Data, *functions: Callable[..., Iterable[Measurement]]) -> dict[str, list[Finding]]:
    """What of these checks refuses, by check; a check that does not apply refuses nothing."""
    measured: list[Measurement] = []
    for function in functions:
        with contextlib.suppress(NotApplicable):
            measured += check_of(function).measure(data, check_of(function).margin)
    findings, _ = decide(measured, {}, GateSettings(), date(2026, 1, 1))
    blocked: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity is Severity.BLOCK:
            blocked.setdefault(finding.check, []).append(finding)
    return blocked


def check_of(function: Callable[..., Iterable[Measurement]]) -> Check:
    """The function's entry in the catalogue."""
    return next(each for each in _REGISTERED.values() if each.run is function)


def moved(pixels: NDArray, down: int, right: int) -> NDArray:
    """Images of 28 x 28 moved by some pixels; what comes in is black."""
    there = np.zeros_like(pixels).reshape(-1, 28, 28)
    whole = pixels.reshape(-1, 28, 28)
    y, x = max(down, 0), max(right, 0)
    part = whole[:, max(-down, 0) : 28 + min(-down, 0), max(-right, 0) : 28 + min(-right, 0)]
    there[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return there.reshape(pixels.shape)


def digits_split(seed: int) -> dict[str, Part]:
    """The 8 x 8 digits of scikit-learn as train and eval."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    inside, outside = order[:1300], order[1300:]
    return {
        "train": (digits.data[inside], digits.target[inside]),
        "eval": (digits.data[outside], digits.target[outside]),
    }


def vectors_split(seed: int, width: int) -> dict[str, Part]:
    """Random embeddings that know their class."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 5, 3000)
    vectors = rng.normal(size=(5, width))[classes] + rng.normal(size=(3000, width))
    return {"train": (vectors[:2400], classes[:2400]), "eval": (vectors[2400:], classes[2400:])}
