"""One case for the gates: the splits of a real table, assigned by a seed, and what is declared about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.faults.tables import TableSource
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.table import Table
from gates.verdict.finding import GateReport

SPLITS = ("train", "eval", "serving")
_HELD_OUT = ("eval", "test")


@dataclass(frozen=True)
class Case:
    """The tables by name (train, eval, test, serving, previous) and what is declared.

    The index of each frame is the row number in `source.raw`: a plant finds the hidden columns by it.
    """

    source: TableSource
    frames: Mapping[str, pd.DataFrame]
    declared: Declared
    rng: np.random.Generator = field(repr=False)

    @property
    def label(self) -> str:
        """The name of the label column."""
        return self.source.label

    def column(self, role: str) -> str:
        """The name of the column with this role."""
        return self.source.roles[role]

    def with_frame(self, name: str, frame: pd.DataFrame) -> Case:
        """The case with other or additional tables."""
        return replace(self, frames={**self.frames, name: frame})

    def without(self, *names: str) -> Case:
        """The case without some of the tables."""
        return replace(self, frames={name: frame for name, frame in self.frames.items() if name not in names})

    def with_column(
        self, name: str, values: Callable[[pd.DataFrame], object], splits: Sequence[str] | None = None
    ) -> Case:
        """The case with a column computed from the rows of each of the splits (all when None)."""
        touched = self.frames if splits is None else splits
        made = {split: self.frames[split].assign(**{name: values(self.frames[split])}) for split in touched}
        return replace(self, frames={**self.frames, **made})

    def declaring(self, **changes: Any) -> Case:
        """The case with more declarations."""
        return replace(self, declared=self.declared.model_copy(update=changes))

    def labels_of(self, frame: pd.DataFrame) -> pd.Series:
        """The true labels of these rows, also where the split does not hold them."""
        return self.source.raw.loc[frame.index, self.label].set_axis(frame.index)

    def hidden(self, frame: pd.DataFrame, column: str) -> pd.Series:
        """A column of the raw table for these rows."""
        return self.source.raw.loc[frame.index, column].set_axis(frame.index)

    def data(self) -> Data:
        """The arguments of the DataGate."""
        tables = {
            name: Table.of(name, as_arrow(frame), self.declared.images_in(frame.columns))
            for name, frame in self.frames.items()
        }
        held_out = {name: tables[name] for name in _HELD_OUT if name in tables}
        return Data(tables["train"], held_out, tables.get("serving"), tables.get("previous"), declared=self.declared)

    def judge(self) -> GateReport:
        """The gate's verdict."""
        return judge_data(self.data())

    def write(self, folder: Path) -> None:
        """Writes Parquet files, for tools that run in a separate process."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in self.frames.items():
            pq.write_table(as_arrow(frame), folder / f"{name}.parquet")


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """The table without its index and with null for NaN, as a reader of files returns it."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def assign(
    source: TableSource,
    seed: int,
    shares: Mapping[str, float] | None = None,
    rows: int | None = None,
    keep: pd.Index | None = None,
) -> Case:
    """A random split of a table (or of a part of it). Serving holds no label, as it is not known yet."""
    shares = shares or {"train": 2 / 3, "eval": 1 / 6, "serving": 1 / 6}
    rng = np.random.default_rng([seed, len(source.name), sum(map(ord, source.name))])
    order = rng.permutation(np.asarray(source.raw.index if keep is None else keep))[:rows]
    bounds = np.cumsum([round(len(order) * share) for share in shares.values()])
    parts = np.split(order, bounds)[: len(shares)]
    return of_parts(source, dict(zip(shares, parts, strict=True)), rng)


def assign_by(
    source: TableSource, column: str, seed: int, shares: Mapping[str, float] | None = None, rows: int | None = None
) -> Case:
    """A random split in which no value of `column` is on two sides; rows without a value are left out."""
    shares = shares or {"train": 2 / 3, "eval": 1 / 6, "serving": 1 / 6}
    rng = np.random.default_rng([seed, 1, sum(map(ord, source.name + column))])
    kept = source.raw.index[source.raw[column].notna()].to_numpy()
    kept = np.sort(rng.permutation(kept)[:rows])
    codes, found = pd.factorize(source.raw.loc[kept, column], sort=True)
    sizes = np.bincount(codes)
    # Each entity goes to the side that lacks most of its share, so that shares hold approximately for large entities.
    side = np.zeros(len(found), dtype=int)
    lacking = np.array(list(shares.values())) * len(kept)
    for entity in sorted(rng.permutation(len(found)), key=lambda each: sizes[each] <= len(kept) / 20):
        side[entity] = rng.choice(len(lacking), p=np.maximum(lacking, 1e-9) / np.maximum(lacking, 1e-9).sum())
        lacking[side[entity]] -= sizes[entity]
    parts = {name: rng.permutation(kept[side[codes] == place]) for place, name in enumerate(shares)}
    return of_parts(source, parts, rng).declaring(entity=column, split_by="entity")


def assign_by_time(source: TableSource, column: str, shares: Mapping[str, float] | None = None, seed: int = 0) -> Case:
    """Earlier rows to train, later ones to eval and serving. Equal times stay on one side."""
    shares = shares or {"train": 2 / 3, "eval": 1 / 6, "serving": 1 / 6}
    rng = np.random.default_rng([seed, 2])
    times = source.raw[column]
    limits = [times.quantile(share, interpolation="lower") for share in np.cumsum(list(shares.values()))]
    parts, after = {}, None
    for name, limit in zip(shares, [*limits[:-1], times.max()], strict=True):
        inside = (times <= limit) & (True if after is None else times > after)
        parts[name] = rng.permutation(source.raw.index[inside].to_numpy())
        after = limit
    return of_parts(source, parts, rng).declaring(time=column, split_by="time")


def of_parts(source: TableSource, parts: Mapping[str, np.ndarray], rng: np.random.Generator) -> Case:
    """The case of these row numbers."""
    frames = {name: source.raw.loc[index, source.columns] for name, index in parts.items()}
    if "serving" in frames:
        frames["serving"] = frames["serving"].drop(columns=source.label)
    return Case(source, frames, Declared(label=source.label, pixel_columns=("pixel",) * source.image), rng)
