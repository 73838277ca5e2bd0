"""Assigns each row to a split, once and for good: by hash of the row or of an entity, by time, or by a given column."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import SluiceError
from core.text import shortened
from pipeline.config.workload import SplitConfig
from pipeline.ingest.row_hash import Hashes, hash_content, hash_key, salted
from pipeline.ingest.times import Floats, instants
from sources.typed import as_lists

SPLITS = ("train", "eval", "test")
LEFT_OUT = -1  # in the gap between two time splits
UNASSIGNED = -2  # the row has no value that decides its split
NOT_SHARED = -3  # not among the share of the rows that is used

Places = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Assigner:
    """Everything besides the row that its split depends on."""

    split: SplitConfig
    entity_key: str | None = None
    time_column: str | None = None
    label: str | None = None  # not part of a row's hash: rows that differ only in the label must stay together
    cuts: tuple[float, ...] = ()
    seen: tuple[float, ...] = ()  # the first and the last instant in the data
    only: str | None = None
    given: dict[str, str] = field(default_factory=dict)  # files whose rows all belong to one split
    share: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """The splits, in the order of their places."""
        return (self.only,) if self.only else SPLITS

    @property
    def key_column(self) -> str | None:
        """The column that assigning a row requires."""
        if self.only:
            return None
        return {"entity": self.entity_key, "time": self.time_column, "column": self.split.column}.get(self.split.by)

    def assign(self, columns: dict[str, pa.Array], rows: int, path: str = "") -> Places:
        """The place in `names` of each row of a file, or LEFT_OUT, UNASSIGNED or NOT_SHARED.

        Raises:
          SluiceError: when the split's column holds several values in a row, or other names than those of splits.
        """
        if self.only:
            return np.zeros(rows, np.int8)
        content = self._content(columns)
        places = self._places(columns, content, rows, path)
        if self.share < 1:
            beyond = salted(content, "share") >= np.uint64(int(self.share * 2.0**64))
            places[(places >= 0) & beyond] = NOT_SHARED
        return places

    def _content(self, columns: dict[str, pa.Array]) -> Hashes:
        """The hash of the rows' content, where it is needed."""
        if self.split.by != "row" and self.share >= 1:
            return np.zeros(0, np.uint64)
        lists = {name: as_lists(column) for name, column in columns.items()}
        return hash_content(pa.RecordBatch.from_arrays(list(lists.values()), list(lists)), {self.label or ""})

    def _places(self, columns: dict[str, pa.Array], content: Hashes, rows: int, path: str) -> Places:
        if path in self.given:
            return np.full(rows, SPLITS.index(self.given[path]), np.int8)
        open_splits = tuple(name for name in SPLITS if name not in self.given.values())
        if self.split.by == "row":
            return assign_hashes(salted(content, self.split.salt), self.split, open_splits)
        key = columns[self.key_column or ""]
        if pa.types.is_large_list(key.type):
            raise SluiceError(f"the split goes by `{self.key_column}`, which has several values in a row.")
        if self.split.by == "entity":
            places = assign_hashes(hash_key(as_lists(key), self.split.salt), self.split, open_splits)
            places[np.asarray(key.is_null())] = UNASSIGNED
            return places
        if self.split.by == "time":
            return _assign_times(instants(key), self.cuts, self.split.gap)
        return _assign_names(key, self.key_column or "")


def assign_hashes(hashes: Hashes, split: SplitConfig, among: tuple[str, ...] = SPLITS) -> Places:
    """By the place of the hash between 0 and 2^64, with the weights of the splits that rows are assigned `among`."""
    weights = [getattr(split, name) for name in among]
    shares = np.cumsum(weights)[:-1] / sum(weights)
    limits = np.array([min(int(share * 2.0**64), 2**64 - 1) for share in shares], np.uint64)
    places = np.array([SPLITS.index(name) for name in among], np.int8)
    return places[np.searchsorted(limits, hashes, side="right")]


def _assign_times(moments: Floats, cuts: tuple[float, ...], gap: float) -> Places:
    """Train to the first cut, eval to the second, test beyond; what follows a cut within the gap is left out."""
    places = np.searchsorted(np.array(cuts), moments, side="left").astype(np.int8)
    for cut in cuts:
        places[(moments > cut) & (moments - cut < gap)] = LEFT_OUT
    places[~np.isfinite(moments)] = UNASSIGNED
    return places


def _assign_names(key: pa.Array, column: str) -> Places:
    encoded = key.dictionary_encode()
    names = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in encoded.dictionary.to_pylist()
    ]
    if key.null_count:
        names.append("(missing)")
    if other := sorted(set(names) - set(SPLITS)):
        listed = shortened([f"`{name}`" for name in other], 5, rest="more")
        raise SluiceError(
            f"the split column `{column}` may hold train, eval and test only, but it also holds {listed}."
        )
    places = np.array([SPLITS.index(name) for name in names], np.int8)
    return places[np.asarray(encoded.indices).astype(np.int64)]
