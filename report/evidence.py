"""The outputs of a run for its report. Every part is optional: a refused or failed run has only some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.hyperparameters import Hyperparameters
from gates.evaluation.metrics import Evaluation
from gates.evaluation.mistakes import Mistake
from gates.verdict.finding import GateReport

if TYPE_CHECKING:
    # For the type alone: a run that stopped before StatisticsGen need not pay for the import.
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics


@dataclass(frozen=True)
class UnusableRows:
    """Rows that ingest left out because they could not be parsed or had no label."""

    count: int
    file: str | None = None  # holds the rows with their line numbers


@dataclass(frozen=True)
class TunerTrial:
    """One set of hyperparameters that the Tuner tried, and how it scored on eval: the lower the better."""

    name: str
    hyperparameters: Hyperparameters
    score: float | None  # None when it failed
    chosen: bool = False
    state: Literal["completed", "stopped", "failed"] = "completed"
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""  # why it was stopped or failed


@dataclass(frozen=True)
class Evidence:
    """The data of the report beyond the run record."""

    statistics: Mapping[str, DatasetFeatureStatistics] = field(default_factory=dict)  # by split
    label: str | None = None  # the label's column: drawn first
    unusable_rows: UnusableRows | None = None
    gates: tuple[GateReport, ...] = ()  # when empty, those of the run record
    evaluation: Evaluation | None = None
    mistakes: tuple[Mistake, ...] = ()  # of a model of images, with these
    judged_by: Literal["interval", "estimate"] = "interval"
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)  # {"loss": […], "val_loss": […]}
    training: Mapping[str, Any] | None = None  # as training.json of the model's run holds it
    trials: tuple[TunerTrial, ...] = ()
    lineage: Mapping[str, str | None] = field(default_factory=dict)  # in the order in which it is shown
    config_yaml: str | None = None
    next_command: str = ""  # the next command, as on the console
