"""What every source format promises."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from core.errors import SluiceError
from sources.images import ImageShape
from sources.kinds import Kind
from sources.rejects import Reject

BATCH_ROWS = 40_000
PART_BYTES = 64 << 20  # what one worker takes at a time


def check_names(path: str, names: list[str]) -> None:
    """Refuses columns that a tf.Example could not tell apart.

    Raises:
      SluiceError: when two columns have one name, or one has none.
    """
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SluiceError(f"{path} has the column `{twice[0]}` more than once.", f"Look:  head -1 {path}")
    if "" in names:
        index = " (the index of a pandas frame is written so; leave it out by index=False)" if not names[0] else ""
        raise SluiceError(f"{path} has no name for column {names.index('') + 1}{index}.", f"Look:  head -1 {path}")


@dataclass(frozen=True)
class Part:
    """What one worker reads at a time: a file, or a stretch of one that can be entered by itself."""

    path: str


@dataclass
class Rows:
    """Consecutive rows of one file. `typed`: the columns have their kinds; else they are text to be converted."""

    columns: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    typed: bool
    rejects: list[Reject] = field(default_factory=list)


@dataclass
class FileSurvey:
    """What one file holds: the kind of each column, and the parts in which it can be read. `whole`: those of the
    columns asked for that are float and have whole numbers only. `shape`: of the images, where the file says so."""

    path: str
    kinds: dict[str, Kind]
    parts: list[Part]
    empty: bool
    whole: frozenset[str] = frozenset()
    shape: ImageShape | None = None


def _floats(kinds: dict[str, Kind]) -> frozenset[str]:
    return frozenset(name for name, kind in kinds.items() if kind is Kind.FLOAT)
