"""Constants of the transformation's graph that hold the keys of held-out rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gates.data.evidence import Data
from gates.model.evidence import ModelEvidence, is_transformed
from gates.tables.table import MISSING_CODE, ColumnKind
from gates.verdict.catalogue import Gate, Need, NotApplicable, check
from gates.verdict.measurement import Measurement

_FEWEST_ROWS = 30
_FEWEST_KEYS = 20
_MARGIN = 0.1


@check(
    gate=Gate.MODEL,
    group="leakage in preprocessing",
    catches="a table inside the preprocessing that was made of held-out rows: their keys are constants of its graph",
    statistic="share of test's row keys that are in a constant (or vocabulary) of the graph",
    margin=_MARGIN,
    rule="any column of which no value occurs twice in test nor in train, so that it identifies rows: more than 10 %, "
    "and at least 20, of test's values are in one constant: a fact",
    source="Kapoor & Narayanan 2023, L1.2 (pre-processing on train and test)",
    needs=(Need.TRANSFORMED, Need.CONSTANTS),
)
def constants_of_held_out_rows(evidence: ModelEvidence, margin: float) -> Iterator[Measurement]:
    """Keys of rows alone: a list of all states or of all zip codes holds values of test honestly, and these recur.

    A look-up by the key of a row knows nothing about the rows that serving will bring, so what it adds on test is not
    what it adds there. Keys that the graph holds hashed, or as floating-point numbers, are not recognised.
    """
    data, train = evidence.transformed.get("test"), evidence.transformed.get("train")
    if data is None or train is None:
        raise NotApplicable("train and test are not both there")
    keys = {name: found for name in data.features if (found := _row_keys(data, train, name))}
    if not keys:
        raise NotApplicable("no column identifies the rows")
    for name, values in keys.items():
        constant, held = max(
            ((constant, len(values & known)) for constant, known in evidence.constants.items()),
            key=lambda each: each[1],
        )
        share = held / len(values)
        beyond = share > margin and held >= _FEWEST_KEYS
        yield Measurement(
            subject=name,
            column=name,
            statistic=f"share of test's values of {name} that are in a constant of the graph",
            value=share,
            n=len(values),
            beyond=beyond,
            reason=f"{held:,} of {len(values):,} values of `{name}` in test, each of one row, are in the constant "
            f"`{constant}` of the preprocessing's graph."
            if held
            else f"No value of `{name}` in test is a constant of the preprocessing's graph.",
            remedy=f"Take the table of `{name}` out of the preprocessing: the rows of serving are not in it."
            if beyond
            else "Nothing to do.",
        )


def _row_keys(data: Data, train: Data, name: str) -> frozenset[str]:
    """The values of a raw column that identifies rows: none occurs twice. Else nothing."""
    both = [each.train for each in (data, train)]
    if is_transformed(name) or not all(table.has(name) for table in both):
        return frozenset()
    if any(table.kinds[name] not in (ColumnKind.CATEGORY, ColumnKind.NUMBER) for table in both):
        return frozenset()
    if any(table.kinds[name] is ColumnKind.NUMBER and not _is_whole(table.numbers(name)) for table in both):
        return frozenset()
    sides = []
    for table in both:
        codes, values = table.codes(name)
        if int((codes != MISSING_CODE).sum()) != len(values) or len(values) < _FEWEST_ROWS:
            return frozenset()
        sides.append(frozenset(values))
    return sides[0] if sides[0].isdisjoint(sides[1]) else frozenset()


def _is_whole(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(np.isfinite(known).all() and (known == np.floor(known)).all())
