"""How far a classifier's certainty must be stretched or shrunk to fit what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gates.model.certainty import effective_count, sample_of
from gates.model.evidence import Predicted
from gates.table import Floats

_MOST_ROWS = 5_000
_MOST_SCORES = 500_000
_SLOPES = (0.01, 4.0)
# Holds the offset of a class that is hardly ever there; too weak to be seen otherwise.
_RIDGE = 1e-3


@dataclass(frozen=True)
class Rescaling:
    """`temperature`: 1 is right, 3 is three times too sure; `offsets` per class; `p_value` of a temperature above 1."""

    temperature: float
    offsets: Floats
    p_value: float

    def apply(self, predicted: Predicted) -> Floats:
        """The probabilities as they should have been."""
        return _softmax(_logits(predicted) / self.temperature + self.offsets)


def rescaling_of(predicted: Predicted) -> Rescaling:
    """Fits log p / T + offset by maximum likelihood: Cox's calibration slope (1958) is 1 / T, Guo et al. (2017) call T
    the temperature.

    The offsets take up what class weights and resampling move, so that only the certainty is left. The p-value is that
    of a likelihood ratio against T = 1, on effective rows.
    """
    from scipy import optimize, stats

    predicted = sample_of(predicted, min(_MOST_ROWS, _MOST_SCORES // predicted.classes))
    logits, labels, rows = _logits(predicted), predicted.labels, predicted.rows
    told = np.zeros_like(logits)
    told[np.arange(rows), labels] = 1.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, offsets = parameters[0], parameters[1:]
        probabilities = _softmax(slope * logits + offsets)
        mean = -float(np.log(np.maximum(probabilities[np.arange(rows), labels], 1e-300)).mean())
        off = (probabilities - told) / rows
        gradient = np.concatenate([[float((off * logits).sum())], off.sum(axis=0) + 2 * _RIDGE * offsets])
        return mean + _RIDGE * float(offsets @ offsets), gradient

    start = np.concatenate([[1.0], np.zeros(predicted.classes)])
    anywhere = [(None, None)] * predicted.classes
    free = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[_SLOPES, *anywhere])
    held = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(1.0, 1.0), *anywhere])
    residuals = told[:, -1] - _softmax(free.x[0] * logits + free.x[1:])[:, -1]
    ratio = 2 * effective_count(residuals, predicted.groups) * max(0.0, float(held.fun - free.fun))
    p_value = float(stats.norm.sf(np.sqrt(ratio))) if free.x[0] < 1 else 1.0
    return Rescaling(1 / float(free.x[0]), np.asarray(free.x[1:]), p_value)


def _logits(predicted: Predicted) -> Floats:
    from gates.intervals import EPSILON

    return np.log(np.clip(predicted.scores, EPSILON, 1.0))


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
