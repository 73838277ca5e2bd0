"""A graph that holds the keys of test rows is refused; lists of values that recur are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.model.evidence import ModelEvidence
from gates.tables.table import Table
from gates.verdict.finding import Severity
from tests.samples.fitted_models import verdict

ROWS = 1_200


def evidence(constants: dict[str, frozenset[str]], **columns: np.ndarray) -> ModelEvidence:
    """1,000 rows of train and 200 of test, with a label that nothing predicts."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.integers(0, 2, ROWS), "x": rng.normal(size=ROWS), **columns})
    parts = {"train": frame.iloc[:1_000], "test": frame.iloc[1_000:]}
    declared = Declared(label="label", categorical=frozenset({"label"}))
    tables = {name: Table.of(name, pa.Table.from_pandas(part, preserve_index=False)) for name, part in parts.items()}
    return ModelEvidence(
        transformed={name: Data(table, declared=declared) for name, table in tables.items()}, constants=constants
    )


def refused(given: ModelEvidence) -> set[str]:
    """The columns of what blocks."""
    return {each.subject for each in verdict(given).of(Severity.BLOCK)}


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("kind", ["text", "number"])
def test_refuses_a_table_of_rows_that_were_held_out(kind: str, share: float) -> None:
    numbers = np.random.default_rng(1).permutation(50_000)[:ROWS]
    keys = numbers if kind == "number" else np.array([f"visit {each}" for each in numbers])
    table = frozenset(str(each) for each in keys[: 1_000 + round(share * 200)])
    found = verdict(evidence({"risks": table, "other": frozenset(map(str, range(40)))}, visit=keys))
    (finding,) = found.of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("constants_of_held_out_rows", "visit")
    assert "`risks`" in finding.reason


def test_a_table_of_train_rows_alone_passes() -> None:
    keys = np.array([f"visit {each}" for each in range(ROWS)])
    assert not refused(evidence({"vocabulary": frozenset(keys[:1_000])}, visit=keys))


def test_a_list_of_values_that_recur_passes() -> None:
    """All zip codes of a country: those of test are in it, and some of them are in train too."""
    codes = np.array([f"{each:05d}" for each in np.random.default_rng(2).integers(0, 20_000, ROWS)])
    assert not refused(evidence({"zips": frozenset(f"{each:05d}" for each in range(20_000))}, zip=codes))
