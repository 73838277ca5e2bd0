"""Whether the candidate is worse than the blessed model on any slice of test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gates.model.certainty import Area, area_of, is_lopsided, log_losses, mean_above_p, mean_error
from gates.model.evidence import ModelEvidence, Predicted
from gates.model.rescaling import rescaling_of
from gates.tables.table import Floats, Mask
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart
from gates.verdict.measurement import Measurement

_FEWEST_ROWS = 50
# The cost of a row that is predicted as the other class with 97 %: two points of accuracy are 0.07 nats.
_NATS = 3.5


@dataclass(frozen=True)
class Loss:
    """The candidate's loss on a slice: a mean over paired rows, or a difference of two AUCs."""

    metric: str
    old: float
    new: float
    value: float  # positive: the candidate is worse
    p_value: float
    points: float = 1.0  # the metric's equivalent of a point of accuracy


@check(
    gate=Gate.MODEL,
    group="regression",
    catches="a slice that gets worse while the total stays as it is",
    statistic="accuracy (more classes), AUC and log loss (two), absolute error (regression): loss",
    margin=0.02,
    rule="beyond the margin and certain on the same rows (McNemar's exact test, DeLong, Student's t; Holm), n >= 50",
    source="McNemar 1947; DeLong et al. 1988; Chung et al. 2019, Slice Finder; "
    "docs/statistics.md, Slices against the blessed model",
    needs=(Need.TEST_PREDICTIONS, Need.BLESSED, Need.SLICES),
)
def slices_against_blessed(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Paired rows, on every value of a slicing column with enough rows.

    AUC detects a slice that is ranked worse, log loss one that is predicted too high or too low. Of log loss only the
    loss beyond that of the total counts, after both models' probabilities were shifted to the class shares of test:
    class weights and another length of training move every slice, and the Evaluator's thresholds judge those.
    """
    assert evidence.test is not None and evidence.blessed is not None
    test, blessed = evidence.test, evidence.blessed
    if blessed.rows != test.rows or blessed.classes != test.classes:
        raise NotApplicable("the blessed model was not evaluated on the same rows and classes")
    both = test.sound & blessed.sound
    if both.sum() < _FEWEST_ROWS:
        raise NotApplicable(f"both models have valid predictions for {both.sum()} rows only")
    new, old = test.only(both), blessed.only(both)
    excess = _excess(new, old) if test.classes == 2 else np.zeros(new.rows)
    for column, values in evidence.test_slices.items():
        texts = np.asarray(values)
        if len(texts) != test.rows:
            continue
        names, codes = np.unique(texts[both].astype(str), return_inverse=True)
        for place in np.flatnonzero(np.bincount(codes) >= _FEWEST_ROWS):
            inside = codes == place
            for loss in _losses(new.only(inside), old.only(inside), excess[inside]):
                yield _measured(f"{column}={names[place]}", loss, margin, inside)


def _excess(new: Predicted, old: Predicted) -> Floats:
    """By row, the log loss that the candidate adds, less its mean."""
    fitted = [_shifted(each) for each in (new, old)]
    added = log_losses(fitted[0]) - log_losses(fitted[1])
    return np.asarray(added - max(0.0, float(added.mean())))


def _shifted(predicted: Predicted) -> Predicted:
    if len(np.unique(predicted.labels)) < 2:
        return predicted
    return Predicted(predicted.labels, rescaling_of(predicted).shifted(predicted), False, predicted.groups)


def _losses(new: Predicted, old: Predicted, excess: Floats) -> Iterator[Loss]:
    if new.is_regression:
        yield _errors(new, old)
    elif new.classes > 2:
        yield _accuracy(new, old)
    else:
        ranked = _ranking(new, old)
        if ranked is not None:
            yield ranked
        if not is_lopsided(old):
            yield _accuracy(new, old)
        before = float(log_losses(old).mean())
        value, p_value = float(excess.mean()), mean_above_p(excess, new.groups)
        yield Loss("log loss beside that of the total", before, before + value, value, p_value, _NATS)


def _accuracy(new: Predicted, old: Predicted) -> Loss:
    """McNemar's exact test; over entities, where these were drawn, Student's t."""
    from scipy import stats

    hit_new, hit_old = (each.answers == each.labels for each in (new, old))
    lost, won = int((hit_old & ~hit_new).sum()), int((hit_new & ~hit_old).sum())
    p_value = float(stats.binom.sf(lost - 1, lost + won, 0.5)) if lost + won else 1.0
    if new.groups is not None:
        p_value = mean_above_p(hit_old.astype(float) - hit_new, new.groups)
    return Loss("accuracy", hit_old.mean(), hit_new.mean(), float(hit_old.mean() - hit_new.mean()), p_value)


def _ranking(new: Predicted, old: Predicted) -> Loss | None:
    """DeLong's paired test. Two perfect rankings have no spread, so one imagined row is added."""
    from scipy import stats

    a, b = area_of(old), area_of(new)
    if a is None or b is None or min(a.sides) < 10:
        return None
    gap = Area(a.value - b.value, a.influence - b.influence, a.sides, a.groups)
    error = mean_error(gap.influence, gap.groups, scale=len(gap.influence) / min(a.sides))
    return Loss("AUC", a.value, b.value, gap.value, float(stats.norm.sf(gap.value / error)))


def _errors(new: Predicted, old: Predicted) -> Loss:
    """Absolute errors in units of the mean absolute deviation of the labels, so that the margin is in points."""
    spread = max(float(np.abs(new.labels - np.median(new.labels)).mean()), 1e-300)
    before, after = (np.abs(each.labels - each.scores) / spread for each in (old, new))
    off = after - before
    p_value = mean_above_p(off, new.groups)
    return Loss("absolute error", float(before.mean()), float(after.mean()), float(off.mean()), p_value)


def _measured(subject: str, loss: Loss, margin: float, inside: Mask) -> Measurement:
    n = int(inside.sum())
    change = "worse" if loss.value > 0 else "better"
    return Measurement(
        subject=subject,
        statistic=f"{loss.metric}: loss against the blessed model",
        value=loss.value,
        margin=margin * loss.points,
        n=n,
        reason=f"{subject}: {loss.metric} is {loss.new:.3f}, with the blessed model {loss.old:.3f} on the same {n:,} "
        f"rows: {abs(loss.value):.3f} {change}.",
        remedy="Compare what both models predict on this slice: were its rows fewer, or made otherwise, this time?",
        p_value=loss.p_value,
        chart=Chart(
            f"{loss.metric} on {subject}", ("blessed", "candidate"), {subject: (loss.old, loss.new)}, "candidate"
        ),
    )
