"""The words of a text column: the most predictive one, and the power of all others together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.data.leakage.lead import Advantage, Rivals, judged_jointly, judged_singly
from gates.data.leakage.predictive_power import PredictivePower, features_alone, problem_of
from gates.data.leakage.ranking import ranking_error
from gates.tables.table import Codes, Floats

_TEXTS, _CHARACTERS = 5_000, 1_000
_SUPPORT = 30
_SAME_WORDS = 0.9


@dataclass(frozen=True, eq=False)
class _Words:
    """Which rows hold which words: pairs without repetition, and the words."""

    row: Codes
    word: Codes
    words: list[str]
    rows: int

    def weighted(self, weights: Floats) -> Floats:
        """Sum of the weights of the rows that hold each word."""
        return np.bincount(self.word, weights[self.row], minlength=len(self.words)).astype(np.float64)


def _words_of(column: pa.ChunkedArray) -> _Words:
    short = pc.utf8_slice_codeunits(column.combine_chunks().fill_null(""), 0, _CHARACTERS)
    spaced = pc.replace_substring_regex(pc.utf8_lower(short), pattern=r"[^\pL\pN]+", replacement=" ")
    lists = pc.split_pattern(pc.utf8_trim_whitespace(spaced), " ")
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    encoded = lists.flatten().dictionary_encode()
    found = encoded.dictionary.to_pylist()
    # In alphabetical order, independent of the order of rows.
    order = sorted(range(len(found)), key=lambda i: found[i])
    place = np.empty(len(found), np.int64)
    place[order] = np.arange(len(found))
    rows = np.repeat(np.arange(len(lists)), np.asarray(pc.list_value_length(lists)))
    both = np.unique(rows * max(1, len(found)) + place[np.asarray(encoded.indices)])
    return _Words(both // max(1, len(found)), both % max(1, len(found)), [found[i] for i in order], len(lists))


def strongest_word(data: Data, name: str, margin: float) -> tuple[str, Advantage, int, int] | None:
    """The strongest word, its advantage, the number of words tried, and the number of rows. None when no word is in
    enough rows."""
    problem = problem_of(data)
    taken = np.sort(np.random.default_rng(data.seed).permutation(problem.size)[:_TEXTS])
    if problem.is_regression:
        # The presence of a word has two values; it never explains nine tenths of a quantity.
        return None
    words = _words_of(data.train.arrow.column(name).take(pa.array(problem.rows[taken])))
    holds = words.weighted(np.ones(words.rows))
    judged_words = np.flatnonzero((holds >= _SUPPORT) & (holds <= words.rows - _SUPPORT))
    if not len(judged_words):
        return None
    labels = problem.labels[taken]
    totals = labels.sum(0)
    counts = np.column_stack([words.weighted(labels[:, k]) for k in range(labels.shape[1])])[judged_words]
    usable = (totals > 0) & (totals < words.rows)
    hits = counts / np.maximum(totals, 1)
    alarms = (holds[judged_words][:, None] - counts) / np.maximum(words.rows - totals, 1)
    errors = np.where(usable, 0.5 - 0.5 * np.abs(hits - alarms), 0.5)
    best, k = (int(i) for i in np.unravel_index(errors.argmin(), errors.shape))
    alike = _together(words, judged_words, int(judged_words[best]))
    others = {other: each for other, each in features_alone(data).items() if other != name}
    apart = np.flatnonzero(~alike)
    if len(apart):
        following = int(apart[errors[apart, k].argmin()])
        others[words.words[judged_words[following]]] = _of_word(errors[following])
    power = _of_word(np.where(np.arange(len(errors[best])) == k, errors[best], 0.5))
    advantage = judged_singly(data, power, margin, Rivals.of(others), words.rows)
    if advantage.is_beyond(margin) and advantage.k == k:
        rest = _by_other_words(words, labels[:, k], set(judged_words[alike]), problem.fold[taken] % 2)
        others["all other words together"] = _of_word(np.where(np.arange(labels.shape[1]) == k, rest, 0.5))
        advantage = judged_singly(data, power, margin, Rivals.of(others), words.rows)
        advantage = judged_jointly(data, advantage, power, frozenset([name]), margin, words.rows)
    tried = len(judged_words)
    return (
        words.words[judged_words[best]],
        replace(advantage, p_value=min(1.0, advantage.p_value * tried)),
        tried,
        words.rows,
    )


def _together(words: _Words, among: NDArray[np.intp], word: int) -> NDArray[np.bool_]:
    """Words that occur in the same rows as this one, itself included: a label may be written in several words."""
    holds = np.zeros(words.rows)
    holds[words.row[words.word == word]] = 1.0
    both = words.weighted(holds)[among]
    either = words.weighted(np.ones(words.rows))[among] + holds.sum() - both
    # Two words that exclude each other (yes, no) also count as one.
    apart = (both == 0) & (either >= _SAME_WORDS * words.rows)
    return (both >= _SAME_WORDS * either) | apart


def _by_other_words(words: _Words, label: Floats, without: set[int], half: Codes) -> float:
    """The error of naive Bayes on all other words, fitted on one half and applied to the other."""
    kept = ~np.isin(words.word, list(without))
    row, word = words.row[kept], words.word[kept]
    errors = []
    for learnt in (0, 1):
        inside = half[row] == learnt
        chosen = label[half == learnt]
        positive = np.bincount(word[inside], label[row[inside]], minlength=len(words.words)) + 1
        negative = np.bincount(word[inside], 1 - label[row[inside]], minlength=len(words.words)) + 1
        weight = np.log(positive / (chosen.sum() + 2)) - np.log(negative / (len(chosen) - chosen.sum() + 2))
        scores = np.bincount(row[~inside], weight[word[~inside]], minlength=words.rows)[half != learnt]
        unseen_labels = label[half != learnt]
        errors.append(ranking_error(scores, unseen_labels, 1 - unseen_labels))
    return float(np.mean(errors))


def _of_word(errors: Floats) -> PredictivePower:
    return PredictivePower(errors, np.ones(len(errors)))
