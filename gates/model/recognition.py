"""Whether the model recognises the rows of each of its classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.text import shortened
from gates.model.certainty import FEWEST_ROWS, effective_count, sound_rows
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.trivial import refuse_constant
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

Counts = NDArray[np.int64]

_FEWEST_CLASSES = 3
# A class of less than this part of an even share may honestly never be the most probable one.
_PART_OF_EVEN_SHARE, _FEWEST_UNANSWERED = 0.5, 30
_NAMED, _MOST_BARS = 5, 40


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="classes whose outputs are exchanged; a class that is never answered",
    statistic="right answers among rows of classes taken for each other, short of those of chance (share lost)",
    margin=0.25,
    rule="three classes or more, found on eval and tested on test: beyond the margin and certain (binomial, Bonferroni "
    "over the groups found); warns where no row of a class with at least half of an even share is answered with it",
    source="docs/statistics.md, Exchanged classes",
    needs=(Need.EVAL_PREDICTIONS, Need.TEST_PREDICTIONS),
)
def class_recognition(evidence: ModelEvidence, _margin: float) -> Iterator[Measurement]:
    """Groups of classes whose rows are mostly answered with the next of the group (two for each other, three in a
    circle). Two classes are judged by their ranking (`better_than_trivial`)."""
    refuse_constant(evidence)
    before, after = sound_rows(evidence.eval, "eval"), sound_rows(evidence.test, "test")
    if after.is_regression or after.classes < _FEWEST_CLASSES or before.classes != after.classes:
        raise NotApplicable("two classes are judged by how the model ranks them, and a quantity has none")
    answered = [_answers_by_class(each) for each in (before, after)]
    groups = _circles(answered[0])
    for group in groups:
        yield _exchanged(evidence, after, answered[1], group, len(groups))
    exchanged = {code for group in groups for code in group}
    unanswered = [code for code in _unanswered(*answered) if code not in exchanged]
    if unanswered:
        yield _never_answered(evidence, answered[1], unanswered)
    if not groups and not unanswered:
        yield _recognised(after)


def _answers_by_class(predicted: Predicted) -> Counts:
    """[classes, classes]: rows of each class by their answer."""
    classes = predicted.classes
    cells = np.bincount(predicted.labels * classes + predicted.answers, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def _circles(answered: Counts) -> list[tuple[int, ...]]:
    """Classes whose rows are mostly answered with the next of the circle; not those that are mostly right."""
    usual = np.where(answered.sum(axis=1) >= FEWEST_ROWS, answered.argmax(axis=1), -1)
    found: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for start in range(len(usual)):
        path: list[int] = []
        code = start
        while code >= 0 and code not in seen:
            seen.add(code)
            path.append(code)
            code = int(usual[code])
        circle = path[path.index(code) :] if code in path else []
        if len(circle) > 1:
            found.append(tuple(circle))
    return found


@dataclass(frozen=True)
class _Among:
    """Rows whose label and answer are both in a group of classes."""

    rows: int
    right: int
    by_chance: float  # right ones, were answers independent of labels

    @classmethod
    def of(cls, answered: Counts, group: Sequence[int]) -> _Among:
        inside = answered[np.ix_(group, group)]
        rows = int(inside.sum())
        by_chance = float((inside.sum(axis=0) * inside.sum(axis=1)).sum()) / max(rows, 1)
        return cls(rows, int(np.trace(inside)), by_chance)


def _exchanged(
    evidence: ModelEvidence, test: Predicted, answered: Counts, group: tuple[int, ...], groups: int
) -> Measurement:
    from scipy.stats import binom

    found = _Among.of(answered, group)
    part = effective_count(test.answers == test.labels, test.groups) / test.rows
    trials = max(1, round(found.rows * part))
    chance = found.by_chance / max(found.rows, 1)
    names = [evidence.class_name(code) for code in group]
    texts = [_in_words(evidence, answered, code) for code in group]
    return Measurement(
        subject=", ".join(names[:_NAMED]),
        statistic="share of the right answers of chance that are lost",
        value=max(0.0, 1 - found.right / found.by_chance) if found.by_chance else 0.0,
        n=found.rows,
        reason=f"Rows of {shortened(names, _NAMED)} are taken for each other, on eval and on test: "
        f"{shortened(texts, _NAMED, '; ')}. Of {found.rows:,} such rows of test {found.right:,} are answered right; "
        f"{found.by_chance:,.0f} would be by chance.",
        remedy="Compare the order of the model's outputs with the numbers of the label and `data.class_names`, and "
        "look at rows of these classes: are they labelled as in train?",
        p_value=min(1.0, groups * float(binom.cdf(round(found.right * part), trials, chance))),
        chart=_chart(evidence, answered, group[0]),
    )


def _in_words(evidence: ModelEvidence, answered: Counts, code: int) -> str:
    counts = answered[code]
    answer, rows = int(counts.argmax()), int(counts.sum())
    share = counts[answer] / max(rows, 1)
    return f"{share:.0%} of the {rows:,} rows of {evidence.class_name(code)} are answered {evidence.class_name(answer)}"


def _unanswered(before: Counts, after: Counts) -> list[int]:
    """Classes of which no row of either split is answered right, though they are common enough."""
    classes = len(after)
    common = np.ones(classes, dtype=bool)
    for answered in (before, after):
        rows = answered.sum(axis=1)
        common &= (rows * classes >= _PART_OF_EVEN_SHARE * rows.sum()) & (rows >= _FEWEST_UNANSWERED)
    right = np.diagonal(before) + np.diagonal(after)
    return np.flatnonzero(common & (right == 0)).tolist()


def _never_answered(evidence: ModelEvidence, answered: Counts, codes: list[int]) -> Measurement:
    names = [evidence.class_name(code) for code in codes]
    rows = int(answered[codes].sum())
    return Measurement(
        subject=", ".join(names[:_NAMED]),
        statistic="classes that are never answered right",
        value=float(len(codes)),
        margin=0.0,
        n=rows,
        reason=f"Recall is 0: no row of {shortened(names, _NAMED)} is answered right, on test ({rows:,} rows) and on "
        "eval.",
        remedy="See whether the features tell these classes from the others; weigh classes (`train.class_weights`).",
        at_most=Severity.WARN,
        chart=_chart(evidence, answered, codes[0]),
    )


def _recognised(test: Predicted) -> Measurement:
    return Measurement(
        subject="test",
        statistic="classes that are never answered right",
        value=0.0,
        n=test.rows,
        p_value=1.0,
        reason=f"No classes are taken for each other, and each common one is answered ({test.rows:,} rows of test).",
    )


def _chart(evidence: ModelEvidence, answered: Counts, code: int) -> Chart:
    shares = answered[code] / max(int(answered[code].sum()), 1)
    shown = np.sort(np.argsort(-shares, kind="stable")[:_MOST_BARS])
    name = evidence.class_name(code)
    names = tuple(evidence.class_name(int(each)) for each in shown)
    return Chart(f"answers to rows of {name} on test", names, {"test": tuple(shares[shown].tolist())}, name)
