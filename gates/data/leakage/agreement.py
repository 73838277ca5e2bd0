"""The recall of the stand-in model on train's rows and on held-out rows, with equal class weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.data.leakage.proxy import Proxy
from gates.statistics.sampling import effective_rows
from gates.tables.table import joint_codes

_FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Agreement:
    """Recall of the classes, weighted by their shares in both tables; `p_value` of no difference, two-sided."""

    train: float
    other: float
    p_value: float
    rows: int  # of the other table

    @property
    def difference(self) -> float:
        """Recall in train less recall in the other table."""
        return self.train - self.other


def agreement(proxy: Proxy) -> Agreement | None:
    """None for a quantity or two classes (AUC covers these), or when no class has enough rows on both sides.

    Rows of the other table that are also in train are left out, because the model has seen them, and where rows were
    drawn, so are train's rows that are there more than once: equal rows may be harder than others (of the airlines on a
    route each has one row). Where labels are wrong in train alone, recall is lower in train than in the other table.
    """
    from scipy.stats import norm

    if proxy.classes < 3:
        return None
    train_codes, other_codes = joint_codes([proxy.train.table, proxy.other.table], proxy.data.features)
    fresh = ~np.isin(other_codes[proxy.other.rows], train_codes)
    alone = np.ones(len(proxy.train.rows), dtype=bool)
    if proxy.groups is None:
        alone = np.bincount(train_codes)[train_codes[proxy.train.rows]] == 1
    sides = ((proxy.train, alone), (proxy.other, fresh))
    labels = [side.labels[kept] for side, kept in sides]
    hits = [
        (scores.argmax(axis=1) == side.labels)[kept].astype(np.float64)
        for scores, (side, kept) in zip(proxy.scores, sides, strict=True)
    ]
    counts = [np.bincount(each, minlength=proxy.classes) for each in labels]
    weights = np.where(np.minimum(*counts) >= _FEWEST_OF_A_CLASS, counts[0] + counts[1], 0).astype(np.float64)
    if not weights.any():
        return None
    weights /= weights.sum()
    groups = None if proxy.groups is None else (proxy.groups[0][alone], proxy.groups[1][fresh])
    effective = effective_rows(hits[0], hits[1], groups)
    recalls, variance = [], 0.0
    for side in (0, 1):
        recall, spread = _recall(hits[side], labels[side], counts[side], weights)
        recalls.append(recall)
        variance += spread * len(hits[side]) / effective[side]
    z = abs(recalls[0] - recalls[1]) / max(variance, 1e-12) ** 0.5
    return Agreement(recalls[0], recalls[1], 2 * float(norm.sf(z)), int(fresh.sum()))


def _recall(
    hits: NDArray[np.float64], labels: NDArray[np.int64], counts: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """The weighted recall and its variance; not 0 for a class that is always right (Agresti & Coull)."""
    right = np.bincount(labels, hits, minlength=len(counts))
    smooth = (right + 1) / (counts + 2)
    judged = weights > 0
    share = np.where(judged, right / np.maximum(counts, 1), 0.0)
    spread = np.where(judged, weights**2 * smooth * (1 - smooth) / np.maximum(counts, 1), 0.0)
    return float((weights * share).sum()), float(spread.sum())
