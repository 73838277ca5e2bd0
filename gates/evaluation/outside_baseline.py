"""Judges an evaluation against the reported figures of a model from outside this pipeline.

In doubt, refuse, as `no_worse_than_blessed_by` does: the end of the interval of the change that is nearest to refusal
has to meet the limit. The comparison is unpaired: the two models were measured on different rows, so what is easy or
hard about the rows does not cancel out, and the interval is wider than that of a paired comparison.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import SluiceError
from gates.evaluation.limits import interval_in_words
from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.statistics.intervals import LOWER_IS_BETTER, Interval
from gates.verdict.finding import Finding, Severity
from sources.storage import base_name, read_stored

CHECK = "outside_baseline"
_SHARES = ("accuracy", "auc", "precision", "recall")
_DIGITS = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_ROWS = ("rows", "testrows", "n", "numexamples", "examplecount")
# Other names of our metrics, in lower case and without separators.
_ALIASES = {
    "auroc": "auc",
    "rocauc": "auc",
    "aucroc": "auc",
    "logloss": "loss",
    "crossentropy": "loss",
    "binaryaccuracy": "accuracy",
    "categoricalaccuracy": "accuracy",
    "sparsecategoricalaccuracy": "accuracy",
}


@dataclass(frozen=True)
class OutsideFigures:
    """Figures of a model from outside on its own test rows, and how much worse a candidate may be."""

    source: str  # the file's name
    figures: Mapping[str, float]  # by metric
    allowed: Mapping[str, float]  # by metric; these are judged
    rows: int | None = None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any] | None) -> OutsideFigures | None:
        """The inverse of `dataclasses.asdict`, after JSON; None for None."""
        return None if plain is None else cls(**plain)


def read_outside_figures(path: str, metrics: Sequence[str], no_worse_by: Mapping[str, float]) -> OutsideFigures:
    """The figures in a JSON file, by the names of our `metrics`; other figures are ignored.

    Args:
      path: of a file, here or in a bucket, that holds an object of metrics, or one with such an object under
        `metrics`; `rows` (or `n`) are its test rows.
      metrics: what the Evaluator measures.
      no_worse_by: by metric, how much worse a candidate may be; empty: all metrics that both have, by 0.

    Raises:
      SluiceError: when it cannot be read, holds no metric of ours or an impossible figure of one, or lacks one of
        `no_worse_by`.
    """
    plain = _read(path)
    stated = {_bare(name): value for name, value in {**plain, **_object(plain.get("metrics"))}.items()}
    named = {
        _ALIASES.get(name, name): figure for name, value in stated.items() if (figure := _figure(value)) is not None
    }
    figures = {metric: named[_bare(metric)] for metric in metrics if _bare(metric) in named}
    lacking = sorted(set(no_worse_by) - set(figures))
    if lacking or not figures:
        what = f"no `{lacking[0]}`" if lacking else f"none of the metrics that are measured ({', '.join(metrics)})"
        there = ", ".join(name for name, value in plain.items() if _figure(value) is not None) or "no figure"
        raise SluiceError(f"the baseline {path} has {what}; it has {there}", _HOW)
    for metric, figure in figures.items():
        _check_range(path, metric, figure)
    rows = _rows_in(path, stated)
    return OutsideFigures(base_name(path), figures, dict(no_worse_by) or dict.fromkeys(figures, 0.0), rows)


def _check_range(path: str, metric: str, figure: float) -> None:
    """Refuse a figure that is impossible for the metric: every candidate would fall behind it, or none."""
    if figure < 0:
        raise SluiceError(f"the baseline {path} says {metric} {figure:g}, and {metric} is never below 0", _HOW)
    if metric in _SHARES and figure > 1:
        hint = ": a share, not a percentage" if figure <= 100 else ""
        raise SluiceError(f"the baseline {path} says {metric} {figure:g}, and {metric} is at most 1{hint}", _HOW)


def _rows_in(path: str, stated: Mapping[str, Any]) -> int | None:
    """The number of test rows in the file. Without it the figures count as exact, so an unreadable one is refused."""
    stated_rows = [stated[name] for name in _ROWS if stated.get(name) is not None]
    if not stated_rows:
        return None
    rows = _figure(stated_rows[0])
    if rows is None:
        raise SluiceError(f"the baseline {path} gives its test rows as {stated_rows[0]!r}, which is no number", _HOW)
    if rows < 1:
        raise SluiceError(f"the baseline {path} was measured on {rows:g} rows, by its own account", _HOW)
    return int(rows)


def judge_outside_baseline(evaluation: Evaluation, outside: OutsideFigures | None, judged_by: str) -> list[Finding]:
    """One finding for each metric: whether the candidate falls behind on all test rows. Empty without a baseline."""
    if outside is None:
        return []
    overall = evaluation.overall()
    return [
        _judged(overall[metric], outside.figures[metric], allowed, outside, judged_by)
        for metric, allowed in outside.allowed.items()
    ]


def unpaired_change(own: MetricEstimate, baseline: float, rows: int | None) -> Interval:
    """`own` minus the baseline's value, with the interval of two independent samples.

    MOVER (Zou & Donner, Statistics in Medicine 27:1693-1702, 2008) on the candidate's interval and one for the
    baseline: the candidate's, as wide as `rows` test rows would have made it (intervals go by 1/sqrt(n)). Without
    `rows` the baseline is taken as exact.
    """
    down, up = own.value - own.lower, own.upper - own.value
    scale = math.sqrt(own.n / rows) if rows else 0.0
    difference = own.value - baseline
    return Interval(difference, difference - math.hypot(down, scale * up), difference + math.hypot(up, scale * down))


def _judged(own: MetricEstimate, baseline: float, allowed: float, outside: OutsideFigures, judged_by: str) -> Finding:
    change = unpaired_change(own, baseline, outside.rows)
    gain, surely = _gain(own, baseline, change)
    where = f"all {own.n:,} test rows (overall)"
    measured = (
        f"{outside.rows:,} rows of its own" if outside.rows else "rows of its own that nobody counted: taken as exact"
    )
    shown = (
        f"{own.metric} on {where} is {own.value:.3f} ({interval_in_words(own.lower, own.upper)}), the outside "
        f"baseline's {baseline:.3f} ({outside.source}, on {measured}); unpaired change {change.value:+.3f} "
        f"({interval_in_words(change.lower, change.upper, '+.3f')})"
    )
    requested = f"no worse than the outside baseline by more than {allowed:.3f}"
    if not math.isfinite(gain):
        severity, reason = Severity.BLOCK, f"{own.metric} on {where} could not be computed; required is {requested}."
    elif surely >= -allowed or (judged_by == "estimate" and gain >= -allowed):
        severity, reason = Severity.INFO, f"{shown}: {requested}, as required."
    elif gain >= -allowed and not math.isfinite(surely):
        severity, reason = Severity.BLOCK, f"{shown}; required is {requested}, and nobody can say that it is."
    elif gain >= -allowed:
        severity, reason = Severity.BLOCK, f"{shown}; required is {requested}, and the interval reaches beyond that."
    else:
        severity, reason = Severity.BLOCK, f"{shown}; required is {requested}."
    return Finding(
        check=CHECK,
        subject=own.slice.name,
        statistic=f"unpaired change of {own.metric}",
        value=change.value,
        threshold=allowed,
        n=own.n,
        severity=severity,
        reason=reason,
        remedy="Nothing to do." if severity is Severity.INFO else _REMEDY,
    )


def _gain(own: MetricEstimate, baseline: float, change: Interval) -> tuple[float, float]:
    """By how much the candidate is better, by its value and at the unfavourable end of the interval."""
    if own.metric in LOWER_IS_BETTER:
        return -change.value, -change.upper
    if own.metric == "calibration":
        # 1 is ideal: the distance from it is compared, and either arm may lead away from it.
        gain = abs(baseline - 1) - abs(own.value - 1)
        return gain, gain - max(change.value - change.lower, change.upper - change.value)
    return change.value, change.lower


def _read(path: str) -> dict[str, Any]:
    try:
        plain = json.loads(read_stored(path).decode("utf-8-sig"))
    except OSError as problem:
        raise SluiceError(f"the baseline {path} cannot be read: {problem.strerror}", _HOW) from None
    except ValueError:
        raise SluiceError(f"the baseline {path} is not JSON", _HOW) from None
    if not isinstance(plain, dict):
        raise SluiceError(f"the baseline {path} is not an object of metrics", _HOW)
    return plain


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bare(name: str) -> str:
    return "".join(mark for mark in name.lower() if mark.isalnum())


def _figure(value: Any) -> float | None:
    """A finite number, also one in text: Google's JSON writes 64-bit integers so."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = float(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


_HOW = 'Such a file:  {"auc": 0.71, "accuracy": 0.80, "rows": 1500}'
_REMEDY = (
    "Improve the model, or allow more in `evaluator.baseline.no_worse_by`; the baseline's SavedModel "
    "(`evaluator.baseline.saved_model`) would be compared on the same rows, which decides with fewer of them."
)
