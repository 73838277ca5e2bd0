"""The measured size of a TFDV anomaly in one data set, and one finding in plain words for all data sets with it.

TFDV's own sentences ("upto six significant digits") are the last resort.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scipy import stats

from core.text import listed, p_value_text, shortened
from gates.verdict.finding import Finding, Severity

# A breach with a larger p-value under clean sampling is reported and does not refuse.
CERTAINTY = 0.001
_NAMED = 3

REMEDIES = {
    "schema_missing_column": "Restore the column at its source, or take it out of the schema.",
    "schema_new_column": "Add the column to the schema (decide whether serving has it), or drop it at its source.",
    "schema_type": "Mend the type at its source, or set data.column_types for this column.",
    "schema_domain": "If such values are real, allow them in the schema; else mend the source.",
    "schema_presence": "Find out why values are missing; if that is right, change the column's presence in the schema.",
    "schema_value_count": "One value a row is expected: mend the source, or change value_count in the schema.",
    "schema_shape": "Bring every row to the size that the schema gives (its `shape`), or change it there.",
    "schema_other": "Compare the column with its entry in the schema and mend whichever is wrong.",
}


@dataclass(frozen=True)
class Breach:
    """One fault of one column in one data set. It reads: `column` `found` in `dataset` `expected`."""

    check: str
    column: str
    dataset: str
    rows: int
    found: str
    expected: str = ""
    severity: Severity = Severity.BLOCK
    statistic: str = "anomaly"
    value: float = 1.0
    threshold: float = 0.0
    hits: int | None = None  # how many of the rows, where the schema allows a share of them
    extreme: bool = False  # `value` is how far the column goes here
    examples: tuple[str, ...] = ()  # offending values
    p_value: float | None = None

    @property
    def kind(self) -> tuple[str, str, str]:
        """Breaches of one kind in several data sets are one finding."""
        return self.column, self.check, self.statistic

    def out_of(self, hits: int, rows: int, allowed: float, chance: float | None = None) -> Breach:
        """The breach with its figures; INFO when chance explains it at this number of rows. `chance`: the rate among
        clean rows, where it differs from what the schema allows."""
        clean = allowed if chance is None else chance
        p_value = float(stats.binom.sf(hits - 1, rows, clean)) if clean > 0 else 0.0
        severity = self.severity if p_value <= CERTAINTY else Severity.INFO
        share = hits / max(rows, 1)
        return replace(self, hits=hits, rows=rows, value=share, threshold=allowed, p_value=p_value, severity=severity)


def merged(breaches: Iterable[Breach]) -> list[Finding]:
    """One finding for each kind, over the data sets with its gravest severity."""
    by_kind: dict[tuple[str, str, str], list[Breach]] = {}
    for breach in breaches:
        by_kind.setdefault(breach.kind, []).append(breach)
    return [_finding(_heaviest(alike)) for _, alike in sorted(by_kind.items())]


def _heaviest(alike: list[Breach]) -> list[Breach]:
    found = {breach.severity for breach in alike}
    worst = next(s for s in (Severity.BLOCK, Severity.WARN, Severity.INFO) if s in found)
    once = {breach.dataset: breach for breach in reversed(alike) if breach.severity is worst}
    return list(reversed(once.values()))


def _finding(alike: list[Breach]) -> Finding:
    first, rows = alike[0], sum(breach.rows for breach in alike)
    value = max((breach.value for breach in alike), key=lambda value: abs(value - first.threshold))
    if first.hits is not None:
        value = _hits(alike) / max(rows, 1)
    return Finding(
        check=first.check,
        subject=first.column,
        statistic=first.statistic,
        value=value,
        threshold=first.threshold,
        n=rows,
        severity=first.severity,
        reason=f"{_sentence(alike, rows)}{first.expected}.{_by_chance(alike)}",
        remedy=REMEDIES[first.check],
        p_value=None if first.p_value is None else max(breach.p_value or 0.0 for breach in alike),
    )


def _hits(alike: Sequence[Breach]) -> int:
    return sum(breach.hits or 0 for breach in alike)


def _sentence(alike: Sequence[Breach], rows: int) -> str:
    first = alike[0]
    if first.extreme and len({breach.value for breach in alike}) > 1:
        return f"{first.column} {first.found} " + listed(
            [f"{number(breach.value)} in {spoken(breach.dataset)}" for breach in alike]
        )
    where = listed([spoken(breach.dataset) for breach in alike])
    if not rows:
        return f"There are no rows in {where}"
    if first.extreme:
        return f"{first.column} {first.found} {number(first.value)} in {where}"
    if first.hits is not None:
        hits = _hits(alike)
        figures = f"{hits / max(rows, 1):.2%}; the schema allows {first.threshold:.2%}"
        return f"{first.column} {first.found}{_named(alike)} in {hits:,} of {rows:,} rows of {where} ({figures})"
    return f"{first.column} {first.found}{_named(alike)} in {where}"


def _named(alike: Sequence[Breach]) -> str:
    """A few of the offending values, each once."""
    seen = list(dict.fromkeys(example for breach in alike for example in breach.examples))
    if not seen:
        return ""
    return f" ({shortened([repr(example) for example in seen], _NAMED, rest='others')})"


def _by_chance(alike: Sequence[Breach]) -> str:
    p_value = max(breach.p_value or 0.0 for breach in alike)
    if p_value <= CERTAINTY:
        return ""
    return f" At so few rows chance alone explains it ({p_value_text(p_value)}), so this does not refuse."


def spoken(dataset: str) -> str:
    """A split by its name, the serving log in words."""
    return "the serving log" if dataset == "serving" else dataset


def number(value: float) -> str:
    """A number without a needless decimal point."""
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if whole else f"{value:.6g}"
