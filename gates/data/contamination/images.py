"""Held-out images with a near copy in train: shifted by a pixel, saved again, brightened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.text import p_value_text
from gates.data.contamination.image_search import ImageIndex, fitting_layout
from gates.data.evidence import Data, pair_name
from gates.data.images import fits, layout_of, like_classes, sampled_rows
from gates.statistics.sampling import effective_rows
from gates.tables.table import Codes, ColumnKind, Floats, Table, joint_codes
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, RowSample
from gates.verdict.measurement import Measurement

_SAMPLE = 8_000
_FEWEST = 30
# Two images are near copies from this normalised cross-correlation on, or from where train's own end.
_ALIKE = 0.98
# Shares of train's own images that lie beyond the thresholds; 0 stands for the largest alone.
_OWN_SHARES = (0.0, 0.001, 0.005, 0.02, 0.1)
_TIMES = 2.0
# Images of this size never agree in all pixels by chance, even in black and white (0 of 4,000 in Fashion-MNIST reduced
# to black and white; 15 % of those reduced to 14 x 14).
_LARGE = 24
_MOVED = 0.9995
_MOST_MOVED = 0.02
_BINS = np.round(np.array([-1.0, 0.5, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0]), 3)


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="images of eval or test that are in train but for a shift of a pixel, noise, brightness or contrast",
    statistic="share of images whose nearest in train is nearer than train's own are to each other",
    margin=0.001,
    rule="blocks above the margin and above 2 x train's own share, one-sided Fisher test, Bonferroni over 6 "
    "thresholds; in images of 24 x 24 or more also above 2 % that agree exactly once moved by a pixel",
    source="perceptual hash in bands (Zauner 2010; Broder 1997), normalised cross-correlation (Lewis 1995); "
    "Kapoor & Narayanan 2023, L1.4; docs/statistics.md, Nearness of images",
    needs=(Need.HELD_OUT, Need.IMAGE),
)
def near_duplicate_images(data: Data, margin: float) -> Iterable[Measurement]:
    """The similarity to the nearest image of train, for held-out images and for train's own images.

    Honest images have near copies too (the trousers of Fashion-MNIST), so train against itself gives the usual share.
    Candidates share a band of the hash of 64 frequencies; each is compared in 9 positions; normalised cross-correlation
    verifies the best one. `exact_duplicates` judges equal images. O(n), on a sample of the other table.
    """
    columns = data.features_of(ColumnKind.IMAGE)
    measured = [each for name in columns for pair in data.pairs for each in _of_column(pair, name, margin)]
    if not measured:
        raise NotApplicable(f"fewer than {_FEWEST} images on a side, or too few numbers in each to find copies")
    yield from measured


def _of_column(data: Data, name: str, margin: float) -> Iterator[Measurement]:
    for table_name, table in data.held_out.items():
        if name not in data.comparable(table, ColumnKind.IMAGE) or not fits(table, name, layout_of(data.train, name)):
            continue
        index = _index(data, name)
        rows = sampled_rows(table, name, _SAMPLE, data.seed)
        if index is None or len(rows) < _FEWEST:
            continue
        train_codes, other_codes = joint_codes([data.train, table], [name])
        groups = data.groups(table)
        found, nearest, _ = index.nearest(table.vectors(name)[rows], other_codes[rows], train_codes)
        own_rows, own = _own(data, name, table_name if groups else None)
        kept, there = like_classes(data, table, own_rows, rows)
        if min(kept.sum(), there.sum()) < _FEWEST:
            continue
        pair = groups and (groups[0][own_rows[kept]], groups[1][rows[there]])
        is_large = index.side >= _LARGE
        sides = (data.train, table)
        yield _judged(name, sides, rows[there], found[there], nearest[there], own[kept], pair, margin, is_large)


@lru_cache(maxsize=2)
def _index(data: Data, name: str) -> ImageIndex | None:
    layout = fitting_layout(data.train, name)
    rows = sampled_rows(data.train, name, data.train.rows, data.seed)
    return ImageIndex(data.train.vectors(name), rows, layout) if layout and len(rows) >= _FEWEST else None


@lru_cache(maxsize=4)
def _own(data: Data, name: str, other: str | None) -> tuple[Codes, Floats]:
    """Rows of train and their similarity to the nearest other image of train; with `other`, of another entity."""
    index = _index(data, name)
    assert index is not None
    rows = sampled_rows(data.train, name, _SAMPLE, data.seed + 1)
    (train_codes,) = joint_codes([data.train], [name])
    groups = data.groups(data.held_out[other]) if other else None
    apart = None if groups is None else (groups[0][rows], groups[0])
    found, _, _ = index.nearest(data.train.vectors(name)[rows], train_codes[rows], train_codes, apart)
    return rows, found


@dataclass(frozen=True)
class _Rung:
    """One threshold: the share of the split's images beyond it, the share that matters, and p of the difference."""

    threshold: float
    value: float
    least: float
    p_value: float


def _rung(share: float, own: Floats, found: Floats, effective: tuple[float, float], margin: float) -> _Rung:
    from scipy.stats import hypergeom

    beyond = max(1, round(share * len(own)))
    threshold = max(_ALIKE, float(np.sort(own)[-beyond]))
    own_share = float((own >= threshold).mean())
    value = float((found > threshold).mean() if threshold > _ALIKE else (found >= threshold).mean())
    # Fisher's exact test on effective rows, rounded towards less certainty.
    rows, own_rows = int(effective[1]), int(effective[0])
    hits, own_hits = int(value * rows + 1e-9), int(np.ceil(own_share * own_rows - 1e-9))
    p_value = float(hypergeom.sf(hits - 1, rows + own_rows, hits + own_hits, rows))
    return _Rung(threshold, value, max(margin, _TIMES * own_share), p_value)


def _moved_copies(found: Floats, effective: float) -> _Rung:
    """Images that agree in every pixel after a shift: more than 2 % are too many, whatever train's own share.

    Augmentation before the split makes such images, and it makes train's own share as large.
    """
    from scipy.stats import binom

    value = float((found >= _MOVED).mean())
    return _Rung(
        _MOVED, value, _MOST_MOVED, float(binom.sf(int(value * effective + 1e-9) - 1, int(effective), _MOST_MOVED))
    )


def _judged(
    name: str,
    sides: tuple[Table, Table],
    rows: Codes,
    found: Floats,
    nearest: Codes,
    own: Floats,
    groups: tuple[Codes, Codes] | None,
    margin: float,
    moved_copies_count: bool,
) -> Measurement:
    base, table = sides[0].name, sides[1]
    rungs = [_rung(share, own, found, effective_rows(own, found, groups), margin) for share in _OWN_SHARES]
    if moved_copies_count:
        rungs.append(_moved_copies(found, effective_rows(own, found, groups)[1]))
    best = max(rungs, key=lambda rung: (rung.value > rung.least, -rung.p_value))
    value, least, threshold, p_value = best.value, best.least, best.threshold, min(1.0, len(rungs) * best.p_value)
    hits = np.flatnonzero(found >= threshold)
    sampled = f"a sample of {len(rows):,} of {table.rows:,}" if len(rows) < table.rows else f"{len(rows):,}"
    own_share = float((own >= threshold).mean())
    text = (
        f"{value:.2%} of {sampled} images in {table.name} have a near copy in {base} (correlation {threshold:.4f} or "
        f"more in one of 9 positions, not equal); of {len(own):,} of {base}'s own images {own_share:.2%} have "
        f"one in the rest of {base} ({p_value_text(p_value)})."
    )
    return Measurement(
        subject=f"{name} in {pair_name(sides[0], table.name)}",
        column=name,
        statistic=f"share of images with a near copy in {base}",
        value=value,
        margin=least,
        n=len(rows),
        reason=text,
        remedy="Remove these images from one side, and split before images are augmented or cut from larger ones.",
        p_value=p_value,
        chart=_chart(base, table.name, own, found),
        sample=_sample(sides, rows, found, nearest, hits),
    )


def _chart(base: str, other: str, own: Floats, found: Floats) -> Chart:
    labels = tuple(f"up to {edge:g}" for edge in _BINS[1:])

    def shares(values: Floats) -> tuple[float, ...]:
        counts, _ = np.histogram(np.clip(values, -1, 1), _BINS)
        return tuple(float(each) for each in counts / max(len(values), 1))

    series = {base: shares(own), other: shares(found)}
    return Chart(f"share of images by correlation with the nearest in {base}", labels, series, labels[-1])


def _sample(sides: tuple[Table, Table], rows: Codes, found: Floats, nearest: Codes, hits: Codes) -> RowSample | None:
    if not len(hits):
        return None
    first = hits[np.argsort(-found[hits], kind="stable")[:5]]
    base, table = sides
    text = tuple((str(table.position[rows[i]]), str(nearest[i]), f"{found[i]:.4f}") for i in first)
    return RowSample("near copies", (f"row of {table.name}", f"row of {base.name}", "correlation"), text)
