"""Certainty of differences between predictions: shares, means and rankings, on rows or on entities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.model.evidence import Predicted
from gates.statistics.sampling import design_effect, effective_rows
from gates.tables.table import Codes, Floats, Mask
from gates.verdict.catalogue import NotApplicable

Z99 = 2.3263  # one-sided 99 %
NOMINAL = 0.01
FEWEST_ROWS = 10
_RARE = 0.3


def sound_rows(predicted: Predicted | None, split: str) -> Predicted:
    """The rows with a label and a valid prediction.

    Raises:
      NotApplicable: when they are too few.
    """
    if predicted is None:
        raise NotApplicable(f"the model's predictions on {split} were not given")
    kept = predicted.only(predicted.sound)
    if kept.rows < FEWEST_ROWS:
        raise NotApplicable(f"{split} has {kept.rows} rows with a label and a valid prediction")
    return kept


def sample_of(predicted: Predicted, most: int) -> Predicted:
    """At most `most` rows; the order of rows does not change the sample."""
    return predicted if predicted.rows <= most else predicted.only(sample_mask(predicted, most))


def sample_mask(predicted: Predicted, most: int) -> Mask:
    """A mask of the rows in that sample."""
    kept = np.ones(predicted.rows, dtype=bool)
    if predicted.rows > most:
        rng = np.random.default_rng(0)
        content = predicted.scores if predicted.is_regression else predicted.scores @ rng.random(predicted.classes)
        order = np.lexsort((content, predicted.labels))
        kept[order[rng.permutation(predicted.rows)[most:]]] = False
    return kept


def is_lopsided(predicted: Predicted) -> bool:
    """Whether one of two classes is so rare that an honest model may always answer with the other: accuracy is then
    the share of the common class and does not measure the model."""
    return predicted.classes == 2 and min(np.mean(predicted.labels == 1), np.mean(predicted.labels == 0)) < _RARE


def effective_count(values: NDArray[Any], groups: Codes | None) -> float:
    """The effective rows for the mean of these values (Kish 1965)."""
    if groups is None or not len(values):
        return float(len(values))
    return max(1.0, len(values) / design_effect(np.asarray(values, dtype=np.float64), groups))


def _effective_trials(
    a: NDArray[np.bool_], b: NDArray[np.bool_], groups_a: Codes | None, groups_b: Codes | None
) -> tuple[int, int]:
    """The effective rows of both sides; a side without variance uses the design effect of the other."""
    if groups_a is None or groups_b is None:
        return len(a), len(b)
    first, second = a.astype(np.float64), b.astype(np.float64)
    n_a, n_b = effective_rows(first, second, (groups_a, groups_b))
    m_b, m_a = effective_rows(second, first, (groups_b, groups_a))
    return max(1, round(min(n_a, m_a))), max(1, round(min(n_b, m_b)))


def share_gap_p(hits_a: NDArray[np.bool_], hits_b: NDArray[np.bool_], a: Codes | None, b: Codes | None) -> float:
    """The p-value of a higher share in `a` than in `b`: Fisher's exact test, one-sided, on effective rows."""
    from scipy import stats

    n_a, n_b = _effective_trials(hits_a, hits_b, a, b)
    k_a, k_b = round(float(hits_a.mean()) * n_a), round(float(hits_b.mean()) * n_b)
    return float(stats.hypergeom.sf(k_a - 1, n_a + n_b, k_a + k_b, n_a))


def share_gap_upper(hits_a: NDArray[np.bool_], hits_b: NDArray[np.bool_], a: Codes | None, b: Codes | None) -> float:
    """99 % upper bound of share(a) - share(b): Newcombe's square-and-add of Wilson intervals (1998)."""
    from gates.statistics.intervals import wilson

    n_a, n_b = _effective_trials(hits_a, hits_b, a, b)
    first, second = wilson(float(hits_a.mean()), n_a, Z99), wilson(float(hits_b.mean()), n_b, Z99)
    return first.value - second.value + math.hypot(first.upper - first.value, second.value - second.lower)


def mean_error(values: Floats, groups: Codes | None = None, scale: float = 0.0) -> float:
    """Standard error of a mean, over entities where these were drawn.

    `scale` adds one imagined value at that distance, so that a few equal values have an error above 0.
    """
    off = values - values.mean()
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        off = np.bincount(codes, off)
    return math.sqrt(float(off @ off) + scale**2) / len(values)


def mean_above_p(values: Floats, groups: Codes | None = None, scale: float = 1.0) -> float:
    """The p-value of a mean above 0: Student's t, one-sided."""
    from scipy import stats

    freedom = (len(values) if groups is None else len(np.unique(groups))) - 1
    if freedom < 1:
        return 1.0
    return float(stats.t.sf(values.mean() / max(mean_error(values, groups, scale), 1e-300), freedom))


@dataclass(frozen=True)
class Area:
    """An AUC with each row's influence on it (DeLong et al. 1988) and the rows of the two sides."""

    value: float
    influence: Floats
    sides: tuple[int, int]
    groups: Codes | None = None

    @property
    def error(self) -> float:
        """DeLong's standard error, over entities where these were drawn."""
        return mean_error(self.influence, self.groups)

    @property
    def inflation(self) -> float:
        """The factor by which the correlation within entities widens the error."""
        return max(1.0, self.error / max(mean_error(self.influence), 1e-300)) if self.groups is not None else 1.0

    def bounds(self) -> tuple[float, float]:
        """One-sided 99 % bounds: the wider of DeLong's (without width for a perfect ranking) and Newcombe's."""
        from gates.statistics.intervals import newcombe

        known = newcombe(self.value, *self.sides, Z99)
        spread = Z99 * self.error
        return min(self.value - spread, known.lower), max(self.value + spread, known.upper)

    def error_at(self, area: float) -> float:
        """Standard error if the true AUC were `area` (Hanley & McNeil 1982, in Newcombe's form of 2006)."""
        m, n = self.sides
        tied = ((1 - area) / (2 - area) + area / (1 + area)) * ((m + n) / 2 - 1)
        return math.sqrt(max(area * (1 - area), 0.0) / (m * n) * (1 + tied))


def area_of(predicted: Predicted) -> Area | None:
    """AUC of a binary model; otherwise the mean of one-against-rest AUCs, weighted by class (Provost & Domingos 2000).

    None when only one class occurs. AUC needs no threshold, so class weights and rare classes do not change it.
    """
    from gates.statistics.intervals import auc

    rows = predicted.rows
    counts = np.bincount(predicted.labels, minlength=predicted.classes)
    there = np.flatnonzero(counts)
    if len(there) < 2:
        return None
    judged = [1] if predicted.classes == 2 else [int(code) for code in there]
    weights = counts[judged] / counts[judged].sum()
    areas = [auc(predicted.labels == code, predicted.scores[:, code]) for code in judged]
    # With many classes each row is positive once, so the mean is as certain as with two equal sides.
    most = int(counts.max()) if predicted.classes == 2 else rows // 2
    return Area(
        float(np.clip(sum(w * each.value for w, each in zip(weights, areas, strict=True)), 0.0, 1.0)),
        np.sum([w * each.influence for w, each in zip(weights, areas, strict=True)], axis=0),
        (most, rows - most),
        predicted.groups,
    )


def area_gap_p(high: Area, low: Area) -> float:
    """The one-sided p-value of the difference of two independent AUCs, by the larger of two standard errors: the two
    own ones, and the one that both would have if they were equal."""
    from scipy import stats

    gap = high.value - low.value
    together = (high.value + low.value) / 2
    own = math.hypot(high.error, low.error)
    equal = math.hypot(high.error_at(together), low.error_at(together)) * max(high.inflation, low.inflation)
    return float(stats.norm.sf(gap / max(own, equal, 1e-12)))


def log_losses(predicted: Predicted) -> Floats:
    """Negative log-likelihood of each row, clipped as Keras does."""
    from gates.statistics.intervals import EPSILON

    of_label = predicted.scores[np.arange(predicted.rows), predicted.labels]
    return -np.log(np.clip(of_label, EPSILON, 1.0))
