"""Whether the model recognises the rows of each of its classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.text import shortened
from gates.model.certainty import FEWEST_ROWS, NOMINAL, mean_above_p, sound_rows
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.trivial import refuse_constant
from gates.tables.table import Floats
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

_FEWEST_CLASSES = 3
# A class of less than this part of an even share may honestly never be the most probable one.
_PART_OF_EVEN_SHARE, _FEWEST_UNANSWERED = 0.5, 30
_NAMED, _MOST_BARS = 5, 40


@check(
    gate=Gate.MODEL,
    group="soundness",
    catches="classes whose outputs are exchanged, or that the model takes for others; a class that is never answered",
    statistic="probability of a class on its own rows, short of the smaller of its share and an even one (share lost)",
    margin=0.25,
    rule="three classes or more; beyond the margin and certain on eval and test alike (Student's t, Bonferroni over "
    "the classes); warns where no row of a class with at least half of an even share is answered with it",
    source="docs/statistics.md, Rows of their own class",
    needs=(Need.TEST_PREDICTIONS,),
)
def class_recognition(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Calibrated probabilities give a class at least its share on its own rows, however hard the class is, and class
    weights move them towards equal shares. Two classes are judged by their ranking (`better_than_trivial`)."""
    refuse_constant(evidence)
    splits = {"test": sound_rows(evidence.test, "test")}
    if evidence.eval is not None and evidence.eval.sound.sum() >= FEWEST_ROWS:
        splits["eval"] = evidence.eval.only(evidence.eval.sound)
    test = splits["test"]
    if test.is_regression or test.classes < _FEWEST_CLASSES:
        raise NotApplicable("two classes are judged by how the model ranks them, and a quantity has none")
    shares = _least_shares([*splits.values(), *([evidence.train] if evidence.train is not None else [])])
    judged = (_recognised(splits, code, float(shares[code]), margin) for code in range(test.classes))
    found = [each for each in judged if each is not None]
    if not found:
        raise NotApplicable(f"no class has {FEWEST_ROWS} rows in each split")
    yield _judged(evidence, test, found, margin)
    unanswered = [each.code for each in found if each.is_unanswered]
    if unanswered and not any(each.is_lost(margin, len(found)) for each in found):
        yield _unanswered(evidence, test, unanswered)


@dataclass(frozen=True)
class _Recognised:
    """One class on all splits: the worst lost share of its probability, and the largest p-value."""

    code: int
    lost: float
    p_value: float
    is_unanswered: bool

    def is_lost(self, margin: float, classes: int) -> bool:
        return self.lost > margin and self.p_value * classes <= NOMINAL


def _least_shares(splits: Sequence[Predicted]) -> Floats:
    """The smallest share of each class among the labels of the splits: what the model could learn of it."""
    classes = splits[0].classes
    known = [each.labels[(each.labels >= 0) & (each.labels < classes)] for each in splits if each.classes == classes]
    return np.min([np.bincount(each, minlength=classes) / max(len(each), 1) for each in known], axis=0)


def _recognised(splits: dict[str, Predicted], code: int, share: float, margin: float) -> _Recognised | None:
    """None where a split has too few rows of the class, or train has none (see `classes_in_train`)."""
    if share == 0:
        return None
    lost, p_values, unanswered = [], [], []
    for predicted in splits.values():
        own = predicted.only(predicted.labels == code)
        if own.rows < FEWEST_ROWS:
            return None
        least = min(share, 1 / predicted.classes)
        given = own.scores[:, code]
        lost.append(1 - float(given.mean()) / least)
        p_values.append(mean_above_p((1 - margin) * least - given, own.groups))
        is_common = share * predicted.classes >= _PART_OF_EVEN_SHARE and own.rows >= _FEWEST_UNANSWERED
        unanswered.append(is_common and not (own.answers == code).any())
    # On both splits alike: what is wrong in one of them alone is judged by `class_generalisation`.
    return _Recognised(code, min(lost), max(p_values), all(unanswered))


def _judged(evidence: ModelEvidence, test: Predicted, found: list[_Recognised], margin: float) -> Measurement:
    worst = max(found, key=lambda each: (each.is_lost(margin, len(found)), -each.p_value, each.lost))
    named = [each.code for each in found if each.is_lost(margin, len(found))] or [worst.code]
    texts = [_in_words(evidence, test, code) for code in named]
    return Measurement(
        subject=", ".join(evidence.class_name(code) for code in named[:_NAMED]),
        statistic="share of the least probability that rows of a class lose",
        value=max(0.0, worst.lost),
        n=int((test.labels == worst.code).sum()),
        reason=f"{shortened(texts, _NAMED, '; ')}.",
        remedy="Compare the order of the model's outputs with the label's numbers and `data.class_names`, and look at "
        "rows of these classes: are they labelled as in train?",
        p_value=min(1.0, len(found) * worst.p_value),
        chart=_chart(evidence, test, named[0]),
    )


def _in_words(evidence: ModelEvidence, test: Predicted, code: int) -> str:
    own = test.only(test.labels == code)
    counts = np.bincount(own.answers, minlength=test.classes)
    answer = int(counts.argmax())
    name, given = evidence.class_name(code), float(own.scores[:, code].mean())
    return (
        f"{own.rows:,} rows of {name} on test are given {given:.1%} probability of {name}, which has "
        f"{own.rows / test.rows:.1%} of the rows; {counts[code] / own.rows:.0%} of them are answered {name}, and "
        f"{counts[answer] / own.rows:.0%} {evidence.class_name(answer)}"
    )


def _unanswered(evidence: ModelEvidence, test: Predicted, codes: list[int]) -> Measurement:
    names = [evidence.class_name(code) for code in codes]
    rows = int(np.isin(test.labels, codes).sum())
    return Measurement(
        subject=", ".join(names[:_NAMED]),
        statistic="recall",
        value=1.0,
        margin=0.0,
        n=rows,
        reason=f"No row of {shortened(names, _NAMED)} is answered so, on test ({rows:,} rows) and on eval.",
        remedy="See whether the features tell these classes from the others; weigh classes (`train.class_weights`).",
        at_most=Severity.WARN,
    )


def _chart(evidence: ModelEvidence, test: Predicted, code: int) -> Chart:
    own = test.only(test.labels == code)
    shares = np.bincount(own.answers, minlength=test.classes) / own.rows
    shown = np.sort(np.argsort(-shares, kind="stable")[:_MOST_BARS])
    name = evidence.class_name(code)
    names = tuple(evidence.class_name(int(each)) for each in shown)
    return Chart(f"answers to rows of {name} on test", names, {"test": tuple(shares[shown].tolist())}, name)
