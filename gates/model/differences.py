"""Differences between two sets of answers for the same rows, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gates.model.evidence import ModelEvidence
from gates.tables.table import Floats
from gates.verdict.finding import Chart, RowSample

# A class that gains more than this share of the answers is named; `prediction_collapse` judges.
_GAINED = 0.05
_MOST_BARS = 20
_MOST_COLUMNS = 12


@dataclass(frozen=True)
class Difference:
    """The differences between two sets of answers for the same rows. `largest` is infinite where one is no number."""

    largest: float
    row: int
    rows: int
    differing: int
    flips: int
    lost: int  # rows for which exactly one of the two is no number


def difference(a: Floats, b: Floats, tolerance: float) -> Difference:
    """Absolute differences of probabilities; those of a regression are relative to the value, or to the median one
    where that is larger."""
    unit = np.float64(1.0) if a.ndim == 2 else np.maximum(np.nan_to_num(np.abs(a)), _typical(a))
    here, there = np.isfinite(a), np.isfinite(b)
    with np.errstate(invalid="ignore"):
        by_cell = np.where(here & there, np.abs(a - b) / unit, np.where(here == there, 0.0, np.inf))
    by_row = by_cell.max(axis=1) if a.ndim == 2 else by_cell
    lost = int(np.isinf(by_row).sum())
    flipped = (a.argmax(axis=1) != b.argmax(axis=1)) & (by_row > tolerance) if a.ndim == 2 else np.zeros(len(a), bool)
    row = int(by_row.argmax())
    return Difference(float(by_row[row]), row, len(a), int((by_row > tolerance).sum()), int(flipped.sum()), lost)


def _typical(values: Floats) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return max(float(np.median(finite)), 1e-6) if len(finite) else 1.0


def flips_text(found: Difference) -> str:
    """The number of rows that change their class, in words."""
    return f"; {found.flips:,} ({found.flips / found.rows:.1%}) change their class" if found.flips else ""


def lost_text(found: Difference) -> str:
    """The number of rows that are a number in one set only, in words."""
    return f"; {found.lost:,} rows are a number in one and none in the other" if found.lost else ""


def first_line(text: str) -> str:
    """The first line of an error message."""
    return text.strip().splitlines()[0].rstrip(".")[:200] if text.strip() else ""


def accuracy_text(a: Floats, b: Floats, name: str, reference: str, evidence: ModelEvidence) -> str:
    """Both accuracies in words, where they differ."""
    labels = evidence.replayed_labels
    if labels is None or a.ndim != 2 or len(labels) != len(a):
        return ""
    right, left = (float((each.argmax(axis=1) == labels).mean()) for each in (a, b))
    return f"; accuracy on them is {right:.1%} by {reference} and {left:.1%} by {name}" if right != left else ""


def collapse_text(a: Floats, b: Floats, name: str, evidence: ModelEvidence) -> str:
    """The class that gains answers, in words."""
    if a.ndim != 2:
        return ""
    before, after = (np.bincount(each.argmax(axis=1), minlength=a.shape[1]) / len(a) for each in (a, b))
    code = int((after - before).argmax())
    if after[code] - before[code] <= _GAINED:
        return ""
    return f"; {after[code]:.1%} of the answers of {name} are {evidence.class_name(code)}, not {before[code]:.1%}"


def answers_chart(a: Floats, b: Floats, name: str, reference: str, evidence: ModelEvidence) -> Chart | None:
    """Shares of the classes among both sets of answers."""
    if a.ndim != 2:
        return None
    before, after = (np.bincount(each.argmax(axis=1), minlength=a.shape[1]) / len(a) for each in (a, b))
    shown = np.sort(np.argsort(-(before + after), kind="stable")[:_MOST_BARS])
    return Chart(
        "share of answers by class",
        tuple(evidence.class_name(int(code)) for code in shown),
        {reference: tuple(before[shown].tolist()), name: tuple(after[shown].tolist())},
        evidence.class_name(int((after - before).argmax())),
    )


def row_sample(evidence: ModelEvidence, row: int, a: Floats, b: Floats, first: str, second: str) -> RowSample:
    """The row that differs most."""

    def shown(scores: Floats) -> str:
        return ", ".join(f"{value:.4g}" for value in np.atleast_1d(scores[row])[:10])

    raw = evidence.replayed_rows
    names, values = ((), ()) if raw is None or row >= len(raw.rows) else (raw.columns, raw.rows[row])
    columns = (*names[:_MOST_COLUMNS], first, second)
    return RowSample(f"row {row:,}, where they differ most", columns, ((*values[:_MOST_COLUMNS], shown(a), shown(b)),))
