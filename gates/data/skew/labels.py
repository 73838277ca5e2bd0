"""Whether every table holds the label with the class shares, or the distribution, of train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gates.data.evidence import Data
from gates.data.target import Target, target_in, target_of
from gates.data.units import Unit
from gates.statistics.distances import Z_99, pooled_rows
from gates.statistics.sample_size import rows_until_bound
from gates.statistics.sampling import effective_rows
from gates.tables.table import Codes, Floats, Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, NothingToJudge, check
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement

# Cochran (1954): a chi-square needs five expected rows a class; rarer ones are counted together.
_FEWEST_EXPECTED = 5
# A class that train lacks matters from this share of rows: each of them is a certain error.
_UNKNOWN_SHARE = 0.005
_FEWEST_UNKNOWN = 3
# The same margin as that of `nulls`.
_LOST_SHARE = 0.05
# Standard errors from which on a class differs by more than chance.
_CLEAR = 3.0
# Before Holm's correction over what a gate compares, some hundred at the most.
_CERTAIN = 1e-5
_CHARTED = 20
_BARS = 10


@check(
    gate=Gate.DATA,
    group="skew",
    catches="another share of positives, a class that is missing, another distribution of a quantity",
    statistic="total variation of the shares of the classes beyond chance (Kolmogorov-Smirnov distance of a quantity)",
    margin=0.05,
    rule="total variation > 0.05 (KS > 0.10) and chi-square certain, on effective rows; "
    "classes that train lacks: > 0.5 % of the rows, hypergeometric; warns at most under a split by time; no doubt if "
    "a split by contents leaves too few of them for any",
    source="Rabanser et al. 2019; Lipton et al. 2018, label shift; docs/statistics.md, Distances beyond sampling noise",
    needs=(Need.LABEL, Need.OTHER),
    tier=1,
)
def label_shift(data: Data, margin: float) -> Iterator[Measurement]:
    """The label in train against eval, test, and the serving log and previous span where they hold it."""
    target, why = target_of(data), "no other table holds the label"
    compared = 0
    for held_out in data.held_out.values():
        if (lost := _lost(target, held_out)) is not None:
            compared += 1
            yield lost
    for other in data.others.values():
        try:
            other_target = target_in(other, target)
        except NotApplicable as reason:
            why = str(reason)
            continue
        if not other_target.rows:
            continue
        compared += 1
        if target.is_regression:
            yield _quantity(data, other, target, other_target, 2 * margin)
        else:
            yield _classes(data, other, target, other_target, margin)
            yield _unknown(data, other, target, other_target)
    if not compared:
        # An endpoint sees no labels.
        raise (NotApplicable if data.held_out else NothingToJudge)(why)


def _lost(target: Target, held_out: Table) -> Measurement | None:
    """The share of missing labels beyond train's; None when it is small."""
    name, rows = target.name, held_out.rows
    there = int((~held_out.missing(name)).sum()) if held_out.has(name) else 0
    share = 1 - there / max(rows, 1)
    usual = 1 - float(target.present.mean())
    if not rows or share - usual <= _LOST_SHARE:
        return None
    return Measurement(
        subject=f"{name} in {held_out.name}",
        column=name,
        statistic="share of rows without a label, beyond train's",
        value=share - usual,
        margin=_LOST_SHARE,
        n=rows,
        reason=f"{share:.1%} of the {rows:,} rows of {held_out.name} have no `{name}`, and {usual:.1%} of train's.",
        remedy=f"Join the label to {held_out.name} again, under the name that it has in train.",
    )


def _classes(data: Data, other: Table, target: Target, other_target: Target, margin: float) -> Measurement:
    from scipy.stats import chi2

    count = len(target.classes)
    # The last class stands for labels that train lacks.
    train_codes = target.codes[target.present]
    other_codes = np.where(other_target.codes < 0, count, other_target.codes)[other_target.present]
    observed = np.array([np.bincount(train_codes, minlength=count + 1), np.bincount(other_codes, minlength=count + 1)])
    shares = observed / observed.sum(axis=1, keepdims=True)
    difference = shares[1] - shares[0]
    effective = _effective_rows(
        data,
        other,
        target,
        other_target,
        difference / np.maximum(shares[0] + shares[1], 1e-12),
        train_codes,
        other_codes,
    )
    distance = debiased_variation(shares, effective)
    statistic, freedom = _chi_square(shares, effective)
    worst = int(np.argmax(np.abs(difference)))
    names = (*map(data.declared.called, target.classes), "unknown to train")
    # The standard error of a total variation is at most that of a share of one half.
    error = 0.5 * float(np.sqrt(1 / effective[0] + 1 / effective[1]))
    upper = min(1.0, distance + Z_99 * error)
    p_value = float(chi2.sf(statistic, freedom)) if freedom else 1.0
    apart = _is_apart_by_the_split(data, other, error, margin)
    return Measurement(
        subject=other.name,
        statistic="total variation of the shares of the classes, less what chance adds",
        value=distance,
        n=len(other_codes),
        p_value=p_value,
        upper=None if apart else upper,
        beyond=distance > margin and p_value <= _CERTAIN if apart else None,
        sound_below=2 * margin,
        at_most=_at_most(data, other),
        rows_to_decide=_rows_to_decide(distance, upper, margin, len(other_codes), effective),
        reason=f"`{data.label}` is {names[worst]} in {shares[1][worst]:.1%} of {len(other_codes):,} rows of "
        f"{other.name} and in {shares[0][worst]:.1%} of {len(train_codes):,} rows of train: total variation "
        f"{distance:.3f} beyond chance, "
        f"at most {margin:g} (chi-square {statistic:.1f}, {freedom} degrees of freedom"
        f"{_in_entities(data, other, effective)}).",
        remedy=_REMEDY.format(other.name),
        chart=_bar_chart(data, other, names, shares),
    )


_REMEDY = (
    "Find out how {0} was drawn and labelled: one population and one definition of the label. If the world has "
    "changed, train on newer rows."
)


def debiased_variation(shares: Floats, effective: tuple[float, float]) -> float:
    """Total variation less its mean between two samples of one population: each class adds sqrt(2/pi) standard errors
    by chance, which makes 0.06 of 100 classes in 2,500 rows. A class that certainly differs (3 standard errors) has no
    such bias: its difference has its sign."""
    total = (shares * np.array(effective)[:, None]).sum(axis=0) / sum(effective)
    error = np.sqrt(total * (1 - total) * (1 / effective[0] + 1 / effective[1]))
    difference = np.abs(shares[1] - shares[0])
    bias = np.where(difference < _CLEAR * error, np.sqrt(2 / np.pi) * error, 0.0)
    return max(0.0, float((difference - bias).sum() / 2))


def _rows_to_decide(
    distance: float, upper: float, margin: float, rows: int, effective: tuple[float, float]
) -> int | None:
    """None where the difference matters as it stands: then its certainty decides."""
    if distance > margin:
        return None
    return rows_until_bound(distance, upper, 2 * margin, rows, effective[0] * rows / max(effective[1], 1.0))


def _chi_square(shares: Floats, effective: tuple[float, float]) -> tuple[float, int]:
    """Pearson's statistic on effective rows (Rao & Scott 1981), rare classes pooled."""
    observed = shares * np.array(effective)[:, None]
    expected = observed.sum(axis=0) / observed.sum()
    rare = expected * min(effective) < _FEWEST_EXPECTED
    pooled = np.column_stack([observed[:, ~rare], observed[:, rare].sum(axis=1)])
    total = pooled.sum(axis=0)
    if total[-1] / observed.sum() * min(effective) < _FEWEST_EXPECTED and pooled.shape[1] > 1:
        # Classes that are rare even together join the smallest other class.
        least = int(np.argmin(total[:-1]))
        pooled[:, least] += pooled[:, -1]
        pooled = pooled[:, :-1]
    if pooled.shape[1] < 2:
        return 0.0, 0
    expected_rows = np.outer(pooled.sum(axis=1), pooled.sum(axis=0)) / pooled.sum()
    return float(((pooled - expected_rows) ** 2 / expected_rows).sum()), pooled.shape[1] - 1


def _effective_rows(
    data: Data,
    other: Table,
    target: Target,
    other_target: Target,
    contrast: Floats,
    train_codes: Codes,
    other_codes: Codes,
) -> tuple[float, float]:
    """Effective rows for the contrast of classes in which the two tables differ."""
    groups = data.groups(other)
    if groups is not None:
        groups = (groups[0][target.present], groups[1][other_target.present])
    return effective_rows(contrast[train_codes], contrast[other_codes], groups)


def _unknown(data: Data, other: Table, target: Target, other_target: Target) -> Measurement:
    """Classes that train lacks: the probability that a random assignment puts all of their rows (entities) here."""
    unknown = other_target.present & (other_target.codes < 0)
    rows, total = int(unknown.sum()), other_target.rows
    share = rows / total
    units, train_units, other_units = rows, target.rows, total
    groups = data.groups(other)
    if groups is not None:
        units = len(np.unique(groups[1][unknown]))
        train_units, other_units = (
            len(np.unique(groups[0][target.present])),
            len(np.unique(groups[1][other_target.present])),
        )
    # C(m, c) / C(n + m, c), at most (m / (n + m))^c; the classes are several, and the rarest of them fewer rows.
    spelt = other.strings(data.label or "").filter(pa.array(unknown)).to_pylist() if rows else []
    classes = sorted(set(spelt))
    p_value = min(
        1.0, max(1, len(classes)) * (other_units / (train_units + other_units)) ** (units / max(1, len(classes)))
    )
    named = ", ".join(map(data.declared.called, classes[:5]))
    return Measurement(
        subject=other.name,
        statistic="share of rows of classes that train lacks",
        value=share,
        margin=_UNKNOWN_SHARE,
        n=total,
        p_value=p_value,
        beyond=share > _UNKNOWN_SHARE and rows >= _FEWEST_UNKNOWN,
        at_most=_at_most(data, other),
        reason=f"{rows:,} of {total:,} rows of {other.name} ({share:.2%}) have a label that train never has: {named}."
        if rows
        else f"Every label of {other.name} occurs in train ({total:,} rows).",
        remedy="Assign the rows of every class to train as well, or compare how the two tables spell the label.",
        chart=_unknown_chart(spelt, classes, other) if rows else None,
    )


def _unknown_chart(spelt: list[str], classes: list[str], other: Table) -> Chart:
    counted = Counter(spelt)
    counts = tuple(float(counted[each]) for each in classes[:_CHARTED])
    caption = f"rows of {other.name} by label, of labels that train lacks"
    return Chart(caption, tuple(classes[:_CHARTED]), {"train": (0.0,) * len(counts), other.name: counts})


def _quantity(data: Data, other: Table, target: Target, other_target: Target, margin: float) -> Measurement:
    from scipy.stats import kstwobign

    train_values, other_values = target.values[target.present], other_target.values[other_target.present]
    groups = data.groups(other)
    if groups is not None:
        groups = (groups[0][target.present], groups[1][other_target.present])
    effective = effective_rows(train_values, other_values, groups)
    points = np.unique(np.concatenate([train_values, other_values]))
    below = [np.searchsorted(np.sort(side), points, "right") / len(side) for side in (train_values, other_values)]
    gap = below[1] - below[0]
    worst = int(np.argmax(np.abs(gap)))
    distance = float(abs(gap[worst]))
    pooled = pooled_rows(*effective)
    error = 0.5 / pooled**0.5
    upper = min(1.0, distance + Z_99 * error)
    p_value = float(kstwobign.sf(distance * pooled**0.5))
    apart = _is_apart_by_the_split(data, other, error, margin)
    edges = np.unique(np.quantile(train_values, np.linspace(0, 1, _BARS + 1)[1:-1]))
    bars = [
        np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) / len(side)
        for side in (train_values, other_values)
    ]
    labels = (*(f"up to {edge:.4g}" for edge in edges), f"above {edges[-1]:.4g}")
    return Measurement(
        subject=other.name,
        statistic="Kolmogorov-Smirnov distance",
        value=distance,
        n=len(other_values),
        p_value=p_value,
        upper=None if apart else upper,
        beyond=distance > margin and p_value <= _CERTAIN if apart else None,
        sound_below=2 * margin,
        at_most=_at_most(data, other),
        rows_to_decide=_rows_to_decide(distance, upper, margin, len(other_values), effective),
        reason=f"`{data.label}` is at most {points[worst]:.6g} in {below[1][worst]:.1%} of {len(other_values):,} "
        f"rows of "
        f"{other.name} and in {below[0][worst]:.1%} of {len(train_values):,} rows of train: KS distance "
        f"{distance:.3f}, at "
        f"most {margin:g}{_in_entities(data, other, effective)}.",
        remedy=_REMEDY.format(other.name),
        chart=Chart(f"share of rows by `{data.label}`", labels, {"train": tuple(bars[0]), other.name: tuple(bars[1])}),
    )


def _is_apart_by_the_split(data: Data, other: Table, error: float, margin: float) -> bool:
    """Whether the two tables hold other contents by the split itself, and so few that no labels could be free of doubt.
    More rows of the same contents would not change that, so only what is certain is a finding."""
    return data.unit(other) is Unit.CONTENT and Z_99 * error > margin


def _at_most(data: Data, other: Table) -> Severity:
    """WARN for a split by time: class shares change honestly in time, so people must decide."""
    return Severity.WARN if data.unit(other) is Unit.TIME else Severity.BLOCK


def _in_entities(data: Data, other: Table, effective: tuple[float, float]) -> str:
    if data.unit(other) not in (Unit.ENTITY, Unit.CONTENT):
        return ""
    why = f"split by `{data.unit_column(other)}`" if data.unit(other) is Unit.ENTITY else "equal rows are on one side"
    return f"; {why}: {effective[0]:,.0f} and {effective[1]:,.0f} effective rows"


def _bar_chart(data: Data, other: Table, names: tuple[str, ...], shares: Floats) -> Chart:
    """The classes that differ most."""
    kept = np.sort(np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")[:_CHARTED])
    kept = kept[shares[:, kept].sum(axis=0) > 0]
    series = {"train": tuple(shares[0][kept].tolist()), other.name: tuple(shares[1][kept].tolist())}
    worst = names[int(np.argmax(np.abs(shares[1] - shares[0])))]
    return Chart(f"share of rows by `{data.label}`", tuple(names[i] for i in kept), series, worst)
