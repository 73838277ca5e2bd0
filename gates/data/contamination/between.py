"""Finds rows that lie on the line between two other rows, and the probability that chance puts one there.

The derivation: docs/statistics.md, Rows between two others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.tables.table import Codes, Floats

Singles = NDArray[np.float32]  # enough to look for candidates

# Neighbours of a row among which its parents are looked for: all rows, and those of its own class.
NEIGHBOURS = 32
# Of all pairs of neighbours, those that a row lies most exactly between are examined.
_PAIRS = 6
# Two unit vectors from a row to its parents are opposite: a sum of less than this is worth a look.
_OPPOSITE = -0.9
_QUERIES_AT_ONCE = 250
# Components with less of the largest one's variance hold little but rounding.
_LEAST_SPREAD = 1e-4
# Of a query: its nearest rows, from each of which a line goes through it.
_FIRSTS = 3
_NO_DISTANCE = 1e-6
_LINES_AT_ONCE = 25
# A row counts when chance would put one of this many there.
ONE_IN = 1e4
_CANDIDATES = (2 * NEIGHBOURS) ** 2 / 2
NATS = float(np.log(ONE_IN * _CANDIDATES))

# Neighbours span a direction in which they spread by this share of their widest spread: 2,000 rows of a curve leave
# 0.002 in the third direction, rows made of 100 irises 0.15.
_DIRECTION = 0.05
_FEWEST_DIRECTIONS = 3

# float32 holds a number to 6e-8 of its size, and interpolation adds and multiplies.
_ROUNDING = 4e-7
_DECIMALS = 7
_FINEST_GAPS = 0.01
_WRITTEN_ROWS = 3_000


@dataclass(frozen=True)
class Triple:
    """Rows and the two rows that each of them may lie between; one entry a candidate."""

    query: Codes
    first: Codes
    second: Codes


def nearest(known: Floats, queries: Floats, classes: tuple[Codes, Codes] | None) -> NDArray[np.intp]:
    """[queries, 2 * NEIGHBOURS] rows of `known`: the nearest of all and, by `classes` (codes of both sides), of the
    same class. A row that is there twice or stands for none is -1."""
    whole = _nearest(known, np.arange(len(known)), queries)
    if classes is None:
        return whole
    alike = np.full((len(queries), NEIGHBOURS), -1)
    for code in np.unique(classes[1]):
        rows, asked = np.flatnonzero(classes[0] == code), np.flatnonzero(classes[1] == code)
        if len(rows):
            found = _nearest(known, rows, queries[asked])
            alike[asked, : found.shape[1]] = found
    alike[(alike[:, :, None] == whole[:, None, :]).any(axis=2)] = -1
    return np.hstack([whole, alike])


def _nearest(known: Floats, rows: Codes, queries: Floats) -> NDArray[np.intp]:
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        index = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(rows)), algorithm="brute").fit(known[rows])
        return np.asarray(rows[index.kneighbors(queries, return_distance=False)])


def triples(known: Floats, queries: Floats, neighbours: NDArray[np.intp]) -> Iterator[Triple]:
    """For each query the pairs of its neighbours that it lies most nearly between, in parts of the queries."""
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        part = neighbours[start : start + _QUERIES_AT_ONCE]
        away = known[part] - queries[start : start + _QUERIES_AT_ONCE, None, :]
        length = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
        length[part < 0] = 0.0
        unit = away / np.where(length > 0, length, 1.0)[:, :, None]
        unit[length == 0] = 0.0
        cosine = np.einsum("ijk,ilk->ijl", unit, unit, optimize=True)
        upper = np.triu_indices(part.shape[1], 1)
        cosine = cosine[:, upper[0], upper[1]]
        best = np.argpartition(cosine, min(_PAIRS, cosine.shape[1] - 1), axis=1)[:, :_PAIRS]
        rows, place = np.nonzero(np.take_along_axis(cosine, best, axis=1) < _OPPOSITE)
        chosen = best[rows, place]
        yield Triple(rows + start, part[rows, upper[0][chosen]], part[rows, upper[1][chosen]])


def whitened(known: Floats, queries: Floats) -> tuple[Singles, Singles]:
    """Principal components of `known` with a spread of 1 each: in many of them any two rows are equally far apart, so
    that a mixture of two is nearer to the larger part of it than to other rows."""
    centre = known.mean(axis=0)
    spread, directions = np.linalg.eigh(np.cov(known - centre, rowvar=False))
    kept = spread > _LEAST_SPREAD * spread.max()
    turn = directions[:, kept] / np.sqrt(spread[kept])
    return ((known - centre) @ turn).astype(np.float32), ((queries - centre) @ turn).astype(np.float32)


def triples_beyond(known: Singles, queries: Singles) -> Iterator[Triple]:
    """For each query its nearest rows, each with the row that lies most nearly on the line from there through the
    query: the second parent of a mixture may be any row."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    size = (known**2).sum(axis=1)
    with threadpool_limits(limits=1):
        index = NearestNeighbors(n_neighbors=_FIRSTS, algorithm="brute").fit(known)
        first = index.kneighbors(queries, return_distance=False)
        for start in range(0, len(queries), _LINES_AT_ONCE):
            part = first[start : start + _LINES_AT_ONCE].reshape(-1)
            query = np.repeat(np.arange(start, min(start + _LINES_AT_ONCE, len(queries))), _FIRSTS)
            origin = known[part]
            step = queries[query] - origin
            length = np.sqrt((step**2).sum(axis=1))
            unit = step / np.where(length > 0, length, 1.0)[:, None]
            along = unit @ known.T - (unit * origin).sum(axis=1)[:, None]
            away = size[None, :] - 2 * origin @ known.T + size[part][:, None]
            along /= np.sqrt(np.maximum(away, _NO_DISTANCE))
            second = along.argmax(axis=1)
            line = np.flatnonzero((along[np.arange(len(part)), second] > -_OPPOSITE) & (length > 0))
            yield Triple(query[line], part[line], second[line])


def information(ends: tuple[Floats, Floats], between: Floats, tolerance: Floats, chance: Floats) -> Floats:
    """By candidate and column, how many nats of chance it takes to lie so exactly between its ends; 0 where it does
    not in all columns.

    All arrays are [candidates, columns]. `chance`: the probability that a value between the ends is as near to the
    expected one.
    """
    first, second = ends
    weight = 1 / tolerance**2
    step = second - first
    place = (weight * (between - first) * step).sum(axis=1) / np.maximum((weight * step**2).sum(axis=1), 1e-300)
    off = np.abs(first + place[:, None] * step - between)
    nats = -np.log(np.clip(chance, 1e-300, 1.0))
    nats[np.abs(step) <= tolerance] = 0.0
    inside = (off <= tolerance).all(axis=1) & (place > 0) & (place < 1)
    return np.where(inside[:, None], nats, 0.0)


def proven(nats: Floats, away: Callable[[Codes], Floats]) -> Floats:
    """By candidate, the nats of the columns that do not follow from each other near it.

    The place on the line is fitted, so the most informative column does not count. Of columns that follow one curve
    (sine and cosine of an hour) two neighbours give all: only as many count as the neighbours span directions, the
    least informative ones, and none below three. `away`: of candidates, [candidates, neighbours, columns] scaled
    differences to their neighbours.
    """
    found = nats.sum(axis=1) - nats.max(axis=1)
    likely = np.flatnonzero(found >= NATS)
    found[found >= NATS] = 0.0
    if not len(likely):
        return found
    informative = nats[likely] > 0
    spread = np.linalg.svd(away(likely) * informative[:, None, :], compute_uv=False)
    spanned = (spread > _DIRECTION * spread[:, :1]).sum(axis=1)
    ordered = np.sort(np.where(informative, nats[likely], np.inf), axis=1)
    counts = np.arange(nats.shape[1]) < np.where(spanned < _FEWEST_DIRECTIONS, 0, spanned - 1)[:, None]
    found[likely] = np.where(counts & np.isfinite(ordered), ordered, 0.0).sum(axis=1)
    return found


def steps_of(values: Floats) -> float:
    """The finest step between the values of a column: that of a lattice, and next to nothing for a measurement."""
    distinct = np.unique(values)
    gaps = np.diff(distinct)
    gaps = gaps[gaps > _ROUNDING * np.abs(distinct[1:])]
    return float(np.quantile(gaps, _FINEST_GAPS)) if len(gaps) else 0.0


def decimal_step(values: Floats) -> Floats:
    """The power of ten that each value is written in (1 for 17, 0.01 for 3.25), and 0 where it has no end."""
    found = np.zeros(values.shape)
    size = np.abs(values)
    for digits in range(_DECIMALS, -1, -1):
        step = 10.0**-digits
        off = np.abs(values - np.rint(values / step) * step)
        # A step that is finer than the rounding of the number says nothing about how it was written.
        found[(off <= _ROUNDING * size) & (step > 4 * _ROUNDING * size)] = step
    return found


def written_step(values: Floats) -> float:
    """The finest power of ten that more than a hundredth of the values is written in; 0 for any number of digits."""
    written = decimal_step(values[values != 0][:_WRITTEN_ROWS])
    ended = written[written > 0]
    return float(np.quantile(ended, 0.01)) if len(ended) >= 0.99 * len(written) and len(ended) else 0.0


def rounding(values: Floats) -> Floats:
    """The rounding error of an interpolated value."""
    return _ROUNDING * np.maximum(np.abs(values), 1e-30)
