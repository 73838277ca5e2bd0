"""The best model of a single feature: a trained model must be better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.data import boosted
from gates.data.evidence import Data
from gates.data.leakage.fast_scores import BINS, binned
from gates.data.target import target_of
from gates.statistics.sampling import drawn
from gates.statistics.strength import concordance
from gates.tables.table import Codes, ColumnKind, Floats
from gates.verdict.catalogue import NotApplicable

_ROWS = 8_000
_TREES = 15
_FOLDS = 3
# Trees of one round over all features that are boosted; those of a wide table are screened by the means of bins.
_MOST_BOOSTED, _FEWEST_BOOSTED = 320, 8
_PRIOR = 5.0


@dataclass(frozen=True)
class Stump:
    """`scores`: [rows of test, classes] probabilities, in the order in which test came. `boosted`: how many of the
    `features` were boosted to choose it."""

    feature: str
    scores: Floats
    boosted: int = 0
    features: int = 0

    @property
    def looked_at(self) -> str:
        """The bound of the search, where it left features out."""
        if self.boosted == self.features:
            return ""
        return (
            f"looked for the best single feature among {self.boosted:,} of {self.features:,} features: those by which "
            f"the mean labels of {BINS} bins predict train best, out of fold"
        )


def best_stump(data: Data, test: str = "test") -> Stump:
    """Chosen by its AUC out of fold in train (a sample of 8,000 rows), then fitted on that sample; test is only scored.
    Of many features, or features for many classes, the most promising are boosted (`Stump.looked_at`).

    Raises:
      NotApplicable: for a regression, or without a feature that is a number or a category.
    """
    target, table = target_of(data), data.held_out[test]
    names = data.comparable(table, ColumnKind.NUMBER, ColumnKind.CATEGORY)
    if target.is_regression or not names:
        raise NotApplicable("a single-feature model needs classes and a feature that is a number or a category")
    rows = drawn(np.flatnonzero(target.present), _ROWS, data.seed)
    known, codes = np.unique(target.codes[rows], return_inverse=True)
    if len(known) < 2:
        raise NotApplicable("the rows looked at hold one class only")
    features = boosted.matrix([data.train], names).rows(rows)
    shares = np.bincount(codes) / len(codes)
    promising = _promising(features, codes, data.seed)
    best = max(promising, key=lambda name: _power(features.only(name), codes, shares, data.seed))
    # Only the best feature is coded for both tables: test may have many rows.
    both = boosted.matrix([data.train, table], [best])
    model = boosted.fit(both.rows(rows), codes, data.seed, _TREES)
    found = boosted.scores_of(model, both.rows(slice(data.train.rows, None)))
    scores = np.zeros((table.rows, len(target.classes)))
    scores[np.ix_(table.position, known)] = found
    return Stump(best, scores, len(promising), len(names))


def _promising(features: boosted.Matrix, codes: NDArray[np.intp], seed: int) -> list[str]:
    """The features to boost, in their order: all, or those with the largest likelihood of the classes out of fold, by
    bins. That takes one pass over the rows for each feature, whatever the number of classes."""
    classes = int(codes.max()) + 1
    most = max(_FEWEST_BOOSTED, _MOST_BOOSTED // (classes if classes > 2 else 1))
    if len(features.names) <= most:
        return list(features.names)
    fold = boosted.folds_of(len(codes), None, seed, _FOLDS)
    found = [
        _likelihood(binned(values, values, bool(is_category))[0], codes, fold)
        for values, is_category in zip(features.values.T, features.categorical, strict=True)
    ]
    best = np.sort(np.argsort(-np.array(found), kind="stable")[:most])
    return [features.names[place] for place in best]


def _likelihood(bins: Codes, codes: NDArray[np.intp], fold: Codes) -> float:
    """The mean log-probability of each row's class by its bin's share of that class in the other folds."""
    count, classes = int(bins.max()) + 1, int(codes.max()) + 1
    cells = np.bincount((fold * count + bins) * classes + codes, minlength=_FOLDS * count * classes)
    seen = cells.reshape(_FOLDS, count, classes).astype(np.float64)
    others = seen.sum(axis=0) - seen
    prior = _PRIOR * (np.bincount(codes, minlength=classes) / len(codes))
    shares = (others + prior) / (others.sum(axis=2, keepdims=True) + _PRIOR)
    return float((seen * np.log(shares)).sum()) / len(codes)


def _power(feature: boosted.Matrix, codes: NDArray[np.intp], shares: Floats, seed: int) -> float:
    scores = boosted.out_of_fold(feature, codes, seed=seed, trees=_TREES, folds=_FOLDS)
    return concordance(scores, codes, shares).value
