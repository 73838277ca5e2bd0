"""The classifier two-sample test (Lopez-Paz & Oquab 2017): how well a model separates the rows of two samples."""

from __future__ import annotations

import numpy as np

from gates.data.boosted import Matrix, fit, folds_of, scores_of
from gates.data.skew.coding import CodedPair
from gates.data.skew.comparison import TableComparison
from gates.data.skew.windows import RowNumbers
from gates.statistics.distances import Z_99
from gates.statistics.sampling import effective_rows
from gates.tables.table import Codes, Floats

MOST_ROWS = 20_000
# More rows of train than this for each other row make the test slower and hardly more powerful.
TRAIN_ROWS = 3
FEWEST_ENTITIES = 10
_FOLDS = 3
_TREES = 40
# Measured below 1,000 rows: the null's standard error exceeds the formula (docs/statistics.md, Two-sample classifier).
_SMALL, _WIDER = 1_000, 1.7


class TwoSample:
    """One classifier two-sample test: `auc`, its null standard error, and the models by fold."""

    def __init__(self, features: Matrix, side: Codes, groups: Codes | None, seed: int) -> None:
        self.features, self.side, self.seed = features, side, seed
        self.fold = folds_of(len(side), None, seed, _FOLDS)
        if groups is not None:
            self.fold = _grouped(side, groups, seed)
        self.scores = np.zeros(len(side))
        self.models = []
        for number in range(_FOLDS):
            inside, outside = np.flatnonzero(self.fold != number), np.flatnonzero(self.fold == number)
            self.models.append(fit(features.rows(inside), side[inside], seed, _TREES))
            self.scores[outside] = scores_of(self.models[-1], features.rows(outside))[:, 1]
        self.auc = self._auc(self.scores)
        self.entity_p = 0.0
        self.error = self._error(groups)

    @classmethod
    def of(
        cls, pair: TableComparison, found: CodedPair, rows: tuple[RowNumbers, RowNumbers] | None = None
    ) -> TwoSample | None:
        """The test on these places of the sampled rows, or on as many as it needs; None with too few entities."""
        if rows is None:
            rng = np.random.default_rng(pair.data.seed)
            many = min(len(found.rows[1]), MOST_ROWS // 2)
            wanted = min(len(found.rows[0]), TRAIN_ROWS * many, MOST_ROWS - many)
            rows = (
                np.sort(rng.choice(len(found.rows[0]), wanted, replace=False)),
                np.sort(rng.choice(len(found.rows[1]), many, replace=False)),
            )
        groups = None
        if pair.groups is not None:
            each = [pair.groups[i][found.rows[i][rows[i]]] for i in (0, 1)]
            if min(len(np.unique(side)) for side in each) < FEWEST_ENTITIES:
                return None
            groups = np.concatenate(each)
        side = np.repeat([0, 1], [len(rows[0]), len(rows[1])])
        test = cls(_matrix(found, rows), side, groups, pair.data.seed)
        masks = [np.zeros(table.rows, dtype=bool) for table in (pair.train, pair.other)]
        for mask, sampled, places in zip(masks, found.rows, rows, strict=True):
            mask[sampled[places]] = True
        test.entity_p = pair.entity_p(test.scores[side == 0], test.scores[side == 1], masks[0], masks[1])
        return test

    def _auc(self, scores: Floats) -> float:
        """The mean AUC over folds: scores of different models are not comparable."""
        return float(np.mean([_auc(scores[self.fold == i], self.side[self.fold == i]) for i in range(_FOLDS)]))

    def _error(self, groups: Codes | None) -> float:
        """The null standard error of the AUC (Mann & Whitney 1947), on effective rows."""
        other = self.side == 1
        sides = None if groups is None else (groups[~other], groups[other])
        a, b = effective_rows(self.scores[~other], self.scores[other], sides)
        self.effective_rows = b
        return float(np.sqrt((a + b + 1) / (12 * a * b))) * (_WIDER if min(a, b) < _SMALL else 1.0)

    @property
    def lower(self) -> float:
        """One-sided 99 % lower bound of the AUC."""
        return self.auc - Z_99 * self.error

    @property
    def p_value(self) -> float:
        """The p-value of the AUC when the two sides are alike."""
        from scipy.special import ndtr

        return float(ndtr(-(self.auc - 0.5) / self.error))

    def importances(self) -> dict[str, float]:
        """The loss of AUC when one column is shuffled (Breiman 2001)."""
        rng = np.random.default_rng(self.seed)
        falls = {}
        for at, name in enumerate(self.features.names):
            values = self.features.values.copy()
            values[:, at] = values[rng.permutation(len(values)), at]
            shuffled = Matrix(values, self.features.categorical, self.features.names)
            scores = np.zeros(len(values))
            for number, model in enumerate(self.models):
                outside = np.flatnonzero(self.fold == number)
                scores[outside] = scores_of(model, shuffled.rows(outside))[:, 1]
            falls[name] = max(0.0, self.auc - self._auc(scores))
        return dict(sorted(falls.items(), key=lambda item: -item[1]))


def _grouped(side: Codes, groups: Codes, seed: int) -> Codes:
    """Folds of whole groups: those of one side, of the other and of both by themselves, so that every fold has both
    sides."""
    fold = np.empty(len(side), dtype=np.int64)
    of_both = np.isin(groups, np.intersect1d(groups[side == 0], groups[side == 1]))
    for number, kind in enumerate((~of_both & (side == 0), ~of_both & (side == 1), of_both)):
        rows = np.flatnonzero(kind)
        fold[rows] = folds_of(len(rows), groups[rows], seed + number, _FOLDS)
    return fold


def _matrix(found: CodedPair, rows: tuple[RowNumbers, RowNumbers]) -> Matrix:
    columns = list(found.columns.values())
    both = [np.concatenate([each.train[rows[0]], each.other[rows[1]]]) for each in columns]
    values = np.column_stack(both).astype(np.float64)
    values[values < 0] = np.nan
    return Matrix(values, np.array([not each.is_ordered for each in columns]), tuple(each.name for each in columns))


def _auc(scores: Floats, side: Codes) -> float:
    from scipy.stats import rankdata

    of_other = int(side.sum())
    if of_other in (0, len(side)):
        return 0.5
    ranks = float(rankdata(scores)[side == 1].sum())
    return (ranks - of_other * (of_other + 1) / 2) / (of_other * (len(side) - of_other))
