"""Small images in every format that ingest reads."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]


def sample_images(rows: int, seed: int = 0, shape: tuple[int, ...] = (8, 6)) -> Bytes:
    """Different images of `shape`."""
    return np.random.default_rng(seed).integers(0, 256, (rows, *shape), dtype=np.uint8)


def idx_bytes(values: Bytes, kind: int = 0x08) -> bytes:
    """An idx file's content."""
    return struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape) + values.tobytes()


def write_idx(folder: Path, prefix: str, images: Bytes, labels: Bytes, packed: bool = True) -> Path:
    """`<prefix>-images-idx3-ubyte.gz` beside its labels; gives the file of the images."""
    folder.mkdir(parents=True, exist_ok=True)
    suffix = ".gz" if packed else ""
    files = {
        folder / f"{prefix}-labels-idx1-ubyte{suffix}": labels,
        folder / f"{prefix}-images-idx3-ubyte{suffix}": images,
    }
    for path, values in files.items():
        content = idx_bytes(values)
        path.write_bytes(gzip.compress(content) if packed else content)
    return path


def write_classes(root: Path, images: Bytes, names: list[str], suffix: str = ".png") -> None:
    """Every image in the folder of its class."""
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number:04d}{suffix}")
