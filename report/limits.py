"""Which limits of the configuration bear on a measured figure, what the Evaluator found, and which way is better."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gates.evaluation.metrics import OVERALL, MetricEstimate
from gates.verdict.finding import Finding, Severity
from report.evidence import ThresholdLine

Verdict = Literal["met", "missed", "doubtful"]
# The Evaluator's findings by subject and statistic.
Findings = Mapping[tuple[str, str], Sequence[Finding]]

# Calibration is best at 1, neither high nor low.
BEST: dict[str, Literal["high", "low", "one"]] = {"loss": "low", "calibration": "one"}
SYMBOLS = {"at_least": "≥", "at_most": "≤"}


@dataclass(frozen=True)
class Limit:
    """A limit as it bears on one estimate; `verdict` is the Evaluator's, None where it has not judged."""

    line: ThresholdLine
    verdict: Verdict | None

    @property
    def words(self) -> str:
        """ "≥ 0.55", as a table says it."""
        if self.line.kind == "no_worse_than_blessed_by":
            return f"at most {self.line.limit:g} behind"
        return f"{SYMBOLS[self.line.kind]} {self.line.limit:g}"


def slice_columns(slice_name: str) -> tuple[str, ...]:
    """ "company=Flash Cab, trip_start_hour=9" → ("company", "trip_start_hour"); () for all rows."""
    return tuple(piece.partition("=")[0] for piece in _pieces(slice_name))


def slice_values(slice_name: str) -> str:
    """ "company=Flash Cab, trip_start_hour=9" → "Flash Cab, 9"."""
    return ", ".join(piece.partition("=")[2] or "(none)" for piece in _pieces(slice_name))


def limits_on(estimate: MetricEstimate, lines: Sequence[ThresholdLine], findings: Findings | None) -> list[Limit]:
    """The limits that name this metric and this slice (or every value of its columns)."""
    return [
        Limit(line, _verdict(estimate, line, findings))
        for line in lines
        if line.class_name is None and line.metric == estimate.metric and _covers(line.slice, estimate.slice)
    ]


def limits_on_class(
    name: str, estimate: MetricEstimate, lines: Sequence[ThresholdLine], findings: Findings | None
) -> list[Limit]:
    """The limits on recall or precision that name this class, or every class."""
    return [
        Limit(line, _verdict(estimate, line, findings))
        for line in lines
        if line.class_name in (name, "*") and line.metric == estimate.metric
    ]


def trails(ours: MetricEstimate, other: MetricEstimate) -> bool | None:
    """Whether `other` is better than we are by more than our interval; None where that cannot be said."""
    best = BEST.get(ours.metric, "high")
    if best == "one" or not all(map(math.isfinite, (ours.value, ours.lower, ours.upper, other.value))):
        return None
    return other.value > ours.upper if best == "high" else other.value < ours.lower


def leads(ours: MetricEstimate, other: MetricEstimate) -> bool:
    """Whether we are better than `other` by more than our interval."""
    best = BEST.get(ours.metric, "high")
    return best != "one" and (other.value < ours.lower if best == "high" else other.value > ours.upper)


def _pieces(slice_name: str) -> list[str]:
    # A value may hold a comma of its own ("Taxi, Inc."), so a new piece starts only where a `column=` follows.
    return [] if slice_name == OVERALL else re.split(r", (?=[^=,]+=)", slice_name)


def _covers(pattern: str, slice_name: str) -> bool:
    if pattern == slice_name:
        return True
    wanted, given = _by_column(pattern), _by_column(slice_name)
    return bool(wanted) and wanted.keys() == given.keys() and all(v in ("*", given[k]) for k, v in wanted.items())


def _by_column(slice_name: str) -> dict[str, str]:
    return {column: value for column, _, value in (piece.partition("=") for piece in _pieces(slice_name))}


def _verdict(estimate: MetricEstimate, line: ThresholdLine, findings: Findings | None) -> Verdict | None:
    change = line.kind == "no_worse_than_blessed_by"
    statistic = f"change of {estimate.metric}" if change else estimate.metric
    found = {
        finding.severity
        for finding in (findings or {}).get((estimate.slice, statistic), ())
        if math.isclose(finding.threshold, line.limit)
    }
    if Severity.BLOCK in found:
        return "missed"
    if Severity.WARN in found:
        return "doubtful"
    judges_many = line.class_name == "*" or (line.class_name is None and estimate.slice != OVERALL)
    small = judges_many and estimate.n < line.min_examples
    figure = estimate.change if change else estimate.value
    if findings is None or small or figure is None or not math.isfinite(figure):
        return None
    return "met"
