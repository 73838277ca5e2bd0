"""Everything that is known of a blessed model, and the files that hold it for people and for programs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gates.evaluation.metrics import Evaluation, MetricEstimate
from gates.evaluation.slices import OVERALL
from gates.verdict.finding import GateReport
from models.export.model_run import TrainingRecord
from registry.class_table import ClassLine, class_lines
from registry.contract import Figure
from registry.recipe import Recipe
from registry.run_configuration import CardFacts, Environment

CARD_FILE, IMAGE_FILE = "model_card.md", "confusion_matrix.png"


@dataclass(frozen=True)
class RequestTimes:
    """Milliseconds of single requests to the exported model, on the machine that ran the ModelGate."""

    requests: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, milliseconds: ArrayLike) -> RequestTimes | None:
        """The percentiles of measured times; None when nothing was measured."""
        times = np.asarray(milliseconds, dtype=np.float64)
        times = times[np.isfinite(times)]
        if not len(times):
            return None
        return cls(len(times), *(float(np.quantile(times, share, method="higher")) for share in (0.5, 0.95, 0.99)))


@dataclass(frozen=True)
class VersionRecord:
    """The content of the files of a version."""

    recipe: Recipe
    card: CardFacts
    rows: Mapping[str, int]  # by split
    evaluation: Evaluation
    gates: tuple[GateReport, ...]
    request_times: RequestTimes | None
    training: TrainingRecord | None  # None where the Trainer left none
    environment: Environment

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures by which versions are listed and compared."""
        found = {name: _figure(estimate) for name, estimate in self.evaluation.overall().items() if _is_known(estimate)}
        if self.request_times:
            found["p99_ms"] = Figure(self.request_times.p99)
        return found

    @property
    def classes(self) -> list[ClassLine]:
        """Recall and precision by class."""
        return class_lines(self.evaluation)

    @property
    def metrics(self) -> dict[str, Any]:
        """All that was measured on test, and how long a request takes."""
        slices: dict[str, dict[str, Any]] = {}
        for estimate in self.evaluation.estimates:
            slices.setdefault(estimate.slice.name, {"rows": estimate.n})[estimate.metric] = _measured(estimate)
        return {
            "confidence": self.evaluation.confidence,
            "overall": slices.pop(OVERALL.name, {}),
            "slices": slices,
            "references": {
                reference.name: {estimate.metric: _measured(estimate) for estimate in reference.estimates}
                for reference in self.evaluation.references
            },
            "request_milliseconds": dataclasses.asdict(self.request_times) if self.request_times else None,
        }


def _is_known(estimate: MetricEstimate) -> bool:
    return all(math.isfinite(value) for value in (estimate.value, estimate.lower, estimate.upper))


def _figure(estimate: MetricEstimate) -> Figure:
    return Figure(estimate.value, estimate.lower, estimate.upper)


def _measured(estimate: MetricEstimate) -> dict[str, float | None]:
    """A figure that could not be computed is null; what it was compared with stands beside it."""
    named = {
        "value": estimate.value,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "blessed_value": estimate.blessed_value,
        "change": estimate.change,
        "change_lower": estimate.change_lower,
        "change_upper": estimate.change_upper,
    }
    plain = {name: value if value is not None and math.isfinite(value) else None for name, value in named.items()}
    return {name: value for name, value in plain.items() if value is not None or name in ("value", "lower", "upper")}
