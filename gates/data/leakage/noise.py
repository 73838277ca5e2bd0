"""The stand-in model on shuffled labels, and on labels that may be wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.data import boosted
from gates.data.leakage.blame import blame
from gates.data.leakage.encodings import encodings
from gates.data.leakage.proxy import Proxy
from gates.statistics.strength import concordance, correlation, shares_of
from gates.tables.cell_text import cell_texts
from gates.verdict.catalogue import NotApplicable
from gates.verdict.finding import RowSample

SHUFFLED_ROWS = 1_000
_SHUFFLES = 5
_SHUFFLED_TREES = 5
# Labels can be judged only where the features separate the classes: of the rows that look like a class more than two in
# three hold its label also in honest tables of weak features.
_CLEAR_SHARE = 0.5
_CLEAR_PRECISION = 3 / 4
_FEWEST_CONFIDENT = 100
# The surest quarter of the confident rows against their less sure half: at least this part of the disagreement remains.
_SUREST, _LESS_SURE = 0.75, 0.5
_REMAINS = 0.5


def shuffled(proxy: Proxy, seed: int) -> Iterator[float]:
    """Out-of-fold AUCs (correlations), each with the labels in another random order."""
    rng = np.random.default_rng(seed)
    rows = slice(0, min(SHUFFLED_ROWS, len(proxy.train.rows)))
    features = proxy.few_features(rows.stop)
    if not features.names:
        raise NotApplicable("no feature is a number or a category that a fast model could learn from")
    labels = proxy.train.labels[rows]
    if proxy.classes:
        # The most frequent class against the rest: one problem instead of one for each class.
        labels = (labels == np.bincount(labels).argmax()).astype(np.int64)
        if labels.all():
            raise NotApplicable("the rows looked at hold one class only")
    together = None if proxy.together is None else proxy.together[rows]
    for run in range(_SHUFFLES):
        mixed = rng.permutation(labels)
        scores = boosted.out_of_fold(features, mixed, groups=together, seed=seed + run, trees=_SHUFFLED_TREES, folds=2)
        if proxy.classes:
            yield concordance(scores, mixed, shares_of(mixed, mixed, 2)).value
        else:
            yield correlation(scores, mixed).value


def honest_scores(proxy: Proxy, gap: float) -> np.ndarray:
    """Scores of train's rows without leaking features: a feature that holds labels would make other labels look
    wrong."""
    data, name = proxy.data, proxy.other.table.name
    if name not in data.held_out:
        return proxy.scores[0]
    leaks = {*encodings(data, name), *blame(data, name, gap).guilty}
    return proxy.scores_of(proxy.matrix.without(*leaks))[0] if leaks else proxy.scores[0]


def confident_classes(scores: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The confident class of each row, by the thresholds of confident learning; -1 for none."""
    thresholds = np.array([scores[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(classes)])
    above = np.where(scores >= thresholds, scores, -np.inf)
    return np.where(np.isfinite(above.max(axis=1)), above.argmax(axis=1), -1)


def why_unclear(guess: np.ndarray, labels: np.ndarray, classes: int) -> str:
    """Why label noise cannot be judged, or an empty text."""
    confident = guess >= 0
    if confident.sum() < _FEWEST_CONFIDENT:
        return f"Only {int(confident.sum())} rows are classified confidently: too few to speak of wrong labels."
    if confident.mean() < _CLEAR_SHARE:
        return f"Only {confident.mean():.0%} of the rows are classified confidently: the classes are not clear enough."
    for k in range(classes):
        guessed = guess == k
        if guessed.any() and (labels[guessed] == k).mean() < _CLEAR_PRECISION:
            return (
                f"The features do not separate the classes: of {int(guessed.sum()):,} rows that look like one class, "
                f"{(labels[guessed] == k).mean():.0%} hold its label. Wrong labels cannot be distinguished from hard "
                f"rows."
            )
    return ""


def why_hard(scores: np.ndarray, guess: np.ndarray, labels: np.ndarray, classes: int) -> str:
    """Why disagreement speaks of hard rows, or an empty text.

    Labels that were written down wrongly (noise that depends on the class alone, Northcutt et al. 2021) are as frequent
    where the model is surest as elsewhere. Hard rows are those that it is less sure of.
    """
    surest, less_sure = np.zeros(len(labels), dtype=bool), np.zeros(len(labels), dtype=bool)
    for k in range(classes):
        guessed = guess == k
        if guessed.any():
            high, middle = np.quantile(scores[guessed, k], (_SUREST, _LESS_SURE))
            surest |= guessed & (scores[:, k] >= high)
            less_sure |= guessed & (scores[:, k] < middle)
    if not less_sure.any():
        return ""
    shares = [float((guess[rows] != labels[rows]).mean()) for rows in (surest, less_sure)]
    if shares[0] >= _REMAINS * shares[1]:
        return ""
    return (
        f"Of the rows that a model is surest of {shares[0]:.1%} hold another label, of those that it is less sure of "
        f"{shares[1]:.1%}: these are hard rows, which belong to the data; wrong labels would be as frequent in both."
    )


def suspects(proxy: Proxy, scores: np.ndarray, guess: np.ndarray) -> RowSample | None:
    """The rows whose label has the lowest score."""
    labels, table = proxy.train.labels, proxy.train.table
    own = scores[np.arange(len(labels)), labels]
    wrong = np.flatnonzero((guess >= 0) & (guess != labels))
    if not len(wrong):
        return None
    worst = wrong[np.argsort(own[wrong], kind="stable")[:5]]
    columns = [proxy.data.label or "", *proxy.matrix.names[:7]]
    rows = proxy.train.rows[worst]
    shown = zip(*(cell_texts(table.arrow.column(column).take(rows)) for column in columns), strict=True)
    return RowSample("rows of train whose label a model believes least", tuple(columns), tuple(shown))
