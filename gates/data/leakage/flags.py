"""The check of flags of one answer: columns that exclude one another, and whose remainder is the label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.text import shortened
from gates.data.evidence import Data
from gates.data.leakage.features import single_suspects
from gates.data.leakage.partition import RIGHT, Partition, labels_of, partition_by
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.tables.table import Codes, ColumnKind, Mask
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

_MOST_FLAGS, _MOST_REMAINDERS = 400, 12
# A flag stands for a class when so many of its rows are of it, and it is set in so many rows.
_PURE, _FEWEST_SET = 0.99, 10
# Two flags exclude each other when at most this share of the smaller one's rows has both.
_TOGETHER = 0.01
_MOST_SHOWN = 6


@dataclass(frozen=True)
class Group:
    """Flags of one answer of which the label is one, or is their remainder."""

    members: tuple[str, ...]
    partition: Partition


@dataclass(frozen=True, eq=False)
class _Flags:
    """What is set where: one row for each value of a flag, the rows of the problem as columns."""

    names: list[str]
    is_set: Mask
    class_of: Codes  # the class that each stands for


@check(
    gate=Gate.DATA,
    group="target leakage",
    catches="a label that is one of several flags of one answer, of which the others are features",
    statistic="share of rows whose label follows from flags that exclude one another",
    margin=RIGHT,
    rule="two flags or more that exclude one another, each with rows of one class alone: the label follows from which "
    "of them is set, in 99.5 % of the rows (90 % lower bound), out of fold; of over 400 those that say most: a fact",
    source="Kaufman et al. 2012, Leakage in data mining; docs/statistics.md, Labels that are computed",
    needs=(Need.LABEL,),
)
def one_of_several_flags(data: Data, margin: float) -> Iterator[Measurement]:
    """A question with one answer is often stored as one column for each answer. One of them as the label is known from
    the others, although each alone says little. Flags that do not exclude one another may be honest signs."""
    problem = problem_of(data)
    if problem.is_regression:
        raise NotApplicable("the label is a quantity, and no flag")
    statistic = "share of rows whose label follows from the flags, 90 % lower bound"
    group = _flags_of_the_label(data)
    if group is None:
        reason = "No two flags that exclude each other give the label."
        yield Measurement(data.label or "", statistic, 0.0, problem.size, reason, beyond=False)
        return
    shown = shortened([f"`{name}`" for name in group.members], _MOST_SHOWN)
    yield Measurement(
        subject=", ".join(group.members),
        statistic=statistic,
        value=group.partition.lower,
        n=problem.size,
        beyond=group.partition.lower >= margin,
        reason=f"`{data.label}` completes the flags {shown}, which exclude one another: which of them is set puts "
        f"{group.partition.sentence} rows of {data.train.name} on the right side, out of fold.",
        remedy=f"Leave {shown} out of the features (`prediction.never`): with the label they are one answer.",
    )


def _flags_of_the_label(data: Data) -> Group | None:
    """The group of flags that gives the label; None when there is none."""
    flags = _flags(data)
    if len(flags.names) < 2:
        return None
    together = flags.is_set.astype(np.float32) @ flags.is_set.T.astype(np.float32)
    sizes = np.diag(together)
    exclusive = together <= _TOGETHER * np.minimum(sizes[:, None], sizes[None, :])
    by_size = np.argsort(-sizes, kind="stable")
    # Of many classes the most frequent may be the remainder.
    for rest in np.argsort(-np.bincount(labels_of(data)), kind="stable")[:_MOST_REMAINDERS]:
        # A flag of the remaining rows' own class adds nothing.
        usable = by_size[flags.class_of[by_size] != rest]
        groups = {_grown(seed, usable, exclusive) for seed in usable}
        if group := max(groups, key=lambda each: (float(sizes[list(each)].sum()), each), default=()):
            members = tuple(sorted({flags.names[place] for place in group}, key=data.features.index))
            partition = partition_by(data, _which(flags, group)) if len(members) > 1 else None
            if partition is not None:
                return Group(members, partition)
    return None


def _which(flags: _Flags, group: tuple[int, ...]) -> Codes:
    """Which flag of the group is set in each row; 0 where none is."""
    codes = np.zeros(flags.is_set.shape[1], np.int64)
    for number, place in enumerate(group, start=1):
        codes[flags.is_set[place]] = number
    return codes


def _grown(seed: int, usable: Codes, exclusive: Mask) -> tuple[int, ...]:
    """The seed, and the largest flags that exclude all that are in already."""
    group, free = [int(seed)], exclusive[seed].copy()
    for place in usable:
        if place != seed and free[place]:
            group.append(int(place))
            free &= exclusive[place]
    return tuple(sorted(group))


def _flags(data: Data) -> _Flags:
    """Columns of two values, or of one and missing ones: each value that has the rows of one class alone; of very many
    those that say most about their class."""
    problem, labels, refused = problem_of(data), labels_of(data), single_suspects(data)
    shares = np.bincount(labels) / len(labels)
    found: list[tuple[float, str, Mask, int]] = []
    for name in (name for name in features_alone(data) if name not in refused and _is_flag(data, name)):
        codes = data.train.codes(name)[0][problem.rows]
        for value in np.unique(codes[codes >= 0]):
            is_set = codes == value
            counts, size = np.bincount(labels[is_set]), int(is_set.sum())
            if size >= _FEWEST_SET and counts.max() >= _PURE * size:
                own = int(counts.argmax())
                found.append((size * float(-np.log(shares[own])), name, is_set, own))
    most = sorted(range(len(found)), key=lambda place: -found[place][0])[:_MOST_FLAGS]
    kept = [found[place] for place in sorted(most)]
    masks = np.array([is_set for _, _, is_set, _ in kept], dtype=bool).reshape(len(kept), problem.size)
    return _Flags([name for _, name, _, _ in kept], masks, np.array([own for *_, own in kept], np.int64))


def _is_flag(data: Data, name: str) -> bool:
    if data.train.kinds[name] is ColumnKind.CATEGORY:
        return len(data.train.codes(name)[1]) <= 2
    values = data.train.numbers(name)
    present = values[~np.isnan(values)]
    return len(present) > 0 and bool(((present == present.min()) | (present == present.max())).all())
