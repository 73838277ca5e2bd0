"""Checks of the label: features fitted on it, held-out labels that differ from train's, wrong labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.agreement import Agreement, agreement
from gates.data.leakage.blame import Blame, blame, capped_by_time, is_suspicious
from gates.data.leakage.encodings import Encoding, encodings
from gates.data.leakage.noise import (
    SHUFFLED_ROWS,
    confident_classes,
    honest_scores,
    shuffled,
    suspects,
    why_hard,
    why_unclear,
)
from gates.data.leakage.proxy import Proxy, proxy_of, proxy_of_train
from gates.statistics.strength import StrengthGap, in_words
from gates.tables.table import Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Chart, RowSample, Severity
from gates.verdict.measurement import Measurement

_CONFIDENCE = 0.99
_GAP = 0.05


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a target encoding that saw the held-out labels or its own row; any feature fitted on train's labels",
    statistic="AUC in train out of fold - AUC in eval (R2 for a quantity), of each feature; means equal to the label's",
    margin=_GAP,
    rule="gap > 0.05 AUC (0.10 R2), Holm-adjusted p <= 0.001 (DeLong), while the other features keep their power; "
    "or the values are exactly the label's means over rows that include the held-out ones",
    source="Micci-Barreca 2001; Kapoor & Narayanan 2023, L1.2; docs/statistics.md, Encodings of the label",
    needs=(Need.HELD_OUT, Need.LABEL),
)
def train_eval_gap(data: Data, margin: float) -> Iterator[Measurement]:
    """Each feature's power out of fold in train against its power in the held-out table, which must be as large.

    An encoding over all rows is as strong on both sides; its values reveal it, because they equal the means of the
    label over train and the held-out table, and not those over train. Correct encodings equal train's means or none.
    """
    for name, compared in _compared(data, margin):
        facts = encodings(data, name)
        limit = margin if compared.proxy.classes else 2 * margin
        for encoding in facts.values():
            yield _encoded(data.held_out[name], encoding, limit)
        for feature, gap in compared.blame.features.items():
            if feature not in facts:
                yield _feature_gap(data, name, feature, gap, compared, limit)


@check(
    gate=Gate.DATA,
    group="labels",
    catches="eval labels joined to the wrong rows, flipped, or made by another rule than train's",
    statistic="AUC in train out of fold - AUC in eval (R2 for a quantity), of all features together; from 3 classes on "
    "the share of right answers as well",
    margin=_GAP,
    rule="gap > 0.05 AUC (0.10 R2), or answers > 0.05 apart either way, and Holm-adjusted p <= 0.001 (DeLong; normal), "
    "not explained by single features",
    source="DeLong et al. 1988; Rabanser et al. 2019; docs/statistics.md, Relations in train and elsewhere",
    needs=(Need.HELD_OUT, Need.LABEL),
)
def eval_labels_disagree(data: Data, margin: float) -> Iterator[Measurement]:
    """The features must predict the held-out labels as well as they predict train's.

    Features that lost their power while the others kept it are left out: `train_eval_gap` reports them.
    """
    for name, compared in _compared(data, margin):
        found, proxy = compared.blame, compared.proxy
        gap = found.rest or found.joint
        limit = margin if proxy.classes else 2 * margin
        left_out = f" (without {', '.join(sorted(found.guilty))})" if found.guilty else ""
        yield Measurement(
            subject=name,
            statistic=f"{proxy.power} in train - in {name}",
            value=gap.value,
            margin=limit,
            n=len(proxy.other.rows),
            p_value=gap.p_value,
            beyond=False if found.guilty else None,
            at_most=Severity.WARN if capped_by_time(data, name) else Severity.BLOCK,
            reason=f"A model of train's labels orders rows that it did not see with "
            f"{in_words(proxy.classes, gap.train)} in train and {in_words(proxy.classes, gap.other)} "
            f"in {name}{left_out}: {len(proxy.train.rows):,} and {len(proxy.other.rows):,} rows, z = {gap.z:.1f}; it "
            f"may lose {limit:g}.",
            remedy=f"Join the labels of {name} to their rows again by key, and compare a few with their source; "
            f"then check that both labels follow one definition.",
            chart=_chart(proxy, found, name),
        )
        if (right := agreement(proxy)) is not None:
            # Where no single feature is suspicious, a guilty one may only be weak without the others.
            guilty = any(is_suspicious(found.features[feature], limit) for feature in found.guilty)
            yield _in_answers(data, name, right, margin, guilty)


def _in_answers(data: Data, name: str, right: Agreement, margin: float, guilty: bool) -> Measurement:
    """With many classes, wrong labels cost few points of AUC, but one right answer each."""
    worse, better = (name, "train") if right.difference > 0 else ("train", name)
    return Measurement(
        subject=name if right.difference > 0 else f"train against {name}",
        statistic=f"share of answers that are right in {better} - in {worse}",
        value=abs(right.difference),
        n=right.rows,
        p_value=right.p_value,
        beyond=False if guilty else None,
        at_most=Severity.WARN if capped_by_time(data, name) else Severity.BLOCK,
        reason=f"A model of train's labels is right about {right.train:.1%} of train's rows that it did not see and "
        f"about {right.other:.1%} of the {right.rows:,} rows of {name} that are not in train; they may be {margin:.0%} "
        f"apart.",
        remedy=f"Compare labels of {worse} with their source, a few of each class; then join them to their rows again.",
    )


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="folds or features that reveal the label by themselves: with shuffled labels nothing can be learnt",
    statistic="AUC out of fold with shuffled labels, 99 % lower bound of the mean of 5",
    margin=0.55,
    rule="99 % lower bound of the mean > 0.55 (correlation 0.10 for a quantity), certain",
    source="Zhang et al. 2017 (randomisation); Ojala & Garriga 2010; docs/statistics.md, Relations in train and "
    "elsewhere",
    needs=(Need.LABEL,),
)
def shuffled_labels(data: Data, margin: float) -> Iterator[Measurement]:
    """The stand-in model's strength on shuffled labels: the level of chance for the other checks."""
    from scipy.stats import t as student

    proxy = proxy_of_train(data)
    values = np.array(list(shuffled(proxy, data.seed)))
    level = 0.5 if proxy.classes else 0.0
    error = max(float(values.std(ddof=1)) / len(values) ** 0.5, 1e-6)
    mean, freedom = float(values.mean()), len(values) - 1
    lower = mean - float(student.ppf(_CONFIDENCE, freedom)) * error
    yield Measurement(
        subject="train",
        statistic="99 % lower bound of the AUC with shuffled labels" if proxy.classes else "of the correlation",
        value=lower,
        margin=margin if proxy.classes else 2 * (margin - 0.5),
        n=min(SHUFFLED_ROWS, len(proxy.train.rows)),
        p_value=float(student.sf((mean - level) / error, freedom)),
        reason=f"With shuffled labels, the mean of {len(values)} runs out of fold on "
        f"{min(SHUFFLED_ROWS, len(proxy.train.rows)):,} rows is {in_words(proxy.classes, mean)} (at least {lower:.3f} "
        f"with 99 % confidence); {level:g} is what chance gives.",
        remedy="Look for rows that repeat and for features made from the label; then assign the folds by entity.",
    )


@check(
    gate=Gate.DATA,
    group="labels",
    catches="wrong labels where the features separate the classes clearly",
    statistic="share of confidently classified rows of train that hold another label (out of fold)",
    margin=0.05,
    rule="99 % lower bound > 0.05 where the classes are clear, and at least half as large in the surest quarter of the "
    "rows as in their less sure half (warns at most)",
    source="Northcutt, Jiang & Chuang 2021, Confident Learning; docs/statistics.md, Label noise",
    needs=(Need.LABEL,),
)
def label_noise(data: Data, margin: float) -> Iterator[Measurement]:
    """Confident learning: a row is confidently of a class when its score reaches the mean score of the rows with that
    label. Where most rows are confident and agree with their label, those that disagree are likely to be wrong.

    On hard problems few rows are confident, too many of them disagree, or those that the model is surest of do not;
    then nothing is reported.
    """
    from scipy.stats import beta, binom

    proxy = proxy_of_train(data)
    if not proxy.classes:
        raise NotApplicable(
            "the label is a quantity: noise in it cannot be separated from what the features do not explain"
        )
    labels = proxy.train.labels
    scores = honest_scores(proxy, _GAP)
    guess = confident_classes(scores, labels, proxy.classes)
    confident = guess >= 0
    rows, wrong = int(confident.sum()), int((confident & (guess != labels)).sum())
    unclear = why_unclear(guess, labels, proxy.classes) or why_hard(scores, guess, labels, proxy.classes)
    share = wrong / max(rows, 1)
    lower = float(beta.ppf(1 - _CONFIDENCE, wrong, rows - wrong + 1)) if wrong else 0.0
    yield Measurement(
        subject=data.label or "label",
        statistic="share of confidently classified rows with another label",
        value=share,
        n=rows,
        p_value=float(binom.sf(wrong - 1, max(rows, 1), margin)) if wrong else 1.0,
        beyond=lower > margin and not unclear,
        at_most=Severity.WARN,
        reason=unclear
        or f"{wrong:,} of {rows:,} rows that a model classifies confidently out of fold hold another label than it "
        f"predicts ({share:.1%}, at least {lower:.1%} with 99 % confidence; {len(labels):,} rows of train looked at).",
        remedy="Compare the labels of the rows shown with their source and correct those that are wrong there. A row "
        "that is only hard stays: without it every measurement is too good.",
        sample=suspects(proxy, scores, guess),
    )


class _Compared(NamedTuple):
    """One held-out table: the stand-in model, and which features or labels are at fault."""

    proxy: Proxy
    blame: Blame


def _compared(data: Data, margin: float) -> Iterator[tuple[str, _Compared]]:
    why: list[str] = []
    for name in data.held_out:
        try:
            found = _Compared(proxy_of(data, name), blame(data, name, margin))
        except NotApplicable as reason:
            why.append(str(reason))
            continue
        yield name, found
    if len(why) == len(data.held_out):
        raise NotApplicable(why[0])


def _feature_gap(
    data: Data, name: str, feature: str, gap: StrengthGap, compared: _Compared, limit: float
) -> Measurement:
    found, proxy = compared.blame, compared.proxy
    guilty = feature in found.guilty
    # Redundant features may each hide a gap that all of them together show.
    shown = gap if not guilty or gap.value > limit else found.joint
    why = "; without it the other features predict the label as well on both sides" if guilty else ""
    if not guilty and gap.value > limit:
        why = "; the other features lost their power as well, so the labels are judged instead"
    return Measurement(
        subject=feature,
        statistic=f"{proxy.power} in train - in {name}",
        value=shown.value,
        margin=limit,
        n=len(proxy.other.rows),
        p_value=shown.p_value,
        beyond=guilty and shown.value > limit,
        at_most=Severity.WARN if capped_by_time(data, name) else Severity.BLOCK,
        reason=f"`{feature}` predicts the label with {in_words(proxy.classes, shown.train)} in train (out of fold) and "
        f"{in_words(proxy.classes, shown.other)} in {name}{why}: z = {shown.z:.1f}, {len(proxy.other.rows):,} rows; it "
        f"may lose {limit:g}.",
        remedy=f"Fit `{feature}` out of fold: a row's own label must not be in the value that it is given; or drop it.",
        chart=_chart(proxy, found, name, feature),
        column=feature,
        table=name,
    )


def _encoded(other: Table, found: Encoding, limit: float) -> Measurement:
    level = f"level of `{found.of}`" if found.of else "group of rows that share a value"
    return Measurement(
        subject=found.feature,
        statistic=f"share of levels that hold the label's mean over {found.over}",
        value=found.equal / found.levels,
        margin=limit,
        n=found.rows,
        reason=f"`{found.feature}` is the mean label of each {level} over {found.over}, not over train: "
        f"{found.equal:,} of the {found.levels:,} levels in which the two differ equal it, {found.rows:,} rows of "
        f"{other.name}. It carries the labels of {other.name} into its own features.",
        remedy=f"Split first, then fit `{found.feature}` on train alone (out of fold for train's own rows).",
        sample=RowSample(
            f"`{found.feature}` against the mean label",
            ("value", "over train", f"over {found.over}", "rows"),
            found.examples,
        ),
    )


def _chart(proxy: Proxy, found: Blame, name: str, marked: str | None = None) -> Chart:
    """The features with the largest gaps, and all together."""
    worst = sorted(found.features, key=lambda each: -abs(found.features[each].value))[:12]
    if marked is not None and marked not in worst:
        worst = [marked, *worst[:11]]
    gaps = [found.joint, *(found.features[each] for each in worst)]
    series = {"train": tuple(gap.train for gap in gaps), name: tuple(gap.other for gap in gaps)}
    unit = "AUC" if proxy.classes else "correlation with the label"
    return Chart(f"{unit}, all features together and each alone", ("all together", *worst), series, marked)
