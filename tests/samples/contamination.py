"""Real rides and what the contamination checks say of them, for the tests of these checks."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gates.data.contamination import duplicates, interpolated, near_duplicates, preparation, units
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table
from gates.verdict.catalogue import Check, Gate, NotApplicable, checks
from gates.verdict.finding import Finding, Severity, Verdict
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

LABEL = "big_tipper"
WITHHELD = frozenset({"tips", "payment_type"})
TIME = "trip_start_timestamp"
TODAY = date(2026, 1, 1)
Splits = tuple[pd.DataFrame, ...]
_MODULES = (duplicates, interpolated, near_duplicates, preparation, units)


@functools.cache
def _rides() -> pd.DataFrame:
    spec = importlib.util.find_spec("tfx")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations)))
    rides = pd.read_csv(folder / "examples/chicago_taxi_pipeline/data/simple/data.csv")
    return rides.assign(**{LABEL: (rides["tips"] > 0.2 * rides["fare"]).astype("int64")})


def rides() -> pd.DataFrame:
    """The real rides with a label, a copy to do with as one likes."""
    return _rides().copy()


def assign(frame: pd.DataFrame, seed: int = 0) -> Splits:
    """A random split: 80 % train, 10 % eval, 10 % test."""
    draw = np.random.default_rng(seed).random(len(frame))
    return frame[draw < 0.8], frame[(draw >= 0.8) & (draw < 0.9)], frame[draw >= 0.9]


def data_of(splits: Splits, label: str | None = LABEL, **declared: object) -> Data:
    """The evidence of a run."""
    tables = [
        Table.of(name, pa.Table.from_pandas(frame, preserve_index=False))
        for name, frame in zip(("train", "eval", "test"), splits, strict=False)
    ]
    declaration = Declared(label=label, **{"withheld": WITHHELD, **declared})  # type: ignore[arg-type]
    return Data(tables[0], {table.name: table for table in tables[1:]}, declared=declaration)


def _own_checks() -> list[Check]:
    modules = {module.__name__ for module in _MODULES}
    return [each for each in checks(Gate.DATA) if each.run.__module__ in modules]


def judged(data: Data) -> tuple[list[Finding], Verdict]:
    """What all contamination checks of tables say."""
    own = _own_checks()
    measured = []
    for each in own:
        if data.lacks(each.needs):
            continue
        with contextlib.suppress(NotApplicable):
            measured += each.measure(data, each.margin)
    return decide(measured, {each.name: each.tier for each in own}, GateSettings(), TODAY)


def blocking(data: Data) -> set[str]:
    """The names of the checks that refuse."""
    return {finding.check for finding in judged(data)[0] if finding.severity is Severity.BLOCK}
