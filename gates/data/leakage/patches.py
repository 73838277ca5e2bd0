"""How well each small patch of images predicts a class beyond what the pixels around it predict.

The derivation: docs/statistics.md, Patches of an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Floats, Mask

# Squares of 1 to 3 pixels in 28 contain no part of an object; larger ones may, so they must be stronger.
_SMALL = 1 / 9
_SQUARES = (1, 2, 3, 4, 6)
_CANDIDATES = 50
_LARGEST_SQUARE = 1 / 4
_POWER_OF_LARGE = 0.90
_BAND = 2
# A mark is this many times stronger than what is usual in the images.
TIMES = 3.0
# Quantiles of what is usual. A mark touches few squares; the four sides of a frame are many of the lines.
_USUAL_SQUARE, _USUAL_LINE = 0.95, 0.75
# A difference of less than this part of the images' contrast is rounding.
_GRAIN = 0.02
_RIDGE = 1e-3
_LINE = 0


@dataclass(frozen=True)
class Patch:
    """A square of `size` pixels a side, or a line (size 0), and the pixels around it."""

    size: int
    row: int
    column: int
    inside: NDArray[np.intp]
    around: NDArray[np.intp]

    @property
    def words(self) -> str:
        """The patch in words."""
        if self.size == _LINE:
            return f"row {self.row}" if self.column < 0 else f"column {self.column}"
        return "one pixel" if self.size == 1 else f"{self.size} x {self.size} pixels"


@dataclass(frozen=True)
class PatchPower:
    """The strongest patch: its d, the lower bound of d, what is usual, and its z."""

    patch: Patch
    class_: int
    d: float
    lower: float
    usual: float
    z: float
    tests: int
    is_large: bool
    shares: tuple[Floats, Floats] | None = None

    def excess(self, margin: float) -> float:
        """Above 1 the patch is a mark."""
        return min(self.lower / _d_of(self.least(margin)), self.d / max(TIMES * self.usual, 1e-9))

    def least(self, margin: float) -> float:
        """The smallest power that is a finding."""
        return max(margin, _POWER_OF_LARGE) if self.is_large else margin


def _d_of(auc: float) -> float:
    from scipy.stats import norm

    return float(2**0.5 * norm.ppf(min(auc, 0.999999)))


def auc_of(d: float) -> float:
    """The AUC of two normal distributions that lie d standard deviations apart."""
    from scipy.stats import norm

    return float(norm.cdf(d / 2**0.5))


def strongest(plane: NDArray[np.float32], members: Mask) -> PatchPower:
    """The strongest patch of [rows, side, side]; `members`: [classes, rows]."""
    side = plane.shape[1]
    flat = plane.reshape(len(plane), -1)
    flat = flat - flat.mean(axis=0)
    covariance = (flat.T @ flat / len(flat)).astype(np.float64)
    contrast = float(np.trace(covariance) / len(covariance))
    if contrast <= 0:
        return PatchPower(Patch(1, 0, 0, np.arange(1), np.arange(0)), 0, 0.0, 0.0, 0.0, 0.0, 1, False)
    largest = max(1, int(side * _LARGEST_SQUARE))
    families = [list(_squares(side, size)) for size in _SQUARES if size == 1 or size <= largest]
    families.append(list(_lines(side)))
    tests = sum(map(len, families)) * len(members)
    found = [_strongest_of(flat, covariance, contrast, family, members, tests, side) for family in families]
    return max(found, key=lambda each: each.excess(0.75))


def _strongest_of(
    flat: NDArray[np.float32],
    covariance: Floats,
    contrast: float,
    patches: list[Patch],
    members: Mask,
    tests: int,
    side: int,
) -> PatchPower:
    from scipy.stats import norm

    weights = np.zeros((flat.shape[1], len(patches)), dtype=np.float32)
    means = np.zeros_like(weights)
    for i, patch in enumerate(patches):
        among = covariance[np.ix_(patch.around, patch.around)] + _RIDGE * contrast * np.eye(len(patch.around))
        predicted = np.linalg.solve(among, covariance[np.ix_(patch.around, patch.inside)].mean(axis=1))
        means[patch.inside, i] = 1 / len(patch.inside)
        weights[patch.around, i] = -predicted
    left, error = _separation(flat @ (weights + means), members, contrast)
    d = np.abs(left)
    is_line = patches[0].size == _LINE
    usual = float(np.quantile(d.max(axis=0), _USUAL_LINE if is_line else _USUAL_SQUARE))
    # The patch itself must show the class as well; computed for the best candidates only.
    best = np.argsort(-d.max(axis=0), kind="stable")[:_CANDIDATES]
    means, patches = means[:, best], [patches[i] for i in best]
    plain, _ = _separation(flat @ means, members, contrast)
    left, error = left[:, best], error[:, best]
    d = np.where(np.sign(plain) == np.sign(left), np.minimum(np.abs(plain), np.abs(left)), 0.0)
    error_of_d = np.sqrt(error**2 + d**2 / (2 * members.sum(axis=1))[:, None])
    lower = d - norm.isf(0.01 / tests) * error_of_d
    class_, place = np.unravel_index(int(np.argmax(lower)), lower.shape)
    patch = patches[int(place)]
    is_large = is_line or (patch.size > 1 and patch.size > side * _SMALL)
    z = float(d[class_, place] / error[class_, place])
    values = flat @ means[:, place]
    shares = values[members[class_]], values[~members[class_]]
    return PatchPower(
        patch, int(class_), float(d[class_, place]), float(lower[class_, place]), usual, z, tests, is_large, shares
    )


def _separation(values: NDArray[np.float32], members: Mask, contrast: float) -> tuple[Floats, Floats]:
    """[classes, patches]: Cohen's d of each class against the rest, and the standard error of the difference."""
    ones = members.astype(np.float32)
    inside = members.sum(axis=1).astype(np.float64)[:, None]
    outside = members.shape[1] - inside
    sums, squares = (ones @ values).astype(np.float64), (ones @ (values * values)).astype(np.float64)
    total, total_squares = values.sum(axis=0, dtype=np.float64), (values * values).sum(axis=0, dtype=np.float64)
    mean, other = sums / inside, (total - sums) / outside
    variance = np.maximum(squares / inside - mean**2, 0.0)
    other_variance = np.maximum((total_squares - squares) / outside - other**2, 0.0)
    grain = _GRAIN**2 * contrast
    spread = np.sqrt((variance + other_variance) / 2 + grain)
    error = np.sqrt((variance + grain) / inside + (other_variance + grain) / outside) / spread
    return (mean - other) / spread, error


def _squares(side: int, size: int) -> Iterator[Patch]:
    down, across = np.divmod(np.arange(side * side), side)
    for row in range(side - size + 1):
        for column in range(side - size + 1):
            away = np.maximum(
                np.maximum(row - down, down - row - size + 1), np.maximum(column - across, across - column - size + 1)
            )
            yield Patch(size, row, column, np.flatnonzero(away <= 0), np.flatnonzero((away > 0) & (away <= _BAND)))


def _lines(side: int) -> Iterator[Patch]:
    """Rows and columns without their ends, which belong to the crossing lines of a marked frame."""
    down, across = np.divmod(np.arange(side * side), side)
    end = min(3, side // 4)
    for along, other, is_row in ((down, across, True), (across, down, False)):
        middle = (other >= end) & (other < side - end)
        for line in range(side):
            away = np.abs(along - line)
            yield Patch(
                _LINE,
                line if is_row else -1,
                -1 if is_row else line,
                np.flatnonzero((away == 0) & middle),
                np.flatnonzero((away > 0) & (away <= _BAND) & middle),
            )
