"""Whether the model recognises the rows of each of its classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.text import shortened
from gates.model.certainty import FEWEST_ROWS, effective_count, mean_above_p, sound_rows
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.trivial import refuse_constant
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

Counts = NDArray[np.int64]
_SPLITS = ("train", "eval", "test")

_FEWEST_CLASSES = 3
# A class of less than this part of an even share may honestly never be the most probable one.
_PART_OF_EVEN_SHARE, _FEWEST_UNANSWERED = 0.5, 30
# Of its share of the labels a class has less than this in probability: weights of classes and losses move it by less.
_PART_OF_PROBABILITY = 0.25
_NAMED, _MOST_BARS = 5, 40


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="classes whose outputs are exchanged; a class that is never answered",
    statistic="right answers among rows of classes taken for each other, short of those of chance (share lost)",
    margin=0.25,
    rule="three classes or more, found on eval and tested on test: beyond the margin and certain (binomial, Bonferroni "
    "over the groups found); where no row of a class with at least half of an even share is answered with it, refused "
    "if it certainly has less than a quarter of its share in probability on train, eval and test (Student's t), else "
    "warns",
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
    suppressed = _suppressed(evidence, unanswered)
    for code, p_value in suppressed.items():
        yield _no_probability(evidence, after, answered[1], code, p_value)
    if left := [code for code in unanswered if code not in suppressed]:
        yield _never_answered(evidence, answered[1], left)
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


def _suppressed(evidence: ModelEvidence, unanswered: Sequence[int]) -> dict[int, float]:
    """Of the classes that are never answered those whose probability is less than a quarter of their share on every
    split, train among them, with a p-value: a model that learnt from such a train gives each class about its share."""
    found: dict[int, float] = {}
    # What was found before stands, also where train has too few rows to say this.
    if not unanswered or evidence.train is None or np.count_nonzero(evidence.train.sound) < FEWEST_ROWS:
        return found
    given = (evidence.train, evidence.eval, evidence.test)
    splits = [sound_rows(each, name) for each, name in zip(given, _SPLITS, strict=True)]
    for code in unanswered:
        lacking = [_PART_OF_PROBABILITY * (each.labels == code) - each.scores[:, code] for each in splits]
        if all(values.mean() > 0 for values in lacking):
            chances = (mean_above_p(values, each.groups) for values, each in zip(lacking, splits, strict=True))
            found[code] = min(1.0, len(unanswered) * max(chances))
    return found


def _no_probability(
    evidence: ModelEvidence, test: Predicted, answered: Counts, code: int, p_value: float
) -> Measurement:
    name, share, probability = evidence.class_name(code), np.mean(test.labels == code), test.scores[:, code].mean()
    return Measurement(
        subject=name,
        statistic="share of a class's probability that is lost",
        value=float(1 - probability / share),
        margin=1 - _PART_OF_PROBABILITY,
        n=test.rows,
        reason=f"Recall of {name} is 0 on test and on eval, and the model gives it {probability:.2%} of the "
        f"probability where {share:.2%} of the labels are {name}; on train, too, that is less than a quarter of its "
        "share.",
        remedy=f"Look at the output of {name}: is it masked, or trained with a weight near 0 (`train.class_weights`)?",
        p_value=p_value,
        chart=_chart(evidence, answered, code),
    )


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
