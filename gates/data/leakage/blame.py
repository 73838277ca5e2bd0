"""Attributes a difference between train and a held-out table to some features or to the labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gates.data.evidence import Data
from gates.data.leakage.proxy import Proxy, proxy_of
from gates.data.units import Unit
from gates.statistics.strength import StrengthGap, gap_between
from gates.tables.table import ColumnKind
from gates.verdict.catalogue import NotApplicable

# From this z on a gap is a suspicion; the gate's rule decides how certain a finding must be.
_SUSPICIOUS = 4.0
_MOST_SUSPECTS = 3
# The other features must keep this part of their strength in the held-out table to clear its labels.
_KEPT = 0.5


@dataclass(frozen=True)
class Blame:
    """The gap of every feature alone, the joint gap, the guilty features (none when the labels are at fault), and the
    joint gap without them."""

    features: Mapping[str, StrengthGap]
    rows: int  # of train that single features were judged on
    joint: StrengthGap
    guilty: frozenset[str]
    rest: StrengthGap | None


@lru_cache(maxsize=4)
def blame(data: Data, name: str, margin: float) -> Blame:
    """For train against the held-out table of this name.

    Raises:
      NotApplicable: when the labels cannot be compared.
    """
    proxy = proxy_of(data, name)
    limit = margin if proxy.classes else 2 * margin
    strengths, rows = proxy.single_features()
    gaps = {
        feature: gap_between(in_train, in_other, proxy.head(rows), not proxy.classes)
        for feature, (in_train, in_other) in strengths.items()
    }
    joint = _gap(proxy, proxy.scores)
    alone = {feature for feature, gap in gaps.items() if is_suspicious(gap, limit)}
    if not alone and not is_suspicious(joint, limit):
        return Blame(gaps, rows, joint, frozenset(), joint)
    if proxy.images and proxy.classes:
        return Blame(gaps, rows, joint, frozenset(alone), joint)
    for suspects in [alone] if alone else _by_importance(proxy):
        rest = _without(proxy, suspects)
        if not _clears_labels(proxy, suspects, rest, limit):
            continue
        # Noise in the labels weakens every feature in proportion; only a larger loss is the feature's own.
        kept = _kept(rest, limit, 0.5 if proxy.classes else 0.0)
        guilty = {name for name in suspects if not alone or _lost_more(gaps[name], kept, limit, proxy)}
        if guilty:
            return Blame(gaps, rows, joint, frozenset(guilty), rest)
    return Blame(gaps, rows, joint, frozenset(), joint)


def is_suspicious(gap: StrengthGap, limit: float) -> bool:
    """Whether a gap is beyond its limit and more than chance by itself."""
    return gap.value > limit and gap.z > _SUSPICIOUS


def _gap(proxy: Proxy, scores: tuple[np.ndarray, np.ndarray]) -> StrengthGap:
    return gap_between(*proxy.strengths(scores), proxy.groups, not proxy.classes)


def _without(proxy: Proxy, suspects: set[str]) -> StrengthGap | None:
    try:
        return _gap(proxy, proxy.scores_of(proxy.matrix.without(*suspects)))
    except NotApplicable:
        return None


def _clears_labels(proxy: Proxy, suspects: set[str], rest: StrengthGap | None, limit: float) -> bool:
    """Whether the other features relate to the label as they do in train. If they carry nothing, the form of the
    suspects decides: a single feature, or fractions within the label's range, can be means of labels."""
    level = 0.5 if proxy.classes else 0.0
    strength = 0.0 if rest is None else rest.train - level
    if rest is None or strength < limit:
        fractions = all(_may_be_mean(proxy, feature) for feature in suspects)
        return fractions or (rest is not None and len(suspects) == 1)
    return not is_suspicious(rest, limit) and rest.other - level >= _KEPT * strength


def _kept(rest: StrengthGap | None, limit: float, level: float) -> float:
    """The part of the other features' strength in train that remains in the other table; 1 when it is small."""
    if rest is None or rest.train - level < limit:
        return 1.0
    return min(1.0, max(0.0, (rest.other - level) / (rest.train - level)))


def _lost_more(gap: StrengthGap, kept: float, limit: float, proxy: Proxy) -> bool:
    level = 0.5 if proxy.classes else 0.0
    expected = level + kept * (gap.train - level)
    lost = expected - gap.other if proxy.classes else expected * abs(expected) - gap.other * abs(gap.other)
    return lost > limit


def _may_be_mean(proxy: Proxy, feature: str) -> bool:
    table = proxy.train.table
    if not table.has(feature, ColumnKind.NUMBER):
        return False
    values = table.numbers(feature)
    known = values[np.isfinite(values)]
    low, high = (0.0, 1.0) if proxy.classes else _label_range(proxy)
    return bool(len(known) and known.min() >= low and known.max() <= high and (known != np.floor(known)).any())


def _label_range(proxy: Proxy) -> tuple[float, float]:
    values = proxy.train.table.numbers(proxy.data.label or "")
    known = values[np.isfinite(values)]
    return float(known.min()), float(known.max())


def _by_importance(proxy: Proxy) -> Iterator[set[str]]:
    """The one, two and three features without which the strength falls most in train, relative to the other table."""
    from gates.data import boosted

    features, count = proxy.matrix, len(proxy.train.rows)
    train_features, other_features = features.rows(slice(0, count)), features.rows(slice(count, None))
    rng = np.random.default_rng(proxy.data.seed)
    fold = boosted.folds_of(count, proxy.together, proxy.data.seed, 2)
    half, rest = np.flatnonzero(fold == 0), np.flatnonzero(fold == 1)
    model = boosted.fit(train_features.rows(half), proxy.train.labels[half], proxy.data.seed, proxy.trees)
    lost = []
    for i in range(len(features.names)):
        drops = []
        for side, labels in (
            (train_features.rows(rest), proxy.train.labels[rest]),
            (other_features, proxy.other.labels),
        ):
            before = _strength(proxy, boosted.scores_of(model, side), labels)
            mixed = side.values.copy()
            mixed[:, i] = rng.permutation(mixed[:, i])
            after = boosted.scores_of(model, boosted.Matrix(mixed, side.categorical, side.names))
            drops.append(before - _strength(proxy, after, labels))
        lost.append(drops[0] - drops[1])
    order = np.argsort(-np.array(lost), kind="stable")
    for most in range(1, min(_MOST_SUSPECTS, len(order) - 1) + 1):
        yield {features.names[i] for i in order[:most]}


def _strength(proxy: Proxy, scores: np.ndarray, labels: np.ndarray) -> float:
    from gates.statistics.strength import concordance, correlation, shares_of

    if not proxy.classes:
        return correlation(scores, labels).value
    if scores.shape[1] < proxy.classes:
        return 0.5
    return concordance(scores, labels, shares_of(labels, labels, proxy.classes)).value


def capped_by_time(data: Data, name: str) -> bool:
    """Whether time may explain what changed."""
    return data.unit(data.held_out[name]) is Unit.TIME
