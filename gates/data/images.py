"""Images and vectors for the checks: the spatial layout of a row's numbers, and summaries of an image in a few
numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.statistics.sampling import drawn
from gates.tables.table import Codes, Floats, Mask, Table, joint_categories

Pixels = NDArray[np.float32]

_SMALLEST_SIDE = 6
# Neighbouring pixels correlate across rows far more than other pairs of pixels; numbers of an embedding do not.
_LIKENESS_OF_NEIGHBOURS = 0.15
_LEAD_OVER_ANY_TWO = 0.15
_ROWS_LOOKED_AT = 500
_BLOCKS_A_SIDE = 8
_MOST_NUMBERS = 64
_CHUNK = 4_096
# Different class proportions change a distance by at most the total variation between the proportions.
_CLASSES_DIFFER = 0.05
_RARE_CLASS = 0.02


@dataclass(frozen=True)
class Layout:
    """The spatial layout of one row's numbers; `side` is 0 for a vector, whose order has no meaning."""

    width: int
    side: int = 0
    channels: int = 1
    channels_last: bool = False

    @property
    def is_image(self) -> bool:
        """Whether numbers have neighbours."""
        return self.side > 0

    def planes(self, flat: Pixels) -> Pixels:
        """[rows, channels, side, side], without a copy."""
        if self.channels_last:
            return flat.reshape(-1, self.side, self.side, self.channels).transpose(0, 3, 1, 2)
        return flat.reshape(-1, self.channels, self.side, self.side)

    def grey(self, flat: Pixels) -> Pixels:
        """[rows, side, side]: the mean over the channels."""
        planes = self.planes(flat)
        return planes[:, 0] if self.channels == 1 else planes.mean(axis=1)

    def place(self, name: str, number: int) -> str:
        """The name of one of the numbers: `image[3,4]`, `image[3,4,0]` with a channel, `vector[17]`."""
        if not self.is_image:
            return f"{name}[{number}]"
        if self.channels_last:
            row, column, channel = np.unravel_index(number, (self.side, self.side, self.channels))
        else:
            channel, row, column = np.unravel_index(number, (self.channels, self.side, self.side))
        return f"{name}[{row},{column}]" if self.channels == 1 else f"{name}[{row},{column},{channel}]"


@lru_cache(maxsize=8)
def layout_of(table: Table, name: str) -> Layout:
    """The layout of an IMAGE column: a square of one or three channels when its neighbours resemble each other."""
    flat = finite_rows(table, name, _ROWS_LOOKED_AT)
    width = table.arrow.column(name).type.list_size
    found = [(_likeness(each.planes(flat)), each) for each in _possible(width)] if len(flat) > 2 else []
    best, layout = max(found, key=lambda pair: pair[0], default=(0.0, Layout(width)))
    return layout if best >= _LIKENESS_OF_NEIGHBOURS else Layout(width)


def fits(table: Table, name: str, layout: Layout) -> bool:
    """Whether the column's rows have as many numbers as the layout."""
    return bool(table.arrow.column(name).type.list_size == layout.width)


def _possible(width: int) -> list[Layout]:
    layouts = []
    for channels in (1, 3):
        side = round((width / channels) ** 0.5)
        if side >= _SMALLEST_SIDE and side * side * channels == width:
            layouts += [Layout(width, side, channels, last) for last in ((False,) if channels == 1 else (False, True))]
    return layouts


def _likeness(planes: Pixels) -> float:
    """Mean correlation of neighbouring pixels, the lower of both directions; 0 when other pairs are as similar."""
    centred = planes.astype(np.float64) - planes.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    lit = spread > 1e-3 * max(float(spread.max()), 1e-30)
    z = np.where(lit, centred / np.where(lit, spread, 1.0), 0.0)

    def mean(a: Floats, b: Floats, both: NDArray[np.bool_]) -> float:
        return float((a * b).mean(axis=0).sum() / max(int(both.sum()), 1))

    across = mean(z[..., 1:], z[..., :-1], lit[..., 1:] & lit[..., :-1])
    down = mean(z[..., 1:, :], z[..., :-1, :], lit[..., 1:, :] & lit[..., :-1, :])
    order = np.random.default_rng(0).permutation(lit.size)
    mixed, mixed_lit = z.reshape(len(z), -1)[:, order], lit.reshape(-1)[order]
    any_two = mean(mixed[:, 1:], mixed[:, :-1], mixed_lit[1:] & mixed_lit[:-1])
    lowest = min(across, down)
    # Relative to what random pairs leave unexplained: in a photo all pixels share the light.
    lead = (lowest - any_two) / max(1.0 - any_two, 1e-9)
    return lowest if lead >= _LEAD_OVER_ANY_TWO else 0.0


def sampled_rows(table: Table, name: str, at_most: int, seed: int = 0) -> NDArray[np.intp]:
    """Rows with a complete image: all, or `at_most` at random; the order in the file does not change the sample."""
    # A NaN or infinity makes the sum not finite, and a sum needs no copy of the pixels.
    with np.errstate(all="ignore"):
        whole = np.flatnonzero(np.isfinite(table.vectors(name).sum(axis=1, dtype=np.float64)))
    return drawn(whole, at_most, seed)


def finite_rows(table: Table, name: str, at_most: int, seed: int = 0) -> Pixels:
    """The pixels of `sampled_rows`."""
    return np.asarray(table.vectors(name)[sampled_rows(table, name, at_most, seed)])


@lru_cache(maxsize=16)
def _features(table: Table, name: str, layout: Layout) -> dict[str, Floats]:
    parts = []
    flat = table.vectors(name)
    for start in range(0, max(len(flat), 1), _CHUNK):
        parts.append(blocks(flat[start : start + _CHUNK], layout))
    values = np.concatenate(parts)
    if layout.is_image:
        side = round((values.shape[1] / layout.channels) ** 0.5)
        smaller = Layout(values.shape[1], side, layout.channels)
    else:
        smaller = Layout(values.shape[1])
    return {smaller.place(name, i): values[:, i] for i in range(values.shape[1])}


def image_features(table: Table, name: str, layout: Layout | None = None) -> dict[str, Floats]:
    """At most 64 numbers a row and channel that summarise an image or vector, NaN in rows without one.

    Images: the means of at most 8 x 8 blocks, `image[row,column]`. Vectors: their numbers, or 64 random projections
    of them, `vector[i]`. `layout`: that of train, so that all tables have the same features.
    """
    return _features(table, name, layout or layout_of(table, name))


def blocks(flat: Pixels, layout: Layout) -> Floats:
    """[rows, features]: block means of each channel, or the numbers of a vector or projections of them."""
    with np.errstate(invalid="ignore", over="ignore"):
        clean = np.clip(flat.astype(np.float64), -1e30, 1e30)
        if not layout.is_image:
            if layout.width <= _MOST_NUMBERS:
                return clean
            directions = np.random.default_rng(layout.width).normal(size=(layout.width, _MOST_NUMBERS))
            return np.asarray(clean @ directions / layout.width**0.5)
        planes = layout.planes(clean)  # type: ignore[arg-type]
        size = -(-layout.side // _BLOCKS_A_SIDE)
        edges = np.arange(0, layout.side, size)
        sums = np.add.reduceat(np.add.reduceat(planes, edges, axis=2), edges, axis=3)
        heights = np.diff([*edges, layout.side])
        return np.asarray((sums / (heights[:, None] * heights)).reshape(len(flat), -1))


def summaries(flat: Pixels, layout: Layout, low: float, high: float) -> dict[str, Floats]:
    """An image in about fifteen numbers. `low` and `high` are the ends of train's scale."""
    edge = 0.01 * (high - low)
    values = flat.astype(np.float64)
    ordered = np.sort(flat, axis=1)
    quarters = [ordered[:, int(part * (flat.shape[1] - 1))].astype(np.float64) for part in (0.25, 0.5, 0.75)]
    found = {
        "mean brightness": values.mean(axis=1),
        "contrast (standard deviation)": values.std(axis=1),
        "darkest value": ordered[:, 0].astype(np.float64),
        "brightest value": ordered[:, -1].astype(np.float64),
        "lower quartile": quarters[0],
        "median": quarters[1],
        "upper quartile": quarters[2],
        "share of values at the dark end": (values <= low + edge).mean(axis=1),
        "share of values at the bright end": (values >= high - edge).mean(axis=1),
    }
    if not layout.is_image:
        return {**found, "length": np.sqrt((values**2).sum(axis=1))}
    if layout.channels > 1:
        planes = layout.planes(flat)
        for channel in range(layout.channels):
            found[f"mean of channel {channel}"] = planes[:, channel].mean(axis=(1, 2), dtype=np.float64)
    return {**found, **_shape(layout.grey(flat), low)}


def _shape(grey: Pixels, low: float) -> dict[str, Floats]:
    side = grey.shape[1]
    light = np.maximum(grey - np.float32(low), np.float32(0))
    across, down = (light.sum(axis=axis, dtype=np.float64) for axis in (1, 2))
    mass = np.maximum(across.sum(axis=1), 1e-12)
    place = np.linspace(-1.0, 1.0, side)
    half = side // 2
    steps = [np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2), dtype=np.float64) for axis in (1, 2)]
    return {
        "sharpness (mean step between neighbours)": steps[0] + steps[1],
        "centre of mass, left to right": across @ place / mass,
        "centre of mass, top to bottom": down @ place / mass,
        "spread, left to right": across @ place**2 / mass,
        "spread, top to bottom": down @ place**2 / mass,
        "left half less right half": (across[:, :half].sum(axis=1) - across[:, side - half :].sum(axis=1)) / mass,
        "upper half less lower half": (down[:, :half].sum(axis=1) - down[:, side - half :].sum(axis=1)) / mass,
    }


def like_classes(data: Data, other: Table, train_rows: Codes, other_rows: Codes) -> tuple[Mask, Mask]:
    """Masks of the rows of train and of `other` to compare, so that classes have equal shares on both sides.

    All rows when the class shares differ little or cannot be compared. `label_shift` judges different shares; here they
    would count as different images. Rows of rare classes and of classes that train lacks are left out.
    """
    every = np.ones(len(train_rows), dtype=bool), np.ones(len(other_rows), dtype=bool)
    label = data.label
    if label is None or not (data.train.has(label) and other.has(label)) or not len(train_rows) or not len(other_rows):
        return every
    (train_classes, other_classes), values = joint_categories([data.train, other], label)
    if not 2 <= len(values) <= max(20.0, data.train.rows**0.5):
        return every
    train_classes, other_classes = train_classes[train_rows], other_classes[other_rows]
    had, wanted = (
        np.bincount(side + 1, minlength=len(values) + 1)[1:].astype(np.float64)
        for side in (train_classes, other_classes)
    )
    shares = wanted / max(wanted.sum(), 1.0)
    if np.abs(shares - had / max(had.sum(), 1.0)).sum() / 2 <= _CLASSES_DIFFER:
        return every
    common = np.flatnonzero((shares >= _RARE_CLASS) & (had > 0))
    kept = np.zeros(len(train_rows), dtype=bool)
    times = float((had[common] / wanted[common]).min()) if len(common) else 0.0
    for code in common:
        # Rows are sorted by the hash of their content, so the first ones are a random sample.
        kept[np.flatnonzero(train_classes == code)[: int(times * wanted[code])]] = True
    return kept, np.isin(other_classes, common)
