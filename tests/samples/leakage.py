"""Real tables to plant leaks in, and the decision over some checks alone."""

import importlib.util
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table
from gates.verdict.catalogue import NotApplicable, check_named
from gates.verdict.finding import Finding, Severity
from gates.verdict.rule import decide
from gates.verdict.settings import GateSettings

CHECKS = (
    "single_feature",
    "missingness",
    "pairs",
    "combination",
    "computed_label",
    "one_of_several_flags",
    "identifier",
    "row_order",
    "token_in_text",
    "known_too_late",
    "source_proxy",
)


def taxi(rows: int = 5_000, seed: int = 0, keep: tuple[str, ...] = ()) -> pd.DataFrame:
    """Chicago taxi trips with `big_tipper`, without what is known only from the payment on unless kept."""
    trips = _all_trips().sample(rows, random_state=seed).reset_index(drop=True)
    return trips.drop(columns=[name for name in ("tips", "payment_type") if name not in keep])


@cache
def _all_trips() -> pd.DataFrame:
    tfx = importlib.util.find_spec("tfx")
    assert tfx is not None and tfx.submodule_search_locations
    package = Path(tfx.submodule_search_locations[0])
    trips = pd.read_csv(package / "examples/chicago_taxi_pipeline/data/simple/data.csv")
    return trips.assign(big_tipper=(trips.tips > 0.2 * trips.fare).astype(int))


def data_of(frame: pd.DataFrame, label: str, **declared: object) -> Data:
    """Train alone."""
    table = Table.of("train", pa.Table.from_pandas(frame, preserve_index=False))
    return Data(table, declared=Declared(label=label, **declared))  # type: ignore[arg-type]


def findings_of(data: Data, *names: str) -> list[Finding]:
    """What these checks (all of target leakage on train when none is named) find."""
    measured = []
    for name in names or CHECKS:
        found = check_named(name)
        try:
            measured += found.measure(data, found.margin)
        except NotApplicable:
            continue
    return decide(measured, {}, GateSettings(), date(2026, 11, 21))[0]


def refused(data: Data) -> set[tuple[str, str]]:
    """The check and the subject of everything that blocks."""
    return {(each.check, each.subject) for each in findings_of(data) if each.severity is Severity.BLOCK}
