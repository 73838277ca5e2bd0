"""Checks of the columns, their types and their small domains: facts rather than distributions.

`nulls` judges missing values, `new_categories` judges unknown texts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.text import listed, p_value_text, plural
from gates.data.evidence import Data
from gates.data.skew.comparison import TableComparison, comparisons
from gates.data.skew.new_values import domain_of, of_unseen
from gates.statistics.distances import share_distance
from gates.tables.table import ColumnKind, Table
from gates.verdict.catalogue import Gate, Need, NothingToJudge, check
from gates.verdict.finding import RowSample, Severity
from gates.verdict.measurement import Measurement

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_NO_VALUE = pa.array(["", "nan", "null", "none", "na", "n/a", "inf", "-inf", "infinity", "-infinity"])
_TEXTS = (ColumnKind.CATEGORY, ColumnKind.TEXT)
_SHOWN = 5
# What is counted.
_MISSING, _RETYPED = "columns missing", "columns of another type"


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="a column that train has and eval, test or the serving log lacks; a column that train does not know",
    statistic="columns missing",
    margin=0.0,
    rule="any missing feature blocks (in the previous span: warns); an unknown column warns",
    source="Breck et al. 2019, schema skew",
    needs=(Need.OTHER,),
    tier=1,
)
def schema_columns(data: Data, _margin: float) -> Iterator[Measurement]:
    """Compares the names of columns. Label, entity key and withheld columns may be absent; from serving also the
    columns that the schema excludes there."""
    known = {*data.train.columns, *data.declared.withheld, data.label, data.declared.entity}
    pairs = {pair.other.name: pair for pair in comparisons(data)}
    for other in data.others.values():
        name = other.name
        absent = [each for each in data.features if not other.has(each)]
        if name == "serving":
            absent = [each for each in absent if each not in data.declared.not_at_serving]
        for column in absent:
            is_empty = data.train.kinds[column] is ColumnKind.EMPTY
            spared = is_empty or name == "previous"
            yield _differs(
                _MISSING,
                column,
                other,
                f"Train has a column `{column}`{', without any value,' if is_empty else ''} and {name} has none: of "
                f"{len(data.features)} features {len(absent)} {plural(len(absent), 'is', 'are')} missing there.",
                f"Log or join `{column}` in {name}, or withhold it from training if it is not known at serving.",
                Severity.WARN if spared else Severity.BLOCK,
            )
        for column in (each for each in other.columns if each not in known):
            yield _differs(
                _MISSING,
                column,
                other,
                f"{name} has a column `{column}` that train does not have.",
                "The model does not read it. If it is a renamed column of train, give it its old name.",
                Severity.WARN,
            )
        if (pair := pairs.get(name)) is not None and pair.calendar:
            yield _later(pair)
        if not absent:
            yield _agrees(_MISSING, other, f"{name} has all {len(data.features)} features of train.")


def _differs(
    statistic: str, column: str, other: Table, reason: str, remedy: str, at_most: Severity = Severity.BLOCK
) -> Measurement:
    """A column that is not in `other` as it is in train."""
    subject = f"{column} in {other.name}"
    return Measurement(
        subject, statistic, 1.0, other.rows, reason, remedy, at_most=at_most, column=column, table=other.name
    )


def _later(pair: TableComparison) -> Measurement:
    """The columns that say when a row happened: one finding for all, as the time alone makes them differ."""
    named = listed([f"`{name}`" for name in pair.calendar])
    return Measurement(
        f"calendar of {pair.other.name}",
        "columns that follow the time",
        float(len(pair.calendar)),
        pair.other.rows,
        f"{named} {plural(len(pair.calendar), 'follows', 'follow')} `{pair.column}`, by which {pair.other.name} is of "
        "another time than train: such a column differs as the time does, and is not compared.",
        beyond=False,
        at_most=Severity.INFO,
    )


def _agrees(statistic: str, other: Table, reason: str) -> Measurement:
    """Nothing of `other` differs from train."""
    return Measurement(other.name, statistic, 0.0, other.rows, reason)


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches='a number that became text ("$12.50"), a text that became a number, images of another size',
    statistic="difference of the shares of values that are numbers",
    margin=0.01,
    rule="beyond the margin and certain (Fisher's exact test); quoted numbers, and other forms, are facts",
    source="Breck et al. 2019, schema skew",
    needs=(Need.OTHER,),
    tier=1,
)
def schema_types(data: Data, margin: float) -> Iterator[Measurement]:
    """Compares the types of columns. One stray value may turn a column into text, so the statistic is the share of
    values that can be read as numbers, on either side."""
    compared = 0
    for pair in comparisons(data):
        other, same = pair.other, 0
        for column in (each for each in data.features if other.has(each)):
            kinds = data.train.kinds[column], other.kinds[column]
            if ColumnKind.EMPTY in kinds or (kinds[0] in _TEXTS and kinds[1] in _TEXTS):
                continue
            compared += 1
            if kinds[0] is kinds[1]:
                same += 1
                if kinds[0] is ColumnKind.IMAGE and (resized := _resized(pair, column)):
                    yield resized
            elif ColumnKind.NUMBER in kinds and (kinds[0] in _TEXTS or kinds[1] in _TEXTS):
                yield _as_text(pair, column, margin)
            else:
                lists = ColumnKind.OTHER in kinds
                yield _differs(
                    _RETYPED,
                    column,
                    other,
                    f"`{column}` holds {_words(kinds[0])} in train and {_words(kinds[1])} in {other.name}.",
                    f"Write `{column}` to {other.name} in the form in which train has it.",
                    Severity.WARN if lists else Severity.BLOCK,
                )
        if same:
            text = f"{same} columns of {other.name} that are not text have the same type as in train."
            yield _agrees(_RETYPED, other, text)
    if not compared:
        raise NothingToJudge("no column that both sides have is anything but text")


def _words(kind: ColumnKind) -> str:
    return {ColumnKind.IMAGE: "an image or vector", ColumnKind.OTHER: "lists"}.get(kind, f"a {kind.value}")


def _resized(pair: TableComparison, column: str) -> Measurement | None:
    sizes = [table.arrow.column(column).type.list_size for table in (pair.train, pair.other)]
    if sizes[0] == sizes[1]:
        return None
    return _differs(
        _RETYPED,
        column,
        pair.other,
        f"An image in `{column}` has {sizes[0]:,} numbers in train and {sizes[1]:,} in {pair.other.name}.",
        f"Resize the images of {pair.other.name} as those of train were.",
    )


def _as_text(pair: TableComparison, column: str, margin: float) -> Measurement:
    """A column that is text on one side and numbers on the other."""
    other = pair.other
    subject, name = f"{column} in {other.name}", other.name
    (share_a, rows_a, _), (share_b, rows_b, strays) = (_readable(table, column) for table in (pair.train, other))
    rows = tuple((value,) for value in strays)
    sample = RowSample(f"`{column}` in {other.name}", (column,), rows) if rows else None
    if not rows_a or not rows_b:
        text = f"`{column}` has no value that could be read on one side."
        return Measurement(subject, _RETYPED, 0.0, rows_b, text, "-", at_most=Severity.WARN, column=column, table=name)
    remedy = f"Write `{column}` to {other.name} as train has it: the model would read something else, or nothing."
    if share_a == share_b == 1.0:
        kinds = [_words(table.kinds[column]) for table in (pair.train, other)]
        text = f"`{column}` is {kinds[0]} in train and {kinds[1]} in {other.name}: its figures are quoted on one side."
        return Measurement(subject, _RETYPED, 1.0, rows_b, text, remedy, column=column, table=name)
    distance = share_distance(share_a, rows_a, share_b, rows_b)
    beyond = distance.effect > margin
    return Measurement(
        subject,
        "difference of the shares of values that are numbers",
        distance.effect,
        rows_b,
        f"Of the values of `{column}` {share_a:.1%} are numbers in train and {share_b:.1%} in {other.name}, such as "
        f"{strays[0]!r} (margin {margin:.3g}, {rows_b:,} rows, {p_value_text(distance.p_value)})."
        if strays
        else f"Of the values of `{column}` {share_a:.1%} are numbers in train and {share_b:.1%} in {other.name} "
        f"(margin {margin:.3g}, {rows_b:,} rows, {p_value_text(distance.p_value)}).",
        remedy if beyond else "Nothing to do.",
        p_value=distance.p_value,
        sample=sample,
        column=column,
        table=name,
    )


def _readable(table: Table, column: str) -> tuple[float, int, list[str]]:
    """The share of values that are numbers, the number of values, and some that are not."""
    if table.kinds[column] is ColumnKind.NUMBER:
        return 1.0, int((~table.missing(column)).sum()), []
    values = table.arrow.column(column).drop_null().combine_chunks()
    values = values.filter(pc.invert(pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), value_set=_NO_VALUE)))
    readable = np.asarray(pc.match_substring_regex(values, _NUMBER))
    strays = values.filter(pa.array(~readable)).slice(0, _SHOWN).to_pylist()
    return (float(readable.mean()) if len(readable) else 0.0), len(values), strays


@check(
    gate=Gate.DATA,
    group="skew and drift",
    catches="a value that a column of few whole numbers never had: days 0 to 6 for days 1 to 7, an unknown code",
    statistic="share of rows with a value that train never had",
    margin=0.01,
    rule="more than the Good-Turing estimate N1/N + the margin, and certain (Fisher's exact test)",
    source="Good 1953; Breck et al. 2019; docs/statistics.md, Unseen values",
    needs=(Need.OTHER,),
    tier=1,
)
def schema_domain(data: Data, margin: float) -> Iterator[Measurement]:
    """The share of unknown values in columns of at most 50 whole numbers, or of true and false."""
    compared = 0
    for pair in comparisons(data):
        for column in pair.numbers():
            if domain_of(pair, column) is not None:
                compared += 1
                yield of_unseen(pair, column, margin)
    if not compared:
        raise NothingToJudge("no column of few whole numbers")
