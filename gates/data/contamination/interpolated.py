"""Rows that were computed from other rows before the split: between two rows, as SMOTE and mixing make them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gates.data.assignment import row_sample, without_row_numbers
from gates.data.boosted import sample_of
from gates.data.contamination.between import (
    NATS,
    NEIGHBOURS,
    ONE_IN,
    decimal_step,
    information,
    nearest,
    proven,
    rounding,
    steps_of,
    triples,
    triples_beyond,
    whitened,
)
from gates.data.evidence import Data, pair_name
from gates.data.images import fits, image_features, layout_of, sampled_rows
from gates.data.target import target_in, target_of
from gates.data.units import Unit
from gates.tables.table import Codes, ColumnKind, Floats, Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement

# Rows of a held-out split that are examined, and rows of train among which parents are looked for.
_QUERIES, _IMAGES, _KNOWN = 1_000, 300, 50_000
_FEWEST_ROWS, _FEWEST_QUERIES = 50, 30
# A column with fewer values is a code or a count, which mixing copies from one parent.
_FEWEST_VALUES = 20
_FEWEST_COLUMNS = 3
# A column that the others explain but for this share of its spread tells nothing of its own.
_OWN_SPREAD = 0.01
_QR_ROWS = 5_000
# Of very wide tables so many columns: a row between two others is so in any of them.
_MOST_LOOKED_AT, _MOST_COLUMNS = 200, 40
_LARGEST = 1e15
# Grey levels, of 256, by which a mixed pixel may be off: rounding of both images and of the mixture.
_LEVELS = 128
# Neighbouring pixels resemble each other: so many of them count as one.
_PIXELS_ALIKE = 10
_PIXELS_OFF = 0.05


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="rows that were made from other rows before the split (SMOTE and its kin, mixed images)",
    statistic="share of held-out rows that lie exactly between two rows of train",
    margin=0.01,
    rule="in all measured columns at once (3 at least; so many count as the 32 nearest rows span directions), nearer "
    "than chance would put one row of 10,000; more than 1 % of the rows, binomial; of images 95 % of the pixels",
    source="Chawla et al. 2002, SMOTE; Zhang et al. 2018, mixup; docs/statistics.md, Rows between two others",
    needs=(Need.HELD_OUT,),
)
def interpolated_rows(data: Data, margin: float) -> Iterator[Measurement]:
    """Rows between two neighbours, exactly, so that one place on the line gives every column.

    Honest rows never agree so in several measured columns: the probability is what the rounding of each value leaves,
    so whole numbers, grids and prices prove next to nothing. Train cannot serve as the usual share here: rows that
    were made before the split are as frequent in it. Beyond neighbours (mixing of any two rows) images alone are found.
    """
    found = [each for pair in data.pairs for each in _of_pair(pair, margin)]
    if not found:
        raise NotApplicable(f"the splits share no image and fewer than {_FEWEST_COLUMNS} columns of measurements")
    yield from found


def _of_pair(data: Data, margin: float) -> Iterator[Measurement]:
    if data.train.rows < _FEWEST_ROWS:
        return
    for split, other in data.held_out.items():
        if other.rows < _FEWEST_QUERIES:
            continue
        names = _columns(data, other)
        if names:
            rows, nats = _of_numbers(data, other, names)
            if len(rows) >= _FEWEST_QUERIES:
                yield _judged(data, split, None, rows[nats >= NATS], len(rows), names, margin)
        for name in data.comparable(other, ColumnKind.IMAGE):
            if fits(other, name, layout_of(data.train, name)):
                rows, nats = _of_images(data, other, name)
                if len(rows) >= _FEWEST_QUERIES:
                    yield _judged(data, split, name, rows[nats >= NATS], len(rows), [], margin)


def _columns(data: Data, other: Table) -> list[str]:
    """Measurements, without those that are linear in the others; empty when fewer than three are left."""
    from scipy.linalg import qr

    names = without_row_numbers([data.train, other], data.comparable(other, ColumnKind.NUMBER))
    names = [name for name in names if _is_measured(data.train.numbers(name))][:_MOST_LOOKED_AT]
    if len(names) < _FEWEST_COLUMNS:
        return []
    matrix = _scaled(data.train, names, sample_of(data.train, _QR_ROWS, data.seed))
    _, triangle, order = qr(matrix, mode="economic", pivoting=True)
    own = np.abs(np.diag(triangle)) / np.sqrt(len(matrix))
    kept = [names[place] for place, spread in zip(order, own, strict=False) if spread > _OWN_SPREAD]
    return sorted(kept[:_MOST_COLUMNS]) if len(kept) >= _FEWEST_COLUMNS else []


def _is_measured(values: Floats) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0.8 * len(values) and len(np.unique(known[:10_000])) > _FEWEST_VALUES


def _scaled(table: Table, names: list[str], rows: NDArray[np.intp]) -> Floats:
    """Standardised columns of these rows; missing values are 0."""
    columns = []
    for name in names:
        values = table.numbers(name)[rows]
        known = values[np.isfinite(values)]
        spread = float(known.std()) if len(known) else 0.0
        centred = (values - (known.mean() if len(known) else 0.0)) / (spread if np.isfinite(spread) and spread else 1.0)
        columns.append(np.where(np.isfinite(centred), centred, 0.0))
    return np.column_stack(columns)


def _whole(table: Table, names: list[str], at_most: int, seed: int) -> tuple[NDArray[np.intp], Floats]:
    """At most so many rows, of these the ones with a value in every column, and the values."""
    rows = sample_of(table, at_most, seed)
    values = np.column_stack([table.numbers(name)[rows] for name in names])
    with np.errstate(invalid="ignore"):
        whole = (np.abs(values) < _LARGEST).all(axis=1)
    return rows[whole], values[whole]


def _of_numbers(data: Data, other: Table, names: list[str]) -> tuple[Codes, Floats]:
    known_rows, known = _whole(data.train, names, _KNOWN, data.seed)
    rows, values = _whole(other, names, _QUERIES, data.seed)
    if len(known) < _FEWEST_ROWS or not len(rows):
        return rows, np.zeros(len(rows))
    scale = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    scaled, asked = known / scale, values / scale
    neighbours = nearest(scaled, asked, _classes(data, other, known_rows, rows))
    step: Floats = np.array([steps_of(known[:, j]) for j in range(len(names))], dtype=np.float64)
    ordered = np.sort(known, axis=0)
    best = np.zeros(len(rows))
    for found in triples(scaled, asked, neighbours):
        ends, between = (known[found.first], known[found.second]), values[found.query]
        size = np.maximum(np.maximum(np.abs(ends[0]), np.abs(ends[1])), np.abs(between))
        written = np.maximum(decimal_step(between), step) / 2
        tolerance = np.asarray(2 * np.maximum(rounding(size), written), dtype=np.float64)
        span = np.abs(ends[1] - ends[0])
        equal = _frequency(ordered, ends, between, tolerance)
        chance = np.asarray(np.maximum(2 * tolerance / np.maximum(span, 1e-300), equal), dtype=np.float64)
        nats = information(ends, between, tolerance, chance)

        def away(places: Codes, query: Codes = found.query) -> Floats:
            rows = query[places]
            near = neighbours[rows, :NEIGHBOURS]
            return np.asarray(scaled[near] - asked[rows, None, :], dtype=np.float64)

        np.maximum.at(best, found.query, proven(nats, away))
    return rows, best


def _frequency(ordered: Floats, ends: tuple[Floats, Floats], between: Floats, tolerance: Floats) -> Floats:
    """The share of a column's values between the ends that are as good as equal to the given one."""
    found = np.empty(between.shape)
    low, high = np.minimum(*ends), np.maximum(*ends)
    for j in range(between.shape[1]):
        column = ordered[:, j]

        def count(start: Floats, end: Floats, column: Floats = column) -> Floats:
            within = np.searchsorted(column, end, "right") - np.searchsorted(column, start, "left")
            return within.astype(np.float64)

        equal = count(between[:, j] - tolerance[:, j], between[:, j] + tolerance[:, j])
        found[:, j] = equal / np.maximum(count(low[:, j], high[:, j]), 1)
    return found


def _classes(data: Data, other: Table, known: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[Codes, Codes] | None:
    try:
        target = target_of(data)
        there = target_in(other, target)
    except NotApplicable:
        return None
    return None if target.is_regression else (target.codes[known], there.codes[rows])


def _of_images(data: Data, other: Table, name: str) -> tuple[Codes, Floats]:
    """On the means of blocks, which mix as the pixels do; the pixels of the candidates decide."""
    layout = layout_of(data.train, name)
    known_rows = sampled_rows(data.train, name, _KNOWN, data.seed)
    rows = sampled_rows(other, name, _IMAGES, data.seed)
    if len(known_rows) < _FEWEST_ROWS or not len(rows):
        return rows, np.zeros(len(rows))
    coarse = [
        np.column_stack(list(image_features(table, name, layout).values()))[chosen]
        for table, chosen in ((data.train, known_rows), (other, rows))
    ]
    known, queries = whitened(*coarse)
    if not known.shape[1]:  # all images are the same
        return rows, np.zeros(len(rows))
    best = np.zeros(len(rows))
    pixels, asked = data.train.vectors(name), other.vectors(name)
    level = max(float(np.ptp(asked[rows[:_FEWEST_ROWS]])), 1e-30) / _LEVELS
    for found in triples_beyond(known, queries):
        nats = [
            _of_pixels(pixels[known_rows[a]], pixels[known_rows[b]], asked[rows[q]], level)
            for q, a, b in zip(found.query, found.first, found.second, strict=True)
        ]
        np.maximum.at(best, found.query, np.array(nats))
    return rows, best


def _of_pixels(first: NDArray, second: NDArray, between: NDArray, level: float) -> float:
    """The nats of an image between two others; 0 where it is not."""
    a, b, c = (each.astype(np.float64) for each in (first, second, between))
    step = b - a
    place = float((c - a) @ step) / max(float(step @ step), 1e-300)
    off = np.abs(a + place * step - c) > level
    moving = np.abs(step) > 2 * level
    if not 0 < place < 1 or not moving.any() or off[moving].mean() > _PIXELS_OFF or off.mean() > _PIXELS_OFF:
        return 0.0
    nats = np.log(np.abs(step[moving]) / (2 * level)) * np.where(off[moving], 0.0, 1.0)
    return float(nats.sum()) / _PIXELS_ALIKE


def _judged(
    data: Data, split: str, image: str | None, hits: Codes, examined: int, names: list[str], margin: float
) -> Measurement:
    from scipy.stats import binom

    base, share = data.train.name, len(hits) / examined
    beyond = share > margin
    what = "rows" if image is None else "images"
    where = f"in all of {len(names)} measured columns" if image is None else f"in the pixels of `{image}`"
    subject = pair_name(data.train, split)
    return Measurement(
        subject=subject if image is None else f"{image} in {subject}",
        column=image,
        statistic=f"share of {split} {what} that lie exactly between two of {base}",
        value=share,
        n=examined,
        p_value=float(binom.sf(len(hits) - 1, examined, 1 / ONE_IN)),
        beyond=beyond,
        at_most=Severity.WARN if data.unit(data.held_out[split]) is Unit.TIME else Severity.BLOCK,
        reason=f"{len(hits):,} of {examined:,} {split} {what} ({share:.2%}) lie between two {what} of {base}, exactly "
        f"and {where}; chance would put {examined / ONE_IN:.1f} there.",
        remedy=f"Split first, and make {what} (SMOTE, interpolation, mixing) of train alone."
        if beyond
        else "Nothing to do.",
        sample=row_sample(data.held_out[split], hits, f"{what} of {split} between two of {base}", names)
        if beyond and image is None
        else None,
    )
