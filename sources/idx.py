"""Images and labels as idx files, the format of MNIST: `…-images-idx3-ubyte(.gz)` beside `…-labels-idx1-ubyte(.gz)`.

A header of big-endian integers (0, 0, type, dimensions, then each size), then the values, row by row. Colour images
have a fourth dimension, the channels."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.errors import SluiceError
from sources.format import FileSurvey, Format, Part, Rows, check_stored, chosen
from sources.images import IMAGE, LABEL, ImageShape, as_lists_of_pixels
from sources.storage import base_name, is_remote, match_files, open_content, plain_read_errors

if TYPE_CHECKING:
    from sources.images import Bytes

_NAME = re.compile(r"(?P<what>images|labels)[.-]idx[134]-ubyte(\.gz)?$")

PART_VALUES = 24 << 20  # of one part: a gzip file cannot be entered in the middle, so many small parts cost time
_UNSIGNED_BYTE = 0x08
_TYPES = {0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers", 0x0D: "floats", 0x0E: "doubles"}
_PIECE = 4 << 20


@dataclass(frozen=True)
class IdxPart(Part):
    """Some consecutive images of an idx file; its labels lie in the file beside it."""

    first: int
    rows: int
    shape: ImageShape


class Idx(Format[IdxPart]):
    """Idx files of images, each beside the file of its labels, plain or gzip.

    Example:
      >>> Idx().columns("train-images-idx3-ubyte.gz")
      ('image', 'label')
      >>> Idx().survey("train-images-idx3-ubyte.gz").shape
      ImageShape(height=28, width=28, channels=1)
    """

    name = "idx"
    title = "idx images"
    fixed_columns = True
    suffixes = ("-images-idx3-ubyte", "-images-idx3-ubyte.gz")

    def matches(self, path: str) -> bool:
        """Also the files of labels, and images with channels."""
        return _NAME.search(path) is not None

    def select(self, found: list[str]) -> list[str]:
        """The files of images; their labels lie beside them.

        Raises:
          SluiceError: when the files do not belong together.
        """
        return image_files(found)

    def stored(self, path: str) -> list[str]:
        """The images and their labels.

        Raises:
          SluiceError: when the labels are missing.
        """
        return [path, labels_of(path)]

    def columns(self, path: str) -> tuple[str, ...]:
        """Always the same two, once both headers were seen to agree.

        Raises:
          SluiceError: when the file cannot be read or names no columns.
        """
        check_stored(path)
        check_stored(labels_of(path))
        check_pair(path)
        return IMAGE, LABEL

    def whole(self, path: str) -> IdxPart:
        """All images.

        Raises:
          SluiceError: when the file cannot be read.
        """
        header = check_pair(path)
        return IdxPart(path, 0, header.entries, _shape(header))

    def survey(self, path: str, ints: frozenset[str] = frozenset(), names_images: bool = False) -> FileSurvey:
        """By the headers; both files are read to see that they are whole.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        from sources.kinds import Kind

        whole = self.whole(path)
        for each in self.stored(path):
            _check_length(each, read_header(each))
        return FileSurvey(path, {IMAGE: Kind.INT, LABEL: Kind.INT}, _cut(whole), False, shape=whole.shape)

    def read(self, part: IdxPart, only: list[str] | None = None) -> Iterator[Rows]:
        """Images as lists of integers, row by row, and labels as integers.

        Raises:
          SluiceError: when the file is damaged or cannot be read.
        """
        import numpy as np
        import pyarrow as pa

        labels = read_labels(part)
        at = 0
        for pixels in read_pixels(part, part.shape.batch_rows):
            some = slice(at, at + len(pixels))
            columns = [as_lists_of_pixels(pixels), pa.array(labels[some].astype(np.int64))]
            lines = part.first + np.arange(at, at + len(pixels)) + 1
            yield Rows(chosen(pa.RecordBatch.from_arrays(columns, [IMAGE, LABEL]), only), lines, True)
            at += len(pixels)


@dataclass(frozen=True)
class IdxHeader:
    """How many entries a file holds, and how large each is."""

    entries: int
    sizes: tuple[int, ...]
    length: int  # of the header itself, in bytes

    @property
    def width(self) -> int:
        """Values of one entry."""
        return math.prod(self.sizes)


def read_header(path: str) -> IdxHeader:
    """What the first bytes of a file say.

    Raises:
      SluiceError: when the file is no idx file.
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
      SluiceError: when a header cannot be read, or images and labels are not as many.
    """
    images, labels = read_header(path), read_header(labels_of(path))
    if images.entries != labels.entries:
        raise SluiceError(
            f"{path} holds {images.entries:,} images and {base_name(labels_of(path))} {labels.entries:,} labels.",
            f"Look for a mixed-up or old file:  ls -l {Path(path).parent}",
        )
    return images


def _shape(header: IdxHeader) -> ImageShape:
    height, width, *channels = header.sizes
    return ImageShape(height, width, *channels)


def _cut(whole: IdxPart) -> list[IdxPart]:
    """Parts of bounded size."""
    rows = max(1, PART_VALUES // whole.shape.values)
    starts = range(0, whole.rows, rows)
    return [IdxPart(whole.path, first, min(rows, whole.rows - first), whole.shape) for first in starts]


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
      SluiceError: when the file cannot be read.
    """
    import numpy as np

    header = read_header(part.path)
    with plain_read_errors(part.path), open_content(part.path) as content:
        content.seek(header.length + part.first * header.width)
        for start in range(0, part.rows, rows):
            count = min(rows, part.rows - start)
            raw = _exactly(part.path, content, count * header.width)
            yield np.frombuffer(raw, np.uint8).reshape(count, header.width)


def read_labels(part: IdxPart) -> Bytes:
    """The label of each image of a part.

    Raises:
      SluiceError: when the file cannot be read.
    """
    import numpy as np

    path = labels_of(part.path)
    header = read_header(path)
    with plain_read_errors(path), open_content(path) as content:
        content.seek(header.length + part.first)
        return np.frombuffer(_exactly(path, content, part.rows), np.uint8)


def _exactly(path: str, content: BinaryIO, size: int) -> bytes:
    raw = content.read(size)
    if len(raw) < size:
        raise SluiceError(f"{path} is cut short.", f"Fetch it anew, then look:  ls -l {path}")
    return raw


def image_files(files: list[str]) -> list[str]:
    """The files of images among these.

    Raises:
      SluiceError: when there are images without labels, or labels without images.
    """
    images = [path for path in files if says(path, "images")]
    for path in files:
        if path.removesuffix(".gz") in files and path.endswith(".gz"):
            plain = base_name(path).removesuffix(".gz")
            raise SluiceError(
                f"{path} stands beside {plain}: these are the same rows twice.", f"Remove one:  rm {path}"
            )
        if says(path, "labels"):
            _partner(path, "images", f"{path} holds labels, and the images that belong to them are missing")
    for path in images:
        labels_of(path)
    if not images:
        raise SluiceError(
            f"{files[0]} is no idx file of images by its name: those end in images-idx3-ubyte or "
            "images-idx3-ubyte.gz, each beside its labels-idx1-ubyte.",
            f"Look:  ls -l {Path(files[0]).parent}",
        )
    return images


def labels_of(path: str) -> str:
    """The file of the labels that belong to a file of images.

    Raises:
      SluiceError: when there is no such file.
    """
    return _partner(path, "labels", f"{path} holds images, and their labels are missing")


def says(path: str, what: str) -> bool:
    """Whether a file holds `images` or `labels`, by its name."""
    match = _NAME.search(base_name(path))
    return match is not None and match["what"] == what


def _partner(path: str, what: str, problem: str) -> str:
    wanted = "1" if what == "labels" else "[34]"
    stem = path[: _NAME.search(path).start()]  # type: ignore[union-attr]
    folder = str(Path(path).parent)
    beside = match_files(f"{stem}*") if is_remote(path) else map(str, Path(folder).iterdir())
    pattern = re.compile(re.escape(f"{stem}{what}") + rf"[.-]idx{wanted}-ubyte(\.gz)?\Z")
    if found := sorted(name for name in beside if pattern.match(name)):
        return found[0]
    plain = f"{base_name(stem)}{what}-idx{wanted.replace('[34]', '3')}-ubyte.gz"
    raise SluiceError(f"{problem}: there is no {plain} in {folder}.", f"Look:  ls -l {folder}")
