"""Images that differ from those of train: brighter, scaled, inverted, blurred, turned, marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gates.data.boosted import Matrix
from gates.data.evidence import Data
from gates.data.images import Layout, Pixels, blocks, fits, layout_of, like_classes, sampled_rows, summaries
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.two_sample import FEWEST_ENTITIES, TwoSample
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import Distance, ks_distance
from gates.statistics.sampling import drawn
from gates.tables.table import ColumnKind, Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement

_SAMPLE = 2_000
_MOST_NUMBERS = 1_600_000
_FEWEST = 30
_FEWEST_TO_LEARN = 50
_MOST_TO_LEARN = (2_000, 1_000)
# The margin of `joint_distribution`: a lower bound of the AUC above this is a difference that matters.
_AUC = 0.53
# Numbers within this part of train's range are equal: they may have been stored in another type.
_GRAIN = 1e-6
_BARS = 12


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="images that are brighter, scaled, inverted, noisy, blurred, turned or marked where train's are not",
    statistic="KS distance of about 15 summaries and of every pixel; AUC of a classifier that separates the sides",
    margin=0.10,
    rule="a distance above the margin, or an AUC whose 99 % lower bound is above 0.53, and certain; Bonferroni over "
    "summaries and over pixels",
    source="Rabanser et al. 2019; Lopez-Paz & Oquab 2017; docs/statistics.md, Two-sample classifier",
    needs=(Need.OTHER, Need.IMAGE),
)
def image_distribution(data: Data, margin: float) -> Iterable[Measurement]:
    """Three comparisons of samples of both sides, 2,000 rows or fewer, with equal class shares where labels exist.

    Summaries of an image find changes of all of it (brightness, scale, noise, blur, place); single pixels find a mark
    or a dead line; a boosted classifier on block means and summaries finds what neither shows alone.
    """
    found = [each for pair in comparisons(data) for each in _of_pair(pair, margin)]
    if not found:
        raise NotApplicable(f"no other table has {_FEWEST} images of the same size")
    yield from found


@dataclass(frozen=True, eq=False)
class _Sides:
    """The samples of one image column on both sides."""

    pair: TableComparison
    name: str
    layout: Layout
    rows: tuple[RowNumbers, RowNumbers]
    low: float
    high: float

    @property
    def pixels(self) -> tuple[Pixels, Pixels]:
        return self.pair.train.vectors(self.name)[self.rows[0]], self.pair.other.vectors(self.name)[self.rows[1]]

    def of_train(self, rows: RowNumbers) -> Pixels:
        """The images of some of train's rows, for comparing windows of time."""
        whole = sampled_rows(self.pair.train, self.name, self.pair.train.rows)
        return np.asarray(self.pair.train.vectors(self.name)[np.intersect1d(rows, whole)[: len(self.rows[0])]])

    def summarised(self, flat: Pixels) -> dict[str, Floats]:
        """Summaries, rounded so that differences of storage vanish."""
        found = summaries(flat, self.layout, self.low, self.high)
        return {name: _snapped(values, self.high - self.low) for name, values in found.items()}


def _snapped(values: Floats, scale: float) -> Floats:
    grain = _GRAIN * max(scale, 1e-30)
    return np.rint(np.clip(values / grain, -1e15, 1e15)) * grain


def _of_pair(pair: TableComparison, margin: float) -> Iterator[Measurement]:
    for name in pair.features(ColumnKind.IMAGE):
        layout = layout_of(pair.train, name)
        if not fits(pair.other, name, layout):
            continue
        most = int(np.clip(_MOST_NUMBERS // layout.width, 200, _SAMPLE))
        train_rows, other_rows = (sampled_rows(table, name, most, pair.data.seed) for table in (pair.train, pair.other))
        kept, there = like_classes(pair.data, pair.other, train_rows, other_rows)
        train_rows, other_rows = train_rows[kept], other_rows[there]
        if min(len(train_rows), len(other_rows)) < _FEWEST:
            continue
        reference = pair.train.vectors(name)[train_rows]
        sides = _Sides(pair, name, layout, (train_rows, other_rows), float(reference.min()), float(reference.max()))
        features = sides.summarised(sides.pixels[0]), sides.summarised(sides.pixels[1])
        looks = [_summaries_compared(sides, features, margin), _pixels_compared(sides, margin)]
        yield from looks
        # The classifier runs only where summaries and pixels show nothing.
        if not any(look.is_beyond for look in looks) and (learnt := _learnt(sides, features)) is not None:
            yield learnt


def _gaps(a: Floats, b: Floats) -> Floats:
    """KS distances of the columns of two samples."""
    both = np.concatenate([a, b]).astype(np.float32)
    both = np.ascontiguousarray(both.T)  # sorting along memory is several times faster
    order = np.argsort(both, axis=1)
    values = np.take_along_axis(both, order, axis=1)
    steps = np.where(order < len(a), np.float32(1 / len(a)), np.float32(-1 / len(b)))
    apart = np.abs(np.cumsum(steps, axis=1, dtype=np.float32))
    apart[:, :-1][values[:, 1:] == values[:, :-1]] = 0.0  # the gap counts at the end of a tie
    apart[:, -1] = 0.0
    return apart.max(axis=1).astype(np.float64)


def _distance(sides: _Sides, gap: float, values: tuple[Floats, Floats], times: int) -> tuple[Distance, float]:
    masks = [
        np.isin(np.arange(table.rows), rows)
        for table, rows in zip((sides.pair.train, sides.pair.other), sides.rows, strict=True)
    ]
    effective = sides.pair.effective_rows(values[0], values[1], masks[0], masks[1])
    found = ks_distance(gap, *effective)
    return found._replace(p_value=min(1.0, times * found.p_value)), effective[1]


def _summaries_compared(
    sides: _Sides, features: tuple[dict[str, Floats], dict[str, Floats]], margin: float
) -> Measurement:
    names = list(features[0])
    gaps = _stacked_gaps(*features)
    worst = names[int(gaps.argmax())]
    a, b = features[0][worst], features[1][worst]
    distance, effective = _distance(sides, float(gaps.max()), (a, b), len(names))

    def in_windows(earlier: RowNumbers, later: RowNumbers) -> float:
        return float(_stacked_gaps(*(sides.summarised(sides.of_train(rows)) for rows in (earlier, later))).max())

    also = [name for name in np.array(names)[np.argsort(-gaps, kind="stable")] if name != worst][:2]
    return sides.pair.measured(
        sides.name,
        "KS distance",
        distance,
        margin,
        text=f"The {worst} of `{sides.name}` is {np.median(b):.4g} in the middle of {sides.pair.other.name} and "
        f"{np.median(a):.4g} in train, and farthest apart of {len(names)} summaries; next are {also[0]} and {also[1]}",
        remedy="Compare how the images of the two sides were read, scaled (0 to 255, 0 to 1), cut and turned.",
        n=len(sides.rows[1]),
        effective_rows=effective,
        in_windows=in_windows,
        chart=lambda: _chart(worst, a, b, sides.pair.other.name),
        bounded=False,
    )


def _stacked_gaps(a: dict[str, Floats], b: dict[str, Floats]) -> Floats:
    return _gaps(np.column_stack(list(a.values())), np.column_stack(list(b.values())))


def _pixels_compared(sides: _Sides, margin: float) -> Measurement:
    def snapped(flat: Pixels) -> Floats:
        return _snapped(flat.astype(np.float64), sides.high - sides.low)

    a, b = map(snapped, sides.pixels)
    gaps = _gaps(a, b)
    worst = int(gaps.argmax())
    distance, effective = _distance(sides, float(gaps.max()), (a[:, worst], b[:, worst]), len(gaps))
    many = int((gaps > margin).sum())
    place = sides.layout.place(sides.name, worst)
    return sides.pair.measured(
        f"pixels of {sides.name}" if sides.layout.is_image else f"numbers of {sides.name}",
        "KS distance",
        distance,
        margin,
        text=f"`{place}` is {b[:, worst].mean():.4g} on average in {sides.pair.other.name} and "
        f"{a[:, worst].mean():.4g} in train, and farthest apart of {len(gaps):,}; {many:,} are above the margin",
        remedy="Look for a mark, a stamp, a dead pixel or another order of the pixels on one of the two sides.",
        n=len(sides.rows[1]),
        effective_rows=effective,
        in_windows=lambda earlier, later: float(_gaps(*(snapped(sides.of_train(r)) for r in (earlier, later))).max()),
        chart=lambda: _chart(place, a[:, worst], b[:, worst], sides.pair.other.name),
        bounded=False,
    )


def _learnt(sides: _Sides, features: tuple[dict[str, Floats], dict[str, Floats]]) -> Measurement | None:
    """The classifier two-sample test on block means and summaries."""
    pair = sides.pair
    picked = [
        drawn(np.arange(len(rows)), most, pair.data.seed) for rows, most in zip(sides.rows, _MOST_TO_LEARN, strict=True)
    ]
    if min(map(len, picked)) < _FEWEST_TO_LEARN:
        return None
    groups = None
    if pair.groups is not None:
        each = [codes[rows[few]] for codes, rows, few in zip(pair.groups, sides.rows, picked, strict=True)]
        if min(len(np.unique(side)) for side in each) < FEWEST_ENTITIES:
            return None
        groups = np.concatenate(each)
    parts = [_row_features(sides, *each) for each in zip(sides.pixels, features, picked, strict=True)]
    values = np.concatenate(parts)
    names = tuple(features[0]) + tuple(str(i) for i in range(values.shape[1] - len(features[0])))
    matrix = Matrix(values, np.zeros(values.shape[1], dtype=bool), names)
    test = TwoSample(matrix, np.repeat([0, 1], [len(each) for each in picked]), groups, pair.data.seed)
    scores = np.split(test.scores, [len(picked[0])])
    return pair.measured(
        f"{sides.name} as a whole",
        "99 % lower bound of AUC",
        Distance(max(0.0, test.lower), test.p_value, 1.0),
        _AUC,
        text=f"A classifier separates the images of {pair.other.name} from those of train with AUC {test.auc:.3f}",
        remedy="Compare how the images of the two sides came about: source, cut, turn, compression.",
        n=len(picked[1]),
        chart=lambda: _chart("score of the classifier", scores[0], scores[1], pair.other.name),
        bounded=False,
    )


def _row_features(sides: _Sides, flat: Pixels, summarised: dict[str, Floats], rows: RowNumbers) -> Floats:
    means = _snapped(blocks(flat[rows], sides.layout), sides.high - sides.low)
    return np.column_stack([np.column_stack([each[rows] for each in summarised.values()]), means])


def _chart(what: str, a: Floats, b: Floats, other: str) -> Chart:
    """Shares of rows by ranges of equal width."""
    both = np.clip(np.concatenate([a, b]).astype(np.float64), -1e300, 1e300)
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high, _BARS + 1)
    shares = [np.histogram(side, edges)[0] / len(side) for side in (a, b)]
    labels = tuple(f"from {edge:.4g}" for edge in edges[:-1])
    series = {"train": tuple(shares[0].tolist()), other: tuple(shares[1].tolist())}
    return Chart(f"share of images by {what}", labels, series)
