"""Taxi rides as the skew checks see them, and a verdict over these checks alone."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table
from gates.verdict.catalogue import Check, Gate, NotApplicable, checks
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

LABEL = "big_tipper"
ABSENT_FROM_SERVING = [LABEL, "tips", "payment_type"]
DECLARED = Declared(label=LABEL, withheld=frozenset({"tips", "payment_type"}))
_MODULES = {f"gates.data.skew.{name}" for name in ("schema", "columns", "numbers", "slices", "joint", "association")}


@functools.cache
def _rides() -> pd.DataFrame:
    found = importlib.util.find_spec("tfx")
    assert found is not None and found.submodule_search_locations
    folder = Path(next(iter(found.submodule_search_locations)))
    rides = pd.read_csv(folder / "examples/chicago_taxi_pipeline/data/simple/data.csv")
    return rides.assign(**{LABEL: (rides["tips"] > 0.2 * rides["fare"]).astype("int64")})


def rides() -> pd.DataFrame:
    """All 15,002 real rides, a copy."""
    return _rides().copy()


def assigned(sizes: Sequence[int], seed: int = 0, frame: pd.DataFrame | None = None) -> list[pd.DataFrame]:
    """Disjoint random parts of so many rows."""
    source = rides() if frame is None else frame
    order = np.random.default_rng(seed).permutation(len(source))
    edges = np.cumsum([0, *sizes])
    return [source.iloc[order[a:b]].reset_index(drop=True) for a, b in itertools.pairwise(edges)]


def data_of(train: pd.DataFrame, declared: Declared = DECLARED, seed: int = 0, **others: pd.DataFrame) -> Data:
    """The tables of one run, by name."""
    tables = {
        name: Table.of(name, pa.Table.from_pandas(frame, preserve_index=False))
        for name, frame in {"train": train, **others}.items()
    }
    held_out = {name: tables[name] for name in ("eval", "test") if name in tables}
    return Data(tables["train"], held_out, tables.get("serving"), tables.get("previous"), declared, seed)


def skew_checks() -> list[Check]:
    """The checks of these modules."""
    return [each for each in checks(Gate.DATA) if each.run.__module__ in _MODULES]


def findings(data: Data, strict: bool = False) -> list[Finding]:
    """What the skew checks find, decided over them alone."""
    measured = []
    for each in skew_checks():
        if data.lacks(each.needs):
            continue
        try:
            measured += each.measure(data, each.margin)
        except NotApplicable:
            continue
    tiers = {each.name: each.tier for each in skew_checks()}
    return decide(measured, tiers, GateSettings(strict=strict), date(2026, 1, 1))[0]


def blocking(data: Data) -> set[tuple[str, str]]:
    """Check and subject of every blocking finding."""
    return {(each.check, each.subject) for each in findings(data) if each.severity is Severity.BLOCK}


def refusing(data: Data) -> set[str]:
    """The checks that block."""
    return {check for check, _ in blocking(data)}
