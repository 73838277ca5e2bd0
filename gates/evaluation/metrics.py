"""The results of an evaluation: typed figures with their intervals, to and from JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from gates.evaluation.judgements import Decision, Judgement, LimitKind
from gates.evaluation.slices import OVERALL, Slice

LAST_BLESSED, OUTSIDE_BASELINE = "the last blessed model", "the outside baseline"


@dataclass(frozen=True)
class MetricEstimate:
    """One metric on one slice of test, for the candidate and, when there is one, the last blessed model."""

    metric: str  # "auc"
    slice: Slice
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
    """Recall and precision of one class, of a model with several, on all test rows. `recall.n` are the rows of the
    class, `precision.n` those that are predicted as it."""

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
    """Everything that was measured on test in one run, and what each limit of the configuration decided about it."""

    confidence: float
    estimates: tuple[MetricEstimate, ...]
    confusion: ConfusionMatrix | None = None
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    classes: tuple[ClassPerformance, ...] = ()  # of a model with [rows, classes] predictions, in order of the labels
    compared_with: str = LAST_BLESSED  # whose figures the blessed values are
    judgements: tuple[Judgement, ...] = ()  # in the order of the limits
    entities: int | None = None  # of test, where entities or contents were assigned to splits; intervals are of these

    def overall(self) -> dict[str, MetricEstimate]:
        """The estimates on all test rows, by metric."""
        return {estimate.metric: estimate for estimate in self.estimates if estimate.slice == OVERALL}

    def judgements_on(self, estimate: MetricEstimate) -> tuple[Judgement, ...]:
        """The judgements of the limits that apply to a figure."""
        return tuple(self._judged.get((estimate.metric, estimate.slice.name), ()))

    @cached_property
    def _judged(self) -> Mapping[tuple[str, str], list[Judgement]]:
        judged: dict[tuple[str, str], list[Judgement]] = {}
        for judgement in self.judgements:
            judged.setdefault((judgement.metric, judgement.slice.name), []).append(judgement)
        return judged

    def to_json(self) -> dict[str, Any]:
        """The same as a plain dict: a figure that JSON cannot hold (NaN, infinity) is None."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`; evaluations of earlier versions have no judgements."""
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
            entities=plain.get("entities"),
            judgements=tuple(_judgement(entry) for entry in plain.get("judgements", ())),
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Slice):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _figures(plain: Mapping[str, Any]) -> dict[str, float]:
    """A figure that was not finite comes back as NaN."""
    return {key: math.nan if plain[key] is None else plain[key] for key in ("value", "lower", "upper")}


def _estimate(plain: Mapping[str, Any], where: Slice | None = None) -> MetricEstimate:
    """An absent figure stays None; `where` is the slice, if it is not in `plain`."""
    return MetricEstimate(**{**plain, **_figures(plain), "slice": where or Slice.from_json(plain["slice"])})


def _class(plain: Mapping[str, Any]) -> ClassPerformance:
    f1 = math.nan if plain["f1"] is None else plain["f1"]
    recall, precision = (_estimate(plain[key], Slice.of_class(plain["name"])) for key in ("recall", "precision"))
    return ClassPerformance(plain["name"], recall, precision, f1)


def _judgement(plain: Mapping[str, Any]) -> Judgement:
    typed = {
        "slice": Slice.from_json(plain["slice"]),
        "kind": LimitKind(plain["kind"]),
        "decision": Decision(plain["decision"]),
    }
    return Judgement(**{**plain, **_figures(plain), **typed})
