"""Images and labels as idx files, the format of MNIST: `…-images-idx3-ubyte(.gz)` beside `…-labels-idx1-ubyte(.gz)`.

A header of big-endian integers (0, 0, type, dimensions, then each size), then the values, row by row. Colour images
have a fourth dimension, the channels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import SluiceError
from sources.format import FileSurvey, Part, Rows
from sources.idx_names import labels_of, says
from sources.images import IMAGE, LABEL, ImageShape, as_lists_of_pixels
from sources.kinds import Kind
from sources.storage import base_name, open_content, plain_read_errors

PART_VALUES = 24 << 20  # of one part: a gzip file cannot be entered in the middle, so many small parts cost time
_UNSIGNED_BYTE = 0x08
_TYPES = {0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers", 0x0D: "floats", 0x0E: "doubles"}
_PIECE = 4 << 20

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class IdxPart(Part):
    """Some consecutive images of an idx file; its labels lie in the file beside it."""

    first: int
    rows: int
    shape: ImageShape


@dataclass(frozen=True)
class IdxHeader:
    """How many entries a file holds, and how large each is."""

    entries: int
    sizes: tuple[int, ...]
    length: int  # of the header itself, in bytes

    @property
    def width(self) -> int:
        """Values of one entry."""
        return int(np.prod(self.sizes, dtype=np.int64))


def read_header(path: str) -> IdxHeader:
    """What the first bytes of a file say.

    Raises:
      SluiceError: when it is no idx file, or one of another kind than its name says.
    """
    with plain_read_errors(path), open_content(path) as content:
        return _header(path, content)


def _header(path: str, content: BinaryIO) -> IdxHeader:
    labels = says(path, "labels")
    look = f"Look:  zcat -f {path} | head -c 16 | xxd"
    magic = content.read(4)
    if len(magic) < 4:
        raise SluiceError(f"{path} is empty or cut short: an idx file begins with 4 bytes.", look)
    zeros, kind, dimensions = struct.unpack(">HBB", magic)
    if zeros or kind not in (_UNSIGNED_BYTE, *_TYPES):
        raise SluiceError(f"{path} is no idx file: it begins with {magic.hex(' ')}, not with 00 00 08.", look)
    if kind != _UNSIGNED_BYTE:
        raise SluiceError(f"{path} holds {_TYPES[kind]}; images and labels are unsigned bytes (0 to 255).", look)
    if dimensions not in ((1,) if labels else (3, 4)):
        wanted = "1 (labels)" if labels else "3 (images, rows, columns) or 4 (channels, too)"
        raise SluiceError(f"{path} has {dimensions} dimensions, not {wanted}.", look)
    raw = content.read(4 * dimensions)
    if len(raw) < 4 * dimensions:
        raise SluiceError(f"{path} is cut short: it ends within its header.", look)
    entries, *sizes = struct.unpack(f">{dimensions}I", raw)
    if not entries or 0 in sizes:
        raise SluiceError(f"{path} holds no {'labels' if labels else 'images'}.", look)
    if len(sizes) == 3 and sizes[2] not in (1, 3):
        raise SluiceError(f"{path} has images of {sizes[2]} channels; 1 (grey) and 3 (colour) can be read.", look)
    return IdxHeader(entries, tuple(sizes), 4 + 4 * dimensions)


def check_pair(path: str) -> IdxHeader:
    """The header of a file of images, once its labels are known to be as many.

    Raises:
      SluiceError: when a file is no idx file, or labels and images are not as many.
    """
    images, labels = read_header(path), read_header(labels_of(path))
    if images.entries != labels.entries:
        raise SluiceError(
            f"{path} holds {images.entries:,} images and {base_name(labels_of(path))} {labels.entries:,} labels.",
            f"Look for a mixed-up or old file:  ls -l {Path(path).parent}",
        )
    return images


def cut(path: str) -> list[IdxPart]:
    """A file of images in parts of bounded size, once both files were seen to be whole.

    Raises:
      SluiceError: when a file is no idx file, is not whole, or labels and images are not as many.
    """
    header = check_pair(path)
    for name, each in ((path, header), (labels_of(path), read_header(labels_of(path)))):
        _check_length(name, each)
    height, width, *channels = header.sizes
    shape = ImageShape(height, width, *channels)
    rows = max(1, PART_VALUES // header.width)
    return [IdxPart(path, first, min(rows, header.entries - first), shape) for first in range(0, header.entries, rows)]


def _check_length(path: str, header: IdxHeader) -> None:
    there = 0
    with plain_read_errors(path), open_content(path) as content:
        while piece := content.read(_PIECE):
            there += len(piece)
    wanted = header.length + header.entries * header.width
    if there != wanted:
        what = "is cut short" if there < wanted else "is too long"
        raise SluiceError(
            f"{path} {what}: its header announces {header.entries:,} entries of {header.width:,} bytes, "
            f"{wanted:,} bytes in all, and it has {there:,}.",
            f"Fetch it anew, then look:  ls -l {path}",
        )


def read_pixels(part: IdxPart, rows: int) -> Iterator[Bytes]:
    """The images of a part, [at most `rows`, values of one].

    Raises:
      SluiceError: when it is no idx file.
    """
    header = read_header(part.path)
    with plain_read_errors(part.path), open_content(part.path) as content:
        content.seek(header.length + part.first * header.width)
        for start in range(0, part.rows, rows):
            count = min(rows, part.rows - start)
            raw = content.read(count * header.width)
            yield np.frombuffer(raw, np.uint8).reshape(count, header.width)


def read_labels(part: IdxPart) -> Bytes:
    """The label of each image of a part.

    Raises:
      SluiceError: when the file of the labels is no idx file.
    """
    path = labels_of(part.path)
    header = read_header(path)
    with plain_read_errors(path), open_content(path) as content:
        content.seek(header.length + part.first)
        return np.frombuffer(content.read(part.rows), np.uint8)


def _survey_idx(path: str) -> FileSurvey:
    parts = cut(path)
    return FileSurvey(path, {IMAGE: Kind.INT, LABEL: Kind.INT}, list(parts), False, shape=parts[0].shape)


def _read_idx(part: IdxPart) -> Iterator[Rows]:
    labels = read_labels(part)
    at = 0
    for pixels in read_pixels(part, part.shape.batch_rows):
        some = slice(at, at + len(pixels))
        columns = [as_lists_of_pixels(pixels), pa.array(labels[some].astype(np.int64))]
        lines = part.first + np.arange(at, at + len(pixels)) + 1
        yield Rows(pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL]), lines, True)
        at += len(pixels)
