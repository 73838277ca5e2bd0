"""Checks of the label itself: features fitted on it, held-out labels that are not train's, labels that are wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates import boosted
from gates.catalogue import Gate, Need, NotApplicable, check
from gates.data import Data
from gates.finding import Chart, RowSample, Severity
from gates.leakage.blame import Blame, blame, capped_by_time
from gates.leakage.encodings import Encoding, encodings
from gates.leakage.proxy import Proxy, proxy_of, proxy_of_train
from gates.leakage.strength import Gap, concordance, correlation, shares_of
from gates.rule import Measurement
from gates.table import Table

_SHUFFLED_ROWS = 1_500
_SHUFFLES = 5
_SHUFFLED_TREES = 8
_CONFIDENCE = 0.99
# Labels can be called wrong only where the features tell the classes apart.
_CLEAR_SHARE = 0.5
_CLEAR_PRECISION = 2 / 3
_FEWEST_CONFIDENT = 100


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a target encoding that saw the held-out labels or its own row; any feature fitted on train's labels",
    statistic="AUC in train out of fold - AUC in eval (R2 for a quantity), of each feature; means equal to the label's",
    margin=0.05,
    rule="gap > 0.05 AUC (0.10 R2), Holm-adjusted p <= 0.001 (DeLong), while the other features keep what they tell; "
    "or the values are exactly the label's means over rows that include the held-out ones",
    source="Micci-Barreca 2001; DeLong et al. 1988; Kapoor & Narayanan 2023, L1.2",
    needs=(Need.HELD_OUT, Need.LABEL),
)
def train_eval_gap(data: Data, margin: float) -> Iterator[Measurement]:
    """Each feature's power out of fold in train against its power in the held-out table, where it must be as strong.

    An encoding over all rows is as strong on both sides; it is found by its values, which equal the means of the label
    over train and the held-out table, and not over train. Correct encodings equal train's means or none.
    """
    for name, compared in _compared(data, margin):
        facts = encodings(data, name)
        limit = margin if compared.proxy.classes else 2 * margin
        for feature, encoding in facts.items():
            yield _encoded(data.held_out[name], encoding, limit)
        for feature, gap in compared.blame.features.items():
            if feature not in facts:
                yield _feature_gap(data, name, feature, gap, compared, limit)


@check(
    gate=Gate.DATA,
    group="labels",
    catches="eval labels joined to the wrong rows, flipped, or made by another rule than train's",
    statistic="AUC in train out of fold - AUC in eval (R2 for a quantity), of all features together",
    margin=0.05,
    rule="gap > 0.05 AUC (0.10 R2) and Holm-adjusted p <= 0.001 (DeLong), not explained by single features",
    source="DeLong et al. 1988; Rabanser et al., Failing Loudly, 2019",
    needs=(Need.HELD_OUT, Need.LABEL),
)
def eval_labels_disagree(data: Data, margin: float) -> Iterator[Measurement]:
    """What train's features tell of train's labels they must tell of the held-out ones.

    Features that lost their power while the others kept it are left out: `train_eval_gap` tells of them.
    """
    for name, compared in _compared(data, margin):
        found, proxy = compared.blame, compared.proxy
        gap = found.rest or found.joint
        limit = margin if proxy.classes else 2 * margin
        left_out = f" (without {', '.join(sorted(found.guilty))})" if found.guilty else ""
        yield Measurement(
            check="eval_labels_disagree",
            subject=name,
            statistic=f"{_power(proxy)} in train - in {name}",
            value=gap.value,
            margin=limit,
            n=len(proxy.other.rows),
            p_value=gap.p_value,
            beyond=False if found.guilty else None,
            at_most=Severity.WARN if capped_by_time(data, name) else Severity.BLOCK,
            reason=f"A model of train's labels orders rows that it did not see with {_in_words(proxy, gap.train)} in "
            f"train and {_in_words(proxy, gap.other)} in {name}{left_out}: {len(proxy.train.rows):,} and "
            f"{len(proxy.other.rows):,} rows, z = {gap.z:.1f}; it may lose {limit:g}.",
            remedy=f"Join the labels of {name} to their rows again by key, and compare a few with their source; "
            f"then check that both labels follow one definition.",
            chart=_chart(proxy, found, name),
        )


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="folds or features that give the label away by themselves: with shuffled labels nothing can be learnt",
    statistic="AUC out of fold with shuffled labels, 99 % lower bound of the mean of 5",
    margin=0.55,
    rule="99 % lower bound of the mean > 0.55 (correlation 0.10 for a quantity), certain",
    source="Zhang et al. 2017 (randomisation test); Ojala & Garriga 2010",
    needs=(Need.LABEL,),
)
def shuffled_labels(data: Data, margin: float) -> Iterator[Measurement]:
    """What the stand-in for the model makes of labels that mean nothing: the level from which the others count."""
    from scipy.stats import t as student

    proxy = proxy_of_train(data)
    values = np.array(list(_shuffled(proxy, data.seed)))
    level = 0.5 if proxy.classes else 0.0
    error = max(float(values.std(ddof=1)) / len(values) ** 0.5, 1e-6)
    mean, freedom = float(values.mean()), len(values) - 1
    lower = mean - float(student.ppf(_CONFIDENCE, freedom)) * error
    yield Measurement(
        check="shuffled_labels",
        subject="train",
        statistic="99 % lower bound of the AUC with shuffled labels" if proxy.classes else "of the correlation",
        value=lower,
        margin=margin if proxy.classes else 2 * (margin - 0.5),
        n=min(_SHUFFLED_ROWS, len(proxy.train.rows)),
        p_value=float(student.sf((mean - level) / error, freedom)),
        reason=f"With shuffled labels, the mean of {len(values)} runs out of fold on "
        f"{min(_SHUFFLED_ROWS, len(proxy.train.rows)):,} rows is {_in_words(proxy, mean)} (at least {lower:.3f} with "
        f"99 % confidence); {level:g} is what chance gives.",
        remedy="Look for rows that repeat and for features made from the label; then deal the folds by entity.",
    )


@check(
    gate=Gate.DATA,
    group="labels",
    catches="wrong labels where the features tell the classes apart clearly",
    statistic="share of confidently classified rows of train that hold another label (out of fold)",
    margin=0.05,
    rule="99 % lower bound > 0.05 where the classes are clear (warns at most)",
    source="Northcutt, Jiang & Chuang, Confident Learning, 2021",
    needs=(Need.LABEL,),
)
def label_noise(data: Data, margin: float) -> Iterator[Measurement]:
    """Confident learning: a row is confidently of a class when its score reaches the mean score of the rows that hold
    that label. Where most rows are, and agree with their label, those that do not are likely to be wrong.

    Hard problems look alike: there few rows are confident, or too many of them disagree, and nothing is said.
    """
    from scipy.stats import beta, binom

    proxy = proxy_of_train(data)
    if not proxy.classes:
        raise NotApplicable("the label is a quantity: noise in it cannot be told from what the features do not explain")
    scores, labels = proxy.scores[0], proxy.train.labels
    guess = _confident_classes(scores, labels, proxy.classes)
    confident = guess >= 0
    rows, wrong = int(confident.sum()), int((confident & (guess != labels)).sum())
    unclear = _why_unclear(guess, labels, proxy.classes)
    share = wrong / max(rows, 1)
    lower = float(beta.ppf(1 - _CONFIDENCE, wrong, rows - wrong + 1)) if wrong else 0.0
    yield Measurement(
        check="label_noise",
        subject=data.label or "label",
        statistic="share of confidently classified rows with another label",
        value=share,
        margin=margin,
        n=rows,
        p_value=float(binom.sf(wrong - 1, max(rows, 1), margin)) if wrong else 1.0,
        beyond=lower > margin and not unclear,
        at_most=Severity.WARN,
        reason=unclear
        or f"{wrong:,} of {rows:,} rows that a model is sure of, without having seen them, hold another label than it "
        f"says ({share:.1%}, at least {lower:.1%} with 99 % confidence; {len(labels):,} rows of train looked at).",
        remedy="Look at the rows shown and correct their labels at the source, or leave them out.",
        sample=_suspects(data, proxy, scores, guess),
    )


class _Compared:
    """One held-out table: who is to blame, and the stand-in that said so."""

    def __init__(self, proxy: Proxy, found: Blame) -> None:
        self.proxy, self.blame = proxy, found


def _compared(data: Data, margin: float) -> Iterator[tuple[str, _Compared]]:
    why, any_compared = "no held-out table holds the label", False
    for name in data.held_out:
        try:
            found = _Compared(proxy_of(data, name), blame(data, name, margin))
        except NotApplicable as reason:
            why = str(reason)
            continue
        any_compared = True
        yield name, found
    if not any_compared:
        raise NotApplicable(why)


def _feature_gap(data: Data, name: str, feature: str, gap: Gap, compared: _Compared, limit: float) -> Measurement:
    found, proxy = compared.blame, compared.proxy
    guilty = feature in found.guilty
    # Redundant features can hide a gap alone that all of them together show.
    shown = gap if not guilty or gap.value > limit else found.joint
    why = "; without it the other features tell as much on both sides" if guilty else ""
    if not guilty and gap.value > limit:
        why = "; the other features lost what they told as well, so the labels are judged instead"
    return Measurement(
        check="train_eval_gap",
        subject=feature,
        statistic=f"{_power(proxy)} in train - in {name}",
        value=shown.value,
        margin=limit,
        n=len(proxy.other.rows),
        p_value=shown.p_value,
        beyond=guilty and shown.value > limit,
        at_most=Severity.WARN if capped_by_time(data, name) else Severity.BLOCK,
        reason=f"`{feature}` tells the label with {_in_words(proxy, shown.train)} in train (out of fold) and "
        f"{_in_words(proxy, shown.other)} in {name}{why}: z = {shown.z:.1f}, {len(proxy.other.rows):,} rows; it may "
        f"lose {limit:g}.",
        remedy=f"Fit `{feature}` out of fold: a row's own label must not be in the value that it is given; or drop it.",
        chart=_chart(proxy, found, name, feature),
    )


def _encoded(other: Table, found: Encoding, limit: float) -> Measurement:
    level = f"level of `{found.of}`" if found.of else "group of rows that share a value"
    return Measurement(
        check="train_eval_gap",
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


def _power(proxy: Proxy) -> str:
    return "AUC" if proxy.classes else "R2 (of ranks)"


def _in_words(proxy: Proxy, value: float) -> str:
    return f"an AUC of {value:.3f}" if proxy.classes else f"a correlation of {value:.3f}"


def _chart(proxy: Proxy, found: Blame, name: str, marked: str | None = None) -> Chart:
    """The features with the largest gaps, and all together."""
    worst = sorted(found.features, key=lambda each: -abs(found.features[each].value))[:12]
    if marked is not None and marked not in worst:
        worst = [marked, *worst[:11]]
    gaps = [found.joint, *(found.features[each] for each in worst)]
    series = {"train": tuple(gap.train for gap in gaps), name: tuple(gap.other for gap in gaps)}
    unit = "AUC" if proxy.classes else "correlation with the label"
    return Chart(f"{unit}, all features together and each alone", ("all together", *worst), series, marked)


def _shuffled(proxy: Proxy, seed: int) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    rows = slice(0, min(_SHUFFLED_ROWS, len(proxy.train.rows)))
    features = proxy.matrix.rows(rows)
    if not features.names:
        raise NotApplicable("no feature is a number or a category: nothing that a fast model could learn from")
    labels = proxy.train.labels[rows]
    if proxy.classes:
        # The most frequent class against the rest is one problem instead of ten.
        labels = (labels == np.bincount(labels).argmax()).astype(np.int64)
        if labels.all():
            raise NotApplicable("the rows looked at hold one class only")
    together = None if proxy.together is None else proxy.together[rows]
    for run in range(_SHUFFLES):
        mixed = rng.permutation(labels)
        scores = boosted.out_of_fold(features, mixed, groups=together, seed=seed + run, trees=_SHUFFLED_TREES, folds=3)
        if proxy.classes:
            yield concordance(scores, mixed, shares_of(mixed, mixed, 2)).value
        else:
            yield correlation(scores, mixed).value


def _confident_classes(scores: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The class that a row surely has, by the thresholds of confident learning; -1 for none."""
    thresholds = np.array([scores[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(classes)])
    above = np.where(scores >= thresholds, scores, -np.inf)
    return np.where(np.isfinite(above.max(axis=1)), above.argmax(axis=1), -1)


def _why_unclear(guess: np.ndarray, labels: np.ndarray, classes: int) -> str:
    """Why nothing can be said of noise, or an empty text."""
    confident = guess >= 0
    if confident.sum() < _FEWEST_CONFIDENT:
        return f"Only {int(confident.sum())} rows are classified confidently: too few to speak of wrong labels."
    if confident.mean() < _CLEAR_SHARE:
        return f"Only {confident.mean():.0%} of the rows are classified confidently: the classes are not clear enough."
    for k in range(classes):
        mine = guess == k
        if mine.any() and (labels[mine] == k).mean() < _CLEAR_PRECISION:
            return (
                f"The features do not tell the classes apart: of {int(mine.sum()):,} rows that look like one class, "
                f"{(labels[mine] == k).mean():.0%} hold its label. Wrong labels cannot be told from hard rows."
            )
    return ""


def _suspects(data: Data, proxy: Proxy, scores: np.ndarray, guess: np.ndarray) -> RowSample | None:
    """The rows whose own label the model believes least."""
    labels, table = proxy.train.labels, proxy.train.table
    own = scores[np.arange(len(labels)), labels]
    wrong = np.flatnonzero((guess >= 0) & (guess != labels))
    if not len(wrong):
        return None
    worst = wrong[np.argsort(own[wrong], kind="stable")[:5]]
    columns = [data.label or "", *proxy.matrix.names[:7]]
    rows = proxy.train.rows[worst]
    texts = [table.arrow.column(column).take(rows).to_pylist() for column in columns]
    shown = tuple(tuple("" if v is None else str(v) for v in row) for row in zip(*texts, strict=True))
    return RowSample("rows of train whose label a model believes least", tuple(columns), shown)
