"""Checks on rows that occur more than once: across a split, within train, and with different labels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gates.data.assignment import RandomAssignment, row_sample, shared_columns, without_row_numbers
from gates.data.contamination.contradictions import judge_contradictions
from gates.data.contamination.repetition import ALL_BUT_ONE, Repetition, excess_of
from gates.data.evidence import Data, held_out_with_label, pair_name
from gates.data.target import target_of
from gates.tables.table import Table
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.finding import Severity
from gates.verdict.measurement import Measurement
from gates.verdict.rule import ALPHA

# Three hits in a table that never repeats itself are a fact (docs/statistics.md, Random assignment) ...
_FEWEST_HITS = 3
# ... unless a random assignment may have separated a few pairs that were doubled at the source, ...
_ASSIGNED_APART = 0.01
# ... or near misses within train show that its rows come that close by chance: near misses outnumber equal rows.
_NEAR_MISSES = 10.0
# This share moves no metric by more than one point; without a hit so many eval rows show it: ln 0.01 / ln 0.99.
_SOUND_BELOW = 0.01
_ROWS_TO_DECIDE = 459


@lru_cache(maxsize=2)
def _repetition(data: Data) -> Repetition:
    return Repetition.of(data.train, without_row_numbers([data.train], data.train.columns))


@lru_cache(maxsize=12)
def _assigned(data: Data, split: str, names: tuple[str, ...]) -> RandomAssignment:
    return RandomAssignment.of(data.train, data.held_out[split], names)


def _filled(data: Data) -> dict[str, Table]:
    return {name: table for name, table in data.held_out.items() if table.rows and data.train.rows}


def _identities(data: Data, other: Table) -> dict[tuple[str, ...], str]:
    """The sets of columns that may identify a row, and their descriptions."""
    whole = tuple(shared_columns(data.train, other))
    features = tuple(name for name in whole if name != data.label)
    content = tuple(without_row_numbers([data.train, other], whole))
    found = {content: "all but the columns that number the rows", features: "the features alone", whole: "all columns"}
    return {names: words for names, words in reversed(found.items()) if names}


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="the same rows on both sides of a split",
    statistic="share of held-out rows that are also in train, beyond what assigning the same rows at random makes",
    margin=0.001,
    rule="the excess over a random assignment of the pooled rows, certain by Chernoff's bound of that assignment; in a "
    "train that never repeats itself and has hardly a near miss three hits suffice; in doubt while more than 1 % (or "
    "than the natural share) is possible",
    source="Kapoor & Narayanan 2023, L1.1; docs/statistics.md, Random assignment",
    needs=(Need.HELD_OUT,),
    tier=1,
)
def exact_duplicates(data: Data, margin: float) -> Iterator[Measurement]:
    """Held-out rows that are also in train: in all columns, in all but the label, in all but row numbers.

    A table of few columns repeats rows in any honest split, so hits are compared with those of a random assignment of
    the same rows. (Twice train's own repetition, a simpler limit, ignores the ratio of the split.) A share is sound
    below 1 %, which moves a metric by at most one point, or below that of an honest assignment. Rows that were
    multiplied before the split follow a random assignment; `repeated_rows` finds them. Eval and test are compared with
    each other as well: what was tuned on rows of test is not tested by them.
    """
    found = [_filled(pair) for pair in data.pairs]
    if not any(found):
        raise NotApplicable("train or every held-out split is without rows")
    for pair, tables in zip(data.pairs, found, strict=True):
        for split, other in tables.items():
            for names, words in _identities(pair, other).items():
                yield _judge_copies(pair, split, other, names, words, margin)


def _judge_copies(
    data: Data, split: str, other: Table, names: tuple[str, ...], words: str, margin: float
) -> Measurement:
    assigned = _assigned(data, split, names)
    natural = assigned.expected / other.rows
    excess = assigned.hits / other.rows - natural
    fact = excess > margin and _is_fact(data, assigned)
    # In a table that repeats itself an honest split also deviates from a random assignment: that is no doubt.
    beyond = fact or (excess > margin and assigned.p_value <= ALPHA)
    share = assigned.hits / other.rows
    base = data.train.name
    reason = f"{assigned.hits:,} of {other.rows:,} {split} rows ({share:.2%}) are also in {base}, by {words}"
    if fact:
        reason += f"; of {base}'s own {data.train.rows:,} rows none repeats another one, so chance does not make that."
    elif assigned.hits:
        chance = f"{assigned.expected:,.1f} on average"
        reason += f"; a random assignment of the same rows, with all their repetition, makes {chance}."
    else:
        reason += "."
    return Measurement(
        subject=pair_name(data.train, split),
        statistic=f"share of {split} rows that are also in {base} beyond a random assignment, by {words}",
        value=excess,
        n=other.rows,
        p_value=None if fact else assigned.p_value,
        upper=assigned.upper,
        sound_below=max(_SOUND_BELOW, margin, natural),
        rows_to_decide=_ROWS_TO_DECIDE if other.rows < _ROWS_TO_DECIDE else None,
        beyond=beyond,
        reason=reason,
        remedy="Drop repeated rows before the split, or split by a hash of the row or by an entity key (`split.by`), "
        "so that equal rows fall on one side."
        if beyond
        else "Nothing to do.",
        sample=row_sample(other, np.flatnonzero(assigned.is_shared), f"rows of {split} that are also in {base}", names)
        if beyond
        else None,
    )


def _is_fact(data: Data, assigned: RandomAssignment) -> bool:
    """Whether hits in a train that does not repeat itself need no further certainty."""
    if assigned.repeats or assigned.hits < _FEWEST_HITS or assigned.p_value > _ASSIGNED_APART:
        return False
    near = int(_repetition(data).coincide[ALL_BUT_ONE].sum())
    return assigned.hits >= _NEAR_MISSES * near * len(assigned.other_content) / data.train.rows


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="rows multiplied before the split (oversampling, a table appended to itself)",
    statistic="share of train rows that repeat another one, beyond the share of near misses",
    margin=0.02,
    rule="more distinct contents repeat than coincide nearly (sign test over contents, Bonferroni over the ways to "
    "coincide and over classes) by more than 2 % of the rows, and held-out rows repeat train as well",
    source="Kapoor & Narayanan 2023, L1.1 and L1.2; docs/statistics.md, Near misses",
)
def repeated_rows(data: Data, margin: float) -> Iterator[Measurement]:
    """Copies within train that its values do not explain.

    Honest tables of few columns also repeat rows by chance, and chance makes near misses at least as often: rows equal
    in all columns but one, rows equal in one column alone. Copying makes no near misses. Copies that no held-out split
    has were made after the split, which is an honest way to weigh a class; they are reported and do not refuse.
    """
    train = data.train
    if train.rows < 2:
        raise NotApplicable("train has fewer than two rows")
    rows = _repetition(data).rows
    if train.rows - len(rows) <= margin * train.rows:
        yield _few_copies(train.rows, train.rows - len(rows))
        return
    worst = excess_of(_repetition(data), *_classes(data))
    beyond = worst.share > margin
    split, across = _most_shared(data)
    # Copies made before the split would be assigned to both sides.
    after = beyond and bool(data.held_out) and (across is None or across.hits < across.expected / 2)
    where = f", among rows with {data.label} = {data.declared.called(worst.scope)}" if worst.scope is not None else ""
    reason = (
        f"{worst.copies:,} of {train.rows:,} train rows repeat another one{where} ({worst.repeated:,} distinct rows "
        f"are there more than once); chance would make near misses as well, and {worst.near:,} rows agree with another "
        f"one in {worst.way}."
    )
    if across is not None:
        reason += f" {across.hits:,} rows of {split} are in train too"
        reason += f", not {across.expected:,.0f}: they were multiplied after the split." if after else "."
    yield Measurement(
        subject="train",
        statistic="share of train rows that repeat another one beyond near misses",
        value=worst.share,
        n=train.rows,
        p_value=worst.p_value,
        beyond=beyond,
        at_most=Severity.INFO if after else Severity.BLOCK if data.held_out else Severity.WARN,
        reason=reason,
        remedy="Split first and multiply rows of train alone, or give classes weights instead; drop copies that the "
        "source made."
        if beyond
        else "Nothing to do.",
        chart=_repetition(data).chart("train") if beyond else None,
        sample=row_sample(train, worst.examples, "rows that are in train more than once") if beyond else None,
    )


def _few_copies(rows: int, copies: int) -> Measurement:
    return Measurement(
        subject="train",
        statistic="share of train rows that repeat another one beyond near misses",
        value=copies / rows,
        n=rows,
        p_value=1.0,
        reason=f"{copies:,} of {rows:,} train rows ({copies / rows:.2%}) repeat another one.",
    )


def _classes(data: Data) -> tuple[np.ndarray | None, tuple[str, ...]]:
    try:
        target = target_of(data)
    except NotApplicable:
        return None, ()
    return (None, ()) if target.is_regression else (target.codes, target.classes)


def _most_shared(data: Data) -> tuple[str, RandomAssignment | None]:
    """The held-out split that shares most rows with train."""
    found: dict[str, RandomAssignment] = {}
    for split, other in data.held_out.items():
        names = tuple(without_row_numbers([data.train, other], shared_columns(data.train, other)))
        if other.rows and names:
            found[split] = _assigned(data, split, names)
    split = max(found, key=lambda each: found[each].hits, default="")
    return split, found.get(split)


@check(
    gate=Gate.DATA,
    group="contamination",
    catches="equal features with another label on the other side of the split",
    statistic="share of held-out rows whose label contradicts equal rows, beyond train's own contradictions",
    margin=0.01,
    rule="among rows with equal features labels are exchangeable between the sides; Bennett's bound of the excess",
    source="Northcutt et al. 2021, label errors; Bennett 1962; Hoeffding 1963; docs/statistics.md, Contradictions",
    needs=(Need.HELD_OUT, Need.LABEL),
)
def conflicting_labels(data: Data, margin: float) -> Iterator[Measurement]:
    """Rows with the features of train rows but another label, more often than within train.

    Tables of few columns contain honest contradictions. Among three rows or more with equal features: is the held-out
    label the rare one more often than under a random assignment? Among pairs: do those across the split differ more
    often than those within train? The margin is 1 % of the rows, which moves a metric by at most one point.
    """
    if target_of(data).is_regression:
        raise NotApplicable("the label is a quantity: equal features with another value are no contradiction")
    tables = [(pair, *each) for pair in data.pairs for each in held_out_with_label(pair) if each[1].rows]
    if not tables:
        raise NotApplicable("no held-out split with rows holds the label")
    judged = [judge_contradictions(pair, split, other, margin) for pair, split, other in tables]
    if not any(judged):
        raise NotApplicable("no held-out split shares features with train and holds its label as train does")
    yield from (each for each in judged if each is not None)
