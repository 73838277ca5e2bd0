"""What an evaluation measured: typed figures with their intervals, in and out of JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OVERALL = "overall"
LAST_BLESSED, OUTSIDE_BASELINE = "the last blessed model", "the outside baseline"


@dataclass(frozen=True)
class MetricEstimate:
    """One metric on one slice of test, for the candidate and, when there is one, the last blessed model."""

    metric: str  # "auc"
    slice: str  # OVERALL, "company=Flash Cab", "company=Flash Cab, trip_start_hour=9" or "class Pullover"
    n: int  # rows of test in the slice
    value: float
    lower: float  # two-sided interval at the configured confidence
    upper: float
    blessed_value: float | None = None  # the last blessed model, on the same rows
    change: float | None = None  # value - blessed_value
    change_lower: float | None = None
    change_upper: float | None = None


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts on test; `counts[i][j]` is how many rows of class `labels[i]` were predicted as `labels[j]`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ClassPerformance:
    """One class of a model with several on all test rows: how much of it is found, and how much of what is taken for
    it is right. `recall.n` are the rows of the class, `precision.n` those that are predicted as it."""

    name: str
    recall: MetricEstimate
    precision: MetricEstimate
    f1: float

    @property
    def n(self) -> int:
        """Test rows of the class (its support)."""
        return self.recall.n

    @property
    def predicted(self) -> int:
        """Test rows that are predicted as the class."""
        return self.precision.n


@dataclass(frozen=True)
class Reference:
    """A simple model fitted on the same train split, for comparison."""

    name: str  # "majority class", "gradient-boosted trees"
    estimates: tuple[MetricEstimate, ...]


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured on test in one run."""

    confidence: float
    estimates: tuple[MetricEstimate, ...]
    confusion: ConfusionMatrix | None = None
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    classes: tuple[ClassPerformance, ...] = ()  # of a model with [rows, classes] predictions, in order of the labels
    compared_with: str = LAST_BLESSED  # whose figures the blessed values are

    def overall(self) -> dict[str, MetricEstimate]:
        """The estimates on all test rows, by metric."""
        return {estimate.metric: estimate for estimate in self.estimates if estimate.slice == OVERALL}

    def to_json(self) -> dict[str, Any]:
        """A plain dict of the same shape, in which a figure that JSON cannot hold (NaN, infinity) is None."""
        plain: dict[str, Any] = _finite(dataclasses.asdict(self))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`."""
        confusion = plain["confusion"]
        return cls(
            confidence=plain["confidence"],
            estimates=tuple(_estimate(estimate) for estimate in plain["estimates"]),
            confusion=confusion
            and ConfusionMatrix(tuple(confusion["labels"]), tuple(tuple(row) for row in confusion["counts"])),
            references=tuple(
                Reference(entry["name"], tuple(_estimate(estimate) for estimate in entry["estimates"]))
                for entry in plain["references"]
            ),
            notes=tuple(plain["notes"]),
            classes=tuple(_class(entry) for entry in plain.get("classes", ())),
            compared_with=plain.get("compared_with", LAST_BLESSED),
        )


def _finite(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _estimate(plain: Mapping[str, Any]) -> MetricEstimate:
    """A figure that was not finite comes back as NaN; one that was never there stays None."""
    figures = {key: math.nan if plain[key] is None else plain[key] for key in ("value", "lower", "upper")}
    return MetricEstimate(**{**plain, **figures})


def _class(plain: Mapping[str, Any]) -> ClassPerformance:
    f1 = math.nan if plain["f1"] is None else plain["f1"]
    return ClassPerformance(plain["name"], _estimate(plain["recall"]), _estimate(plain["precision"]), f1)
