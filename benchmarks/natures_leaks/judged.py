"""The DataGate's verdict on one table of the corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.faults.case import as_arrow
from benchmarks.natures_leaks.table import RealTable
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.table import Table
from gates.verdict.catalogue import check_named
from gates.verdict.finding import Severity

_TRAIN = 0.8


@dataclass(frozen=True)
class Judged:
    """The gate's findings on one table: (check, subject, reason) of what blocks, and the columns warned of."""

    table: RealTable
    rows: int
    blocks: tuple[tuple[str, str, str], ...]
    warns: tuple[tuple[str, str, str], ...]
    seconds: float

    @property
    def without_cause(self) -> tuple[tuple[str, str, str], ...]:
        """What blocks, but for the faults that the table is known to have."""
        return tuple(each for each in self.blocks if each[0] not in self.table.faults)

    @property
    def leaks_refused(self) -> tuple[tuple[str, str, str], ...]:
        """What blocks by a check of target leakage."""
        return tuple(each for each in self.blocks if check_named(each[0]).group == "target leakage")

    @property
    def named(self) -> tuple[str, ...]:
        """The leaking columns that a refusal for target leakage names."""
        subjects = [part.strip() for _, subject, _ in self.leaks_refused for part in subject.split(",")]
        return tuple(name for name in self.table.leaks if name in subjects)


def judged(table: RealTable) -> Judged:
    """The verdict on a random split of a table, four fifths to train."""
    frame = table.frame()
    order = np.random.default_rng(0).permutation(len(frame))
    cut = round(_TRAIN * len(frame))
    train, test = (
        Table.of(name, as_arrow(frame.iloc[np.sort(part)]))
        for name, part in (("train", order[:cut]), ("test", order[cut:]))
    )
    report = judge_data(Data(train, {"test": test}, declared=Declared(label=table.label)))
    blocks, warns = (
        tuple((each.check, each.subject, each.reason) for each in report.of(severity))
        for severity in (Severity.BLOCK, Severity.WARN)
    )
    return Judged(table, len(frame), blocks, warns, round(report.seconds, 2))
