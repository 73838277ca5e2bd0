"""Columns that identify rows rather than describe them, and the predictive power of their order, number or prefix."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gates.data.evidence import Data
from gates.data.leakage.bins import bins_of_codes, bins_of_numbers
from gates.data.leakage.lead import Advantage, Rivals, judged
from gates.data.leakage.predictive_power import features_alone, problem_of
from gates.tables.table import Codes, ColumnKind, Floats
from gates.verdict.rule import ALPHA

AUC_OF_ORDER = 0.75
_MARGIN = 0.5
_NAMED = re.compile(
    r"(^|[_\W])(id|ids|key|uuid|guid|index|idx|nr|no|num|number|row|rowid|rownames?|obs|serial|ref|reference|record)$"
    r"|[a-z](Id|ID|Key|No|Nr)$|^unnamed: 0$",
    re.ASCII,
)
_DATE = r"^\s*\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?"
_SPACED = r"\S\s+\S"
# Consecutive numbers fill their range; a sample of them fills a part of it.
_DENSE = 20
_DISTINCT_NUMBERS, _DISTINCT_TEXTS = 1.0, 0.9
_LONGEST = 64
_FEWEST = 50


@lru_cache(maxsize=2)
def identifiers(data: Data) -> tuple[str, ...]:
    """Features with a unique value in each row: whole numbers that are consecutive or named as identifiers, and short
    texts."""
    return tuple(
        name
        for name in data.features
        if name != data.declared.time and (_is_numbered(data, name) or _is_named_by_text(data, name))
    )


@lru_cache(maxsize=2)
def identifier_advantages(data: Data, least: float) -> dict[str, tuple[str, Advantage, bool]]:
    """By identifier: its strongest part, the advantage, and whether that is too large.

    An identifier should carry nothing, so a text or a column named as an identifier is judged against a fixed AUC. A
    column of whole numbers may be an honest quantity, and a quantity may honestly grow with time: it is judged as any
    feature.
    """
    problem, powers = problem_of(data), features_alone(data)
    found = {}
    # One identifier does not clear another.
    named = frozenset(identifiers(data))
    rivals = Rivals.of(powers).without(named)
    for name in sorted(named):
        parts = []
        for part, bins in _parts(data, name).items():
            power = problem.power_of(bins)
            advantage = judged(data, power, named, _MARGIN, rivals)
            beyond = advantage.is_beyond(_MARGIN)
            if not problem.is_regression and _is_called(data, name):
                p_values = [problem.p_below(power, k, 1 - least) * len(power.errors) for k in range(len(power.errors))]
                k = int(np.argmin(p_values))
                if p_values[k] < advantage.p_value or not beyond:
                    advantage = replace(advantage, k=k, power=power.alone(k), p_value=min(1.0, p_values[k]))
                    beyond = advantage.power > least and advantage.p_value <= 0.01
            parts.append((part, advantage, beyond))
        part, advantage, beyond = min(parts, key=lambda each: (not each[2], each[1].p_value))
        advantage = replace(advantage, p_value=min(1.0, advantage.p_value * len(parts)))
        found[name] = (part, advantage, beyond)
    return found


def identifier_suspects(data: Data) -> frozenset[str]:
    """Identifiers that are refused."""
    found = identifier_advantages(data, AUC_OF_ORDER)
    return frozenset(
        name for name, (_, each, beyond) in found.items() if beyond and each.p_value <= ALPHA / max(1, len(found))
    )


def _is_called(data: Data, name: str) -> bool:
    return data.train.kinds[name] is not ColumnKind.NUMBER or bool(_NAMED.search(name) or _NAMED.search(name.lower()))


def _is_numbered(data: Data, name: str) -> bool:
    table = data.train
    if not table.has(name, ColumnKind.NUMBER) or pa.types.is_boolean(table.arrow.column(name).type):
        return False
    values = table.numbers(name)
    values = values[np.isfinite(values)]
    if len(values) < max(_FEWEST, 0.9 * table.rows) or (np.floor(values) != values).any():
        return False
    if len(np.unique(values)) < _DISTINCT_NUMBERS * len(values):
        return False
    return bool(_is_called(data, name) or np.ptp(values) < _DENSE * len(values))


def _is_named_by_text(data: Data, name: str) -> bool:
    table = data.train
    if table.kinds[name] not in (ColumnKind.CATEGORY, ColumnKind.TEXT):
        return False
    column = table.arrow.column(name).drop_null()
    if len(column) < max(_FEWEST, 0.5 * table.rows):
        return False
    if pc.count_distinct(column).as_py() < _DISTINCT_TEXTS * len(column):
        return False
    if pc.mean(pc.utf8_length(column)).as_py() > _LONGEST:
        return False
    # A value of several words is a text, or a person's name.
    if float(pc.mean(pc.match_substring_regex(column, _SPACED).cast(pa.float64())).as_py()) > 0.1:
        return False
    # A date is no identifier: it may honestly predict the label.
    return float(pc.mean(pc.match_substring_regex(column, _DATE).cast(pa.float64())).as_py()) < 0.5


def _parts(data: Data, name: str) -> dict[str, Codes]:
    table, rows = data.train, problem_of(data).rows
    if table.kinds[name] is ColumnKind.NUMBER:
        return {"order": bins_of_numbers(table.numbers(name)[rows])}
    texts = table.strings(name).take(pa.array(rows))
    codes, _ = table.codes(name)
    ranks = np.where(codes[rows] < 0, np.nan, codes[rows].astype(np.float64))
    prefix = pc.fill_null(pc.struct_field(pc.extract_regex(texts, r"^(?P<head>\D{0,12})"), [0]), "").dictionary_encode()
    suffix = pc.struct_field(pc.extract_regex(texts, r"(?P<digits>\d{1,15})\D*$"), [0])
    return {
        "order": bins_of_numbers(ranks),
        "prefix": bins_of_codes(_sorted_codes(prefix)),
        "number": bins_of_numbers(_numbers(suffix)),
    }


def _sorted_codes(encoded: pa.DictionaryArray) -> Codes:
    """Codes in the order of the values, independent of the order of rows."""
    found = encoded.dictionary.to_pylist()
    place = np.empty(len(found), np.int64)
    place[sorted(range(len(found)), key=lambda i: found[i])] = np.arange(len(found))
    return place[np.asarray(encoded.indices)]


def _numbers(digits: pa.Array) -> Floats:
    return np.asarray(digits.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
