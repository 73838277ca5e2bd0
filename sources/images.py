"""Images as columns: their shape, the lists of pixels that stand in tf.Examples, and PNG or JPEG files made into
such lists. All images of a column have one size and one mode, grey or RGB."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import SluiceError
from sources.storage import is_remote, read_stored

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Bytes = npt.NDArray[np.uint8]

IMAGE, LABEL = "image", "label"
# Pixels of a batch stand in memory as 64-bit integers: 64 MB.
BATCH_VALUES = 8 << 20
_CHANNELS = {"L": 1, "RGB": 3}
_MODES = {1: "grey", 3: "RGB"}


@dataclass(frozen=True)
class ImageShape:
    """Rows, columns and channels of every image of a column; pixels stand in this order, row by row."""

    height: int
    width: int
    channels: int = 1

    @property
    def values(self) -> int:
        """Numbers of one image."""
        return self.height * self.width * self.channels

    @property
    def batch_rows(self) -> int:
        """As many images as a batch may hold."""
        return max(1, BATCH_VALUES // self.values)

    def __str__(self) -> str:
        return f"{self.width} x {self.height}, {_MODES[self.channels]}"


@dataclass(frozen=True)
class Unreadable:
    """Why a file gives no image."""

    reason: str


def as_lists_of_pixels(pixels: Bytes, present: npt.NDArray[np.bool_] | None = None) -> pa.LargeListArray:
    """[rows, values] as a list of integers a row; rows that are not `present` have an empty one."""
    import numpy as np
    import pyarrow as pa

    rows, values = pixels.shape
    if present is None:
        offsets = np.arange(rows + 1, dtype=np.int64) * values
    else:
        offsets = np.concatenate([[0], np.cumsum(np.where(present, values, 0))])
        pixels = pixels[present]
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(pixels.reshape(-1).astype(np.int64)))


def first_shape(paths: Iterator[str]) -> ImageShape | None:
    """The shape of the first file that can be read.

    Raises:
      SluiceError: when it is an image of another mode than grey or colour of 8 bits.
    """
    return next((shape for path in paths if isinstance(shape := _read_shape(path), ImageShape)), None)


def _read_shape(path: str) -> ImageShape | Unreadable:
    pixels = _decode(path, None)
    return pixels if isinstance(pixels, Unreadable) else _shape_of(pixels)


def read_images(paths: Sequence[str], shape: ImageShape) -> tuple[Bytes, dict[int, str]]:
    """[files, values of one], and by place in `paths` why a file could not be read.

    Raises:
      SluiceError: for an image of another size or mode than `shape`.
    """
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    # Pillow and the file system work without Python's lock, so threads are as good as processes here.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        decoded = list(pool.map(lambda path: _decode(path, shape), paths))
    pixels = np.zeros((len(paths), shape.values), np.uint8)
    unreadable: dict[int, str] = {}
    for place, each in enumerate(decoded):
        if isinstance(each, Unreadable):
            unreadable[place] = each.reason
        else:
            pixels[place] = each.reshape(-1)
    return pixels, unreadable


def _decode(path: str, wanted: ImageShape | None) -> Bytes | Unreadable:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        content = read_stored(path)
    except (OSError, ValueError) as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be opened"
        return Unreadable(f"the image {path} {why}")
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_mode(path, image.mode)
            pixels = np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Unreadable(f"the image {path} cannot be decoded")
    if wanted is not None and _shape_of(pixels) != wanted:
        raise SluiceError(
            f"{path} is {_shape_of(pixels)}, and images before it are {wanted}: all must be of one size and mode.",
            f"Bring it and those beside it to the size of the others:  mogrify -resize {wanted.width}x{wanted.height}! "
            f"{'-colorspace Gray ' * (wanted.channels == 1)}{_beside(path)}",
        )
    return pixels


def _check_mode(path: str, mode: str) -> None:
    if mode not in _CHANNELS:
        raise SluiceError(
            f"{path} is an image of mode {mode}; grey (L) and colour (RGB) of 8 bits can be read.",
            "Convert it and those beside it:  mogrify -alpha off -colorspace sRGB -type TrueColor -depth 8 "
            f"-format png -define png:color-type=2 {_beside(path)}",
        )


def _beside(path: str) -> str:
    """Every file of its kind in its folder: where one is odd, more are."""
    folder, _, name = path.rpartition("/")
    return f"{folder or '.'}/*{Path(name).suffix}"


def _shape_of(pixels: Bytes) -> ImageShape:
    height, width, *channels = pixels.shape
    return ImageShape(height, width, *channels)


def texts_in(rows: pa.RecordBatch, column: str) -> list[str]:
    """The values of a column of text, such as the paths of images; none where the rows lack the column."""
    from sources.typed import is_list

    place = rows.schema.get_field_index(column)
    if place < 0:
        return []
    values = rows.column(place)
    if is_list(values.type):
        values = values.flatten()
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.drop_null().to_pylist()]


def beside(table: str, path: str) -> str:
    """A path as a table gives it: absolute, or relative to the table's folder."""
    if is_remote(path) or path.startswith("/"):
        return path
    return f"{table.rsplit('/', 1)[0]}/{path}" if "/" in table else path
