"""Calibration of a classifier's probabilities, and the rescaling that calibrates them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gates.model.certainty import effective_count, sample_of
from gates.model.evidence import Predicted
from gates.tables.table import Floats

_MOST_ROWS = 5_000
_MOST_SCORES = 500_000
_BINS = 15
_SLOPES = (0.01, 4.0)
# Keeps the offset of a very rare class finite; too weak to affect others.
_RIDGE = 1e-3


@dataclass(frozen=True)
class Rescaling:
    """`temperature`: 1 is right, 3 is three times too certain; `cost`: its cost in nats a row; `p_value`: of a
    temperature above 1; `offsets`: by class, at temperature 1."""

    temperature: float
    cost: float
    p_value: float
    offsets: Floats

    def shifted(self, predicted: Predicted) -> Floats:
        """The probabilities with the right share for each class and unchanged certainty."""
        return _softmax(_logits(predicted) + self.offsets)


def rescaling_of(predicted: Predicted) -> Rescaling:
    """Fits log p / T + offset by maximum likelihood: Cox's calibration slope (1958) is 1 / T, Guo et al. (2017) call T
    the temperature.

    The offsets absorb class weights and resampling, so that T measures the certainty alone. The p-value is that of a
    likelihood ratio against T = 1, on effective rows.
    """
    from scipy import optimize, stats

    predicted = sample_of(predicted, min(_MOST_ROWS, _MOST_SCORES // predicted.classes))
    logits, labels, rows = _logits(predicted), predicted.labels, predicted.rows
    one_hot = np.zeros_like(logits)
    one_hot[np.arange(rows), labels] = 1.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, offsets = parameters[0], parameters[1:]
        probabilities = _softmax(slope * logits + offsets)
        mean = -float(np.log(np.maximum(probabilities[np.arange(rows), labels], 1e-300)).mean())
        off = (probabilities - one_hot) / rows
        gradient = np.concatenate([[float((off * logits).sum())], off.sum(axis=0) + 2 * _RIDGE * offsets])
        return mean + _RIDGE * float(offsets @ offsets), gradient

    start = np.concatenate([[1.0], np.zeros(predicted.classes)])
    anywhere = [(None, None)] * predicted.classes
    free = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[_SLOPES, *anywhere])
    held = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(1.0, 1.0), *anywhere])
    residuals = one_hot[:, -1] - _softmax(free.x[0] * logits + free.x[1:])[:, -1]
    cost = max(0.0, float(held.fun - free.fun))
    ratio = 2 * effective_count(residuals, predicted.groups) * cost
    p_value = float(stats.norm.sf(np.sqrt(ratio))) if free.x[0] < 1 else 1.0
    return Rescaling(1 / float(free.x[0]), cost, p_value, np.asarray(held.x[1:]))


def calibration_error(claimed: Floats, happened: Floats) -> tuple[float, list[tuple[float, float]]]:
    """Root mean square error over 15 equal-mass bins, less the sampling variance (Kumar et al. 2019), and the claimed
    and the true share of each bin."""
    # Ties are ordered at random: in the order of outcomes all hits of one claim would fall into one bin.
    order = np.lexsort((np.random.default_rng(0).permutation(len(claimed)), claimed))
    parts = np.array_split(order, _BINS)
    bins = [(float(claimed[part].mean()), float(happened[part].mean())) for part in parts]
    squares = [
        (claim - share) ** 2 - share * (1 - share) / (len(part) - 1)
        for part, (claim, share) in zip(parts, bins, strict=True)
    ]
    return math.sqrt(max(0.0, float(np.average(squares, weights=[len(part) for part in parts])))), bins


def miscalibrated_p(claimed: Floats, happened: Floats) -> float:
    """Spiegelhalter's z (1986), which has no power where all claims are near ½, and the z of their sum; Bonferroni."""
    from scipy import stats

    from gates.statistics.intervals import EPSILON

    p = np.clip(claimed, EPSILON, 1 - EPSILON)
    largest = 0.0
    for weight in (1 - 2 * p, np.ones_like(p)):
        spread = math.sqrt(float((weight**2 * p * (1 - p)).sum()))
        largest = max(largest, abs(float(((happened - p) * weight).sum())) / max(spread, 1e-12))
    return min(1.0, float(4 * stats.norm.sf(largest)))


def _logits(predicted: Predicted) -> Floats:
    from gates.statistics.intervals import EPSILON

    return np.log(np.clip(predicted.scores, EPSILON, 1.0))


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
