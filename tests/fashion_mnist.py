"""Fashion-MNIST for tests: from the Debian package, or from data/fashion-mnist where `make data` puts it."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from gates.data import Data, Declared
from gates.table import Table

FOLDERS = (
    Path("/usr/share/datasets/fashion-mnist"),
    Path(__file__).resolve().parent.parent / "data" / "fashion-mnist",
)
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
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
    """The pictures [rows, 784] and classes of `train` (60,000) or `t10k` (10,000), in the order of the files."""
    pixels = _idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    return pixels, _idx(f"{part}-labels-idx1-ubyte.gz", 8).astype(np.int64)


def pictures(pixels: NDArray, classes: NDArray | None = None) -> pa.Table:
    """An Arrow table with the columns `image` and, where classes are given, `label`."""
    flat = pa.array(np.ascontiguousarray(pixels).reshape(-1))
    columns = {"image": pa.FixedSizeListArray.from_arrays(flat, pixels.shape[1])}
    return pa.table(columns if classes is None else {**columns, "label": pa.array(classes)})


Part = tuple[NDArray, NDArray | None]


def picture_data(train: Part, seed: int = 0, serving: Part | None = None, **held_out: Part) -> Data:
    """What the DataGate sees of these pictures; `held_out` are eval and test."""
    return Data(
        train=Table.of("train", pictures(*train)),
        held_out={name: Table.of(name, pictures(*part)) for name, part in held_out.items()},
        serving=None if serving is None else Table.of("serving", pictures(*serving)),
        declared=Declared(label="label"),
        seed=seed,
    )


def shuffled_split(seed: int, *sizes: int, part: str = "train") -> list[tuple[Pixels, Classes]]:
    """Disjoint random parts of these sizes."""
    pixels, classes = fashion_mnist(part)
    order = np.random.default_rng(seed).permutation(len(pixels))
    places = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    return [(pixels[place], classes[place]) for place in places]
