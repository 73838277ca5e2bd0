"""Marks in images that reveal the label: a corner pixel, a stamp, a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.data.images import layout_of, sampled_rows
from gates.data.leakage.patches import TIMES, PatchPower, auc_of, strongest
from gates.data.target import Target, target_of
from gates.statistics.sampling import drawn
from gates.tables.table import Codes, ColumnKind
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement

_SAMPLE = 3_000
_FEWEST_ROWS = 100
_FEWEST_ROWS_A_CLASS = 20
_MOST_CLASSES = 50
_LARGEST_SIDE = 32


@check(
    gate=Gate.DATA,
    group="leakage",
    catches="a pixel, stamp, line or frame that was put into the images of one class",
    statistic="power of a patch for one class beyond what its surroundings predict (d of Cohen as AUC), lower bound",
    margin=0.75,
    rule="blocks when the 99 % lower bound over all patches and classes is above the margin (0.90 for lines and "
    "patches above 1/9 of a side) and d is above 3 x the 95 % quantile of patches of this size",
    source="Geirhos et al. 2020 (shortcut features); Zech et al. 2018; docs/statistics.md, Patches of an image",
    needs=(Need.LABEL, Need.IMAGE),
)
def image_artefacts(data: Data, margin: float) -> Iterable[Measurement]:
    """How well a small patch predicts a class by the part that its surroundings do not predict.

    Honest pixels may predict a class (the middle of a trouser is dark), but so do the pixels around them: the residual
    of a linear regression on a band of 2 pixels predicts little (d < 1 in Fashion-MNIST). The surroundings do not
    predict a mark. Both the patch and its residual must predict the class, and more than 3 x as much as other patches
    of these images: the pixels of an 8 x 8 digit are each less predictable. A sample of 3,000 images.
    """
    target = target_of(data)
    measured = [each for name in data.features_of(ColumnKind.IMAGE) for each in _of_column(data, name, target, margin)]
    if not measured:
        raise NotApplicable("no column holds images with neighbouring pixels, or too few of each class")
    yield from measured


def _of_column(data: Data, name: str, target: Target, margin: float) -> Iterator[Measurement]:
    layout = layout_of(data.train, name)
    if not layout.is_image:
        return
    codes, classes = _classes_of(target)
    rows = sampled_rows(data.train, name, data.train.rows, data.seed)
    rows = drawn(rows[codes[rows] >= 0], _SAMPLE, data.seed)
    members = np.stack([codes[rows] == code for code in range(len(classes))]) if len(rows) else np.zeros((0, 0), bool)
    enough = [i for i in range(len(members)) if _FEWEST_ROWS_A_CLASS <= members[i].sum() <= len(rows) - 5]
    enough = sorted(enough, key=lambda i: -int(members[i].sum()))[:_MOST_CLASSES]
    if len(rows) < _FEWEST_ROWS or not enough:
        return
    planes, pooled = _pooled(layout.planes(data.train.vectors(name)[rows]))
    names = [data.declared.called(classes[i]) for i in enough]
    best = max(
        (strongest(planes[:, channel], members[enough]) for channel in range(layout.channels)),
        key=lambda each: each.excess(margin),
    )
    yield _judged(name, pooled, best, names, len(rows), target, margin)


def _classes_of(target: Target) -> tuple[Codes, list[str]]:
    """The classes, or the lowest and the highest quarter of a quantity."""
    if not target.is_regression:
        return target.codes, list(target.classes)
    low, high = np.nanquantile(target.values, (0.25, 0.75))
    codes = np.full(len(target.values), 1)
    codes[target.values <= low], codes[target.values >= high] = 0, 2
    codes[~target.present] = -1
    return codes, ["the lowest quarter", "the middle", "the highest quarter"]


def _pooled(planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """At most 32 pixels a side: means of blocks."""
    factor = -(-planes.shape[2] // _LARGEST_SIDE)
    if factor == 1:
        return planes, 1
    side = planes.shape[2] // factor
    cut = planes[:, :, : side * factor, : side * factor]
    shape = (len(planes), planes.shape[1], side, factor, side, factor)
    return cut.reshape(shape).mean(axis=(3, 5), dtype=np.float32), factor


def _judged(
    name: str, pooled: int, best: PatchPower, classes: list[str], rows: int, target: Target, margin: float
) -> Measurement:
    from scipy.stats import norm

    least = best.least(margin)
    value, usual = auc_of(best.lower), best.usual
    row, column = max(best.patch.row, 0) * pooled, max(best.patch.column, 0) * pooled
    subject = f"{name}[{row},{column}]"
    larger = f" (of an image reduced {pooled} x)" if pooled > 1 else ""
    text = (
        f"{best.patch.words[0].upper()}{best.patch.words[1:]} at {subject}{larger} against `{target.name}` = "
        f"{classes[best.class_]}, by what the surroundings do not predict: d = {best.d:.2f} (AUC "
        f"{auc_of(best.d):.3f}, at least {value:.3f} with 99 % confidence over {best.tests:,} comparisons, against "
        f"{least:g}); {usual:.2f} is usual in these images, and {TIMES:g} x that is too much ({rows:,} images)."
    )
    return Measurement(
        subject=subject if best.excess(margin) > 1 else name,
        statistic="power of a patch beyond its surroundings (AUC, lower bound)",
        value=value,
        margin=least,
        n=rows,
        reason=text,
        remedy="Find out what put the mark there (a scanner, an export, a watermark), and crop or cover it in all "
        "images, at training and at serving.",
        p_value=min(1.0, best.tests * float(norm.sf(best.z))),
        beyond=best.excess(margin) > 1,
        chart=_chart(best, classes[best.class_], subject),
    )


def _chart(best: PatchPower, class_: str, subject: str) -> Chart | None:
    if best.shares is None:
        return None
    both = np.concatenate(best.shares)
    edges = np.linspace(float(both.min()), float(both.max()) + 1e-9, 11)
    series = {}
    for label, values in ((f"class {class_}", best.shares[0]), ("the others", best.shares[1])):
        counts, _ = np.histogram(values, edges)
        series[label] = tuple(float(each) for each in counts / max(len(values), 1))
    low = float(edges[0])
    labels = tuple(f"+{edge - low:.3g}" for edge in edges[:-1])
    return Chart(f"share of images by brightness at {subject}, above the darkest there", labels, series)
