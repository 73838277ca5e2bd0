"""The best model of a single feature: a trained model must be better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.data import boosted
from gates.data.evidence import Data
from gates.data.target import target_of
from gates.statistics.sampling import drawn
from gates.statistics.strength import concordance
from gates.tables.table import ColumnKind, Floats
from gates.verdict.catalogue import NotApplicable

_ROWS = 8_000
_TREES = 15
_FOLDS = 3


@dataclass(frozen=True)
class Stump:
    """`scores`: [rows of test, classes] probabilities, in the order in which test came."""

    feature: str
    scores: Floats


def best_stump(data: Data, test: str = "test") -> Stump:
    """Chosen by its AUC out of fold in train (a sample of 8,000 rows), then fitted on that sample; test is only scored.

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
    both = boosted.matrix([data.train, table], names)
    train_features, test_features = both.rows(rows), both.rows(slice(data.train.rows, None))
    shares = np.bincount(codes) / len(codes)
    best = max(names, key=lambda name: _power(train_features.only(name), codes, shares, data.seed))
    found = boosted.scores_of(
        boosted.fit(train_features.only(best), codes, data.seed, _TREES), test_features.only(best)
    )
    scores = np.zeros((table.rows, len(target.classes)))
    scores[np.ix_(table.position, known)] = found
    return Stump(best, scores)


def _power(feature: boosted.Matrix, codes: NDArray[np.intp], shares: Floats, seed: int) -> float:
    scores = boosted.out_of_fold(feature, codes, seed=seed, trees=_TREES, folds=_FOLDS)
    return concordance(scores, codes, shares).value
