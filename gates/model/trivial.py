"""The lead of a model over a constant.

The derivation: docs/statistics.md, Better than a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gates.model.certainty import Z99, area_of, effective_count, sample_of
from gates.model.evidence import ModelEvidence, Predicted
from gates.verdict.catalogue import NotApplicable

# The strength of a weak model; rows that cannot distinguish it from a constant decide nothing.
_WEAK_AUC = 0.6
_WEAK_CORRELATION = 0.2
# Fewer rows may fall into one leaf of a small tree.
_FEWEST_CONSTANT = 100
_SAME = 1e-6
_MOST_SCORES = 1_000_000


@dataclass(frozen=True)
class RankingMetric:
    """A ranking metric, its one-sided 99 % lower bound, and the p-value of so low a value for a weak model."""

    metric: str
    value: float
    lower: float
    of_constant: float
    p_useless: float
    rows: int

    def rows_to_decide(self, margin: float) -> int | None:
        """The number of rows at which this value would be certainly above a constant's."""
        lead, spread = self.value - self.of_constant - margin, self.value - self.lower
        return math.ceil(self.rows * (spread / lead) ** 2) if lead > 0 else None


def ranking_metric_of(predicted: Predicted) -> RankingMetric | None:
    """None where test holds only one class."""
    from scipy import stats

    if predicted.is_regression:
        return _correlation(predicted)
    predicted = sample_of(predicted, most_rows(predicted))
    area = area_of(predicted)
    if area is None:
        return None
    error = max(area.error, area.error_at(_WEAK_AUC))
    p_useless = float(stats.norm.cdf((area.value - _WEAK_AUC) / error))
    return RankingMetric("AUC", area.value, area.bounds()[0], 0.5, p_useless, predicted.rows)


def most_rows(predicted: Predicted) -> int:
    """The number of rows for a ranking: more for fewer classes."""
    return max(_MOST_SCORES // max(predicted.classes, 1), 1_000)


def _correlation(predicted: Predicted) -> RankingMetric:
    """Spearman's correlation, by Fisher's z with the variance of Bonett & Wright (2000). Squared errors of heavy tails
    depend on a few rows, ranks do not."""
    from scipy import stats

    labels, scores = stats.rankdata(predicted.labels), stats.rankdata(predicted.scores)
    flat = np.ptp(labels) == 0 or np.ptp(scores) == 0
    value = 0.0 if flat else float(np.corrcoef(labels, scores)[0, 1])
    rows = max(effective_count(labels, predicted.groups), 5.0)
    error = math.sqrt((1 + value**2 / 2) / (rows - 3))
    at = math.atanh(min(max(value, -0.999999), 0.999999))
    p_useless = float(stats.norm.cdf((at - math.atanh(_WEAK_CORRELATION)) / error))
    return RankingMetric("Spearman correlation", value, math.tanh(at - Z99 * error), 0.0, p_useless, predicted.rows)


@lru_cache(maxsize=2)
def is_constant(evidence: ModelEvidence) -> bool:
    """Whether all rows of all splits get the same prediction: a fact, given enough rows."""
    given = [each for each in (evidence.train, evidence.eval, evidence.test) if each is not None]
    scores = [each.scores[each.valid] for each in given if each.valid.any()]
    if sum(len(each) for each in scores) < _FEWEST_CONSTANT or len({each.shape[1:] for each in scores}) != 1:
        return False
    lowest = np.min([each.min(axis=0) for each in scores], axis=0)
    highest = np.max([each.max(axis=0) for each in scores], axis=0)
    largest = float(np.maximum(np.abs(lowest), np.abs(highest)).max())
    return bool((highest - lowest <= _SAME * max(largest, 1e-12)).all())


def refuse_constant(evidence: ModelEvidence) -> None:
    """Leaves a constant model to `better_than_trivial`, which alone reports it.

    Raises:
      NotApplicable: when the model is constant.
    """
    if is_constant(evidence):
        raise NotApplicable("every row gets the same prediction: see better_than_trivial")
