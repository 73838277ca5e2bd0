"""Finds the most similar of many images without comparing all pairs: perceptual hash in bands."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gates.data.images import Layout, Pixels, layout_of
from gates.tables.table import Codes, Floats, Table

_BITS = 64
_FEWEST_NUMBERS = 16
_MOST_IN_BUCKET = 100
_PAIRS_AT_ONCE = 200_000
_QUERIES_AT_ONCE = 1_000
_CHUNK = 8_192


def fitting_layout(table: Table, name: str) -> Layout | None:
    """The layout of the column; None when a row has too few numbers for a similarity to prove a copy."""
    layout = layout_of(table, name)
    return layout if layout.width >= _FEWEST_NUMBERS else None


class ImageIndex:
    """The images of one table by their hash.

    An image is indexed by its inner window, one pixel smaller on each side. A query is looked up by its own inner
    window and the 8 windows around it, so an image that was moved by a pixel matches exactly. A vector has one window.
    """

    def __init__(self, images: Pixels, rows: Codes, layout: Layout) -> None:
        self._images, self._rows, self._layout = images, rows, layout
        self._windows = _windows(layout)
        self._basis = _basis(layout)
        coefficients = [self._coefficients(part, 0) for part in _parts(images, rows)]
        self._coefficients_of = np.concatenate(coefficients)
        self._middle = np.median(self._coefficients_of, axis=0)
        width = int(np.clip(np.ceil(np.log2(max(len(rows), 2))), 8, 16))
        bits = self._coefficients_of.shape[1]
        count = max(1, bits // width)
        # Each band takes every `count`-th frequency: coarse and fine ones in each.
        self._bands = [np.arange(band, bits, count)[: min(width, bits)] for band in range(count)]
        self._sorted = []
        for keys in self._keys(self._coefficients_of):
            order = np.argsort(keys, kind="stable")
            self._sorted.append((keys[order], order))

    @property
    def side(self) -> int:
        """The side of an image in pixels; 0 for vectors."""
        return self._layout.side

    def nearest(
        self, queries: Pixels, query_codes: Codes, image_codes: Codes, apart: tuple[Codes, Codes] | None = None
    ) -> tuple[Floats, Codes, Codes]:
        """For each query the correlation with its best candidate (0 without one), that candidate's row, and the window.

        Images whose code in `image_codes` equals the query's in `query_codes` are skipped; so are those of `apart`.
        """
        score, row = np.zeros(len(queries)), np.full(len(queries), -1)
        window = np.zeros(len(queries), dtype=np.int64)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(start, start + _QUERIES_AT_ONCE)
            passed = [(query_codes[part], image_codes[self._rows])]
            if apart is not None:
                passed.append((apart[0][part], apart[1][self._rows]))
            score[part], row[part], window[part] = self._best(queries[part], passed)
        return score, row, window

    def _best(self, queries: Pixels, passed: list[tuple[Codes, Codes]]) -> tuple[Floats, Codes, Codes]:
        coefficients = np.stack([self._coefficients(queries, w) for w in range(len(self._windows))], axis=1)
        flat = coefficients.reshape(-1, coefficients.shape[2])
        best = np.full(len(queries), -np.inf)
        found, window = np.full(len(queries), -1), np.zeros(len(queries), dtype=np.int64)
        for keys, (known, order) in zip(self._keys(flat), self._sorted, strict=True):
            first = np.searchsorted(known, keys, "left")
            many = np.minimum(np.searchsorted(known, keys, "right") - first, _MOST_IN_BUCKET)
            for low, high in _cuts(many):
                lookup = np.repeat(np.arange(low, high), many[low:high])
                offset = np.arange(len(lookup)) - np.repeat(np.cumsum(many[low:high]) - many[low:high], many[low:high])
                candidate = order[first[lookup] + offset]
                query = lookup // len(self._windows)
                kept = np.ones(len(lookup), dtype=bool)
                for query_codes, image_codes in passed:
                    kept &= query_codes[query] != image_codes[candidate]
                lookup, candidate, query = lookup[kept], candidate[kept], query[kept]
                apart = flat[lookup] - self._coefficients_of[candidate]
                likeness = -np.einsum("ij,ij->i", apart, apart)
                # Ascending, so that the last assignment to a query is its best candidate.
                rising = np.argsort(likeness, kind="stable")
                rising = rising[likeness[rising] > best[query[rising]]]
                best[query[rising]] = likeness[rising]
                found[query[rising]] = candidate[rising]
                window[query[rising]] = lookup[rising] % len(self._windows)
        return self._verified(queries, found, window), np.where(found >= 0, self._rows[found], -1), window

    def _verified(self, queries: Pixels, found: Codes, window: Codes) -> Floats:
        """Normalised cross-correlation over all numbers of the window."""
        score = np.zeros(len(queries))
        for number, inside in enumerate(self._windows):
            matched = np.flatnonzero((found >= 0) & (window == number))
            if len(matched):
                a = queries[matched][:, inside].astype(np.float64)
                b = self._images[self._rows[found[matched]]][:, self._windows[0]].astype(np.float64)
                a -= a.mean(axis=1, keepdims=True)
                b -= b.mean(axis=1, keepdims=True)
                length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
                score[matched] = np.where(length > 0, (a * b).sum(axis=1) / np.where(length > 0, length, 1.0), 0.0)
        return score

    def _coefficients(self, flat: Pixels, window: int) -> Pixels:
        """The window's lowest frequencies without brightness, divided by the window's contrast."""
        inside = self._windows[window]
        basis = np.zeros((self._layout.width, self._basis.shape[1]), dtype=np.float32)
        basis[inside] = self._basis
        whole = np.zeros(self._layout.width, dtype=np.float32)
        whole[inside] = 1.0
        sums, squares = flat @ whole, np.einsum("ij,ij,j->i", flat, flat, whole, optimize=False)
        contrast = np.sqrt(np.maximum(squares - sums**2 / len(inside), 0.0))
        # A flat image has no frequencies and matches no other.
        flatness = contrast <= 1e-4 * np.sqrt(np.maximum(squares, 1e-30))
        with np.errstate(all="ignore"):
            scaled = (flat @ basis) / np.where(flatness, 1.0, contrast)[:, None]
        return np.where(flatness[:, None], np.float32(0), scaled).astype(np.float32)

    def _keys(self, coefficients: Pixels) -> list[Codes]:
        bits = coefficients > self._middle
        return [bits[:, band] @ (np.int64(1) << np.arange(len(band))) for band in self._bands]


def _parts(images: Pixels, rows: Codes) -> list[Pixels]:
    return [images[rows[start : start + _CHUNK]] for start in range(0, len(rows), _CHUNK)]


def _cuts(many: Codes) -> list[tuple[int, int]]:
    """Ranges of queries whose pairs fit into memory."""
    ends = np.cumsum(many)
    edges = np.searchsorted(ends, np.arange(_PAIRS_AT_ONCE, int(ends[-1]) + _PAIRS_AT_ONCE, _PAIRS_AT_ONCE))
    stops = sorted({*(min(int(edge) + 1, len(many)) for edge in edges), len(many)})
    return [(low, high) for low, high in zip([0, *stops[:-1]], stops, strict=True) if high > low]


def _windows(layout: Layout) -> list[NDArray[np.intp]]:
    """The numbers inside each window, the one in the middle first."""
    numbers = np.arange(layout.width)
    if not layout.is_image:
        return [numbers]
    planes = layout.planes(numbers)[0]  # type: ignore[arg-type]
    moves = sorted(
        ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)), key=lambda move: (abs(move[0]) + abs(move[1]), move)
    )
    end = layout.side - 1
    return [planes[:, 1 + y : end + y, 1 + x : end + x].reshape(-1) for y, x in moves]


@lru_cache(maxsize=4)
def _basis(layout: Layout) -> Pixels:
    """[numbers of a window, at most 64] orthonormal directions without a mean: low frequencies, or random ones."""
    if not layout.is_image:
        random = np.random.default_rng(layout.width).normal(size=(layout.width, min(_BITS, layout.width - 1)))
        return np.linalg.qr(random - random.mean(axis=0))[0].astype(np.float32)
    side = layout.side - 2
    frequency = np.arange(side)
    cosine = np.cos(np.pi * np.outer(frequency + 0.5, frequency) / side) * (2 / side) ** 0.5
    cosine[:, 0] /= 2**0.5
    down, across = np.divmod(np.arange(side * side), side)
    lowest = np.lexsort((down, np.abs(down - across), down + across))[1 : _BITS + 1]
    plane = np.stack([np.outer(cosine[:, down[i]], cosine[:, across[i]]).reshape(-1) for i in lowest], axis=1)
    return np.tile(plane / layout.channels**0.5, (layout.channels, 1)).astype(np.float32)
