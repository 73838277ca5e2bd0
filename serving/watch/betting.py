"""Means of bounded differences by betting: tests and intervals that stay valid however often they are looked at.

A player starts with a capital of 1 and bets against a hypothesis. If it is true, no strategy is expected to gain, so
the capital ever exceeds 1/alpha with a probability of at most alpha (J. Ville, Étude critique de la notion de
collectif, 1939). How to bet on the mean of bounded values, and the interval of the means that the bets do not refute:
I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86:1-27, 2024. The
interval holds at all times at once: S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Time-uniform, nonparametric,
nonasymptotic confidence sequences, Annals of Statistics 49:1055-1080, 2021.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# The capital is split evenly among these bets. No strategy has to be learnt, and the order of the differences plays no
# role. A bet of the right size is at most a factor of 1.42 away: the small ones are for noisy values, the large ones
# for rare errors. Below 0.5 no difference in [-1, 1] can take the whole capital.
BETS: Floats = np.geomspace(0.005, 0.49, 14)


def log_capital(differences: Floats, margin: float) -> float:
    """Log of the capital after betting against "the mean of the differences is at most `margin`".

    `differences` and `margin` lie in [-1, 1]. The mean may move: the hypothesis is about each difference, given the
    ones before it.
    """
    return float(_mixed(_growth(differences, margin).sum(axis=0)))


def log_capital_at(differences: Floats, margin: float, looks: Counts) -> Floats:
    """As `log_capital`, after the first `looks[i]` differences."""
    growth = _growth(differences, margin)
    grown = np.concatenate([np.zeros((1, len(BETS))), growth.cumsum(axis=0)])
    return _mixed(grown[looks])


def lower_bound(differences: Floats, alpha: float) -> float:
    """The largest mean that the bets refute at `alpha`, at least -1; the true one lies below it, at whatever time one
    looks, with a probability of at most `alpha`.

    It is above `margin` exactly where `log_capital(differences, margin)` is above log(1/alpha).
    """
    enough = math.log(1 / alpha)
    if len(differences) == 0 or log_capital(differences, -1.0) <= enough:
        return -1.0
    # Capital falls as the mean in question rises, and at the observed mean there is nothing to win.
    at_mean = float(np.mean(differences))
    return float(optimize.brentq(lambda mean: log_capital(differences, mean) - enough, -1.0, at_mean, xtol=1e-7))


def upper_bound(differences: Floats, alpha: float) -> float:
    """As `lower_bound`, from above."""
    return -lower_bound(-differences, alpha)


def paired_differences(canary: Floats, canary_counts: Counts, stable: Floats, stable_counts: Counts) -> Floats:
    """Differences canary minus stable, each within one window; what both share in a window cancels out.

    `canary` and `stable` hold the values in [0, 1] of all windows in turn, `..._counts` how many of them each window
    has. The side with fewer values in a window gives each pair one value, the other side the mean of an equal part of
    its values. A window in which one side has no value gives no pair.
    """
    pairs = np.minimum(canary_counts, stable_counts)
    return _block_means(canary, canary_counts, pairs) - _block_means(stable, stable_counts, pairs)


def _block_means(values: Floats, counts: Counts, blocks: Counts) -> Floats:
    """The means of `blocks[w]` consecutive, nearly equal parts of the values of each window w."""
    if blocks.sum() == 0:
        return np.empty(0)
    window = np.repeat(np.arange(len(blocks)), blocks)
    within = np.arange(len(window)) - np.repeat(blocks.cumsum() - blocks, blocks)
    offset = counts.cumsum() - counts
    start = offset[window] + within * counts[window] // blocks[window]
    end = offset[window] + (within + 1) * counts[window] // blocks[window]
    sums = np.concatenate([[0.0], values.cumsum()])
    # Cumulative sums round; the differences must stay in [-1, 1], or a bet could lose more than its capital.
    return np.clip((sums[end] - sums[start]) / (end - start), 0.0, 1.0)


def _growth(differences: Floats, margin: float) -> Floats:
    return np.asarray(np.log1p(np.multiply.outer(differences - margin, BETS)))


def _mixed(log_capitals: Floats) -> Floats:
    return np.asarray(special.logsumexp(log_capitals, axis=-1) - math.log(len(BETS)))
