"""Tables of many columns that go in groups, for the checks that compare columns with one another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.tables.table import Table

ROWS = {"train": 1_200, "test": 600}


def wide(columns: int, stale: str = "", slices: bool = False) -> Data:
    """Columns in groups of ten that share a cause; `stale` comes from other rows in test."""
    tables = {}
    for seed, (name, rows) in enumerate(ROWS.items()):
        rng = np.random.default_rng(seed)
        causes = rng.normal(size=(rows, columns // 10 + 1))
        held = {f"n{i}": causes[:, i // 10] + 0.5 * rng.normal(size=rows) for i in range(columns)}
        if slices:
            held = {key: np.where(values > 0, "high", "low") for key, values in held.items()}
        if stale and name == "test":
            held[stale] = rng.permutation(held[stale])
        tables[name] = Table.of(name, pa.table({key: pa.array(values) for key, values in held.items()}))
    return Data(tables["train"], {"test": tables["test"]}, declared=Declared())
