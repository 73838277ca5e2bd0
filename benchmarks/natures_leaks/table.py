"""One table of the corpus: from which file, what is predicted, and which columns give it away."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from benchmarks.natures_leaks.sources import read

Prepare = Callable[[pd.DataFrame], pd.DataFrame]
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class RealTable:
    """One table and one label; `leaks` are the columns that give the label away, empty for an honest table. `faults`:
    checks that name another fault of the table rightly."""

    name: str
    path: str
    label: str
    leaks: tuple[str, ...] = ()
    why: str = ""
    drop: tuple[str, ...] = ()
    prepare: Prepare | None = None
    faults: tuple[str, ...] = ()

    @property
    def half(self) -> str:
        """`develop`: rules may be judged by it while they are made; `check`: looked at afterwards. Drawn by name."""
        return "develop" if zlib.crc32(self.name.encode()) % 2 else "check"

    def frame(self) -> pd.DataFrame:
        """The rows that have a label, at most 20,000."""
        frame = read(self.path)
        frame = self.prepare(frame) if self.prepare else frame
        frame = frame.drop(columns=list(self.drop)).dropna(subset=[self.label])
        return frame.sample(_MOST_ROWS, random_state=0) if len(frame) > _MOST_ROWS else frame

    def without_leaks(self) -> RealTable:
        """The same table without the columns that give the label away: an honest one."""
        left_out = (*self.drop, *self.leaks)
        return replace(self, name=f"{self.name}, mended", leaks=(), why="", drop=left_out)


def with_columns(**columns: Callable[[pd.DataFrame], object]) -> Prepare:
    """A preparation that adds columns."""
    return lambda frame: frame.assign(**columns)
