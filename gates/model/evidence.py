"""The ModelGate's evidence: labels and predictions as arrays. The pipeline fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.data.evidence import Data
from gates.data.units import Unit
from gates.tables.table import Codes, Floats, Mask
from gates.verdict.catalogue import Need

# The replay that all others are compared with.
TRAINING = "training"
EVALUATED = "evaluated"

_MADE = " (transformed)"

# Softmax in half precision is off by some thousandths; logits and raw counts are off by more.
_ROUNDING = 0.01
# 1e-3 instead of 1e-5.
_ACROSS_DEVICES = 100.0


def transformed_name(feature: str) -> str:
    """A transformed feature beside the raw columns, of which one may have its name."""
    return feature + _MADE


def is_transformed(column: str) -> bool:
    """Whether a column of the evidence was made by Transform."""
    return column.endswith(_MADE)


@dataclass(frozen=True, eq=False)
class Predicted:
    """Labels and predictions of the same rows. Use `Predicted.of`, which accepts every usual shape.

    Scores that are not finite or not probabilities are kept: `valid_scores` judges them, the other checks leave those
    rows out by `sound`. `groups` are codes of the rows' entities, or contents, where these were drawn and not rows.
    """

    labels: NDArray[Any]  # [rows]: int64 class codes (below 0: no label), or float64 for a regression
    scores: Floats  # [rows, classes] probabilities, or [rows] values of a regression
    is_regression: bool = False
    groups: Codes | None = None

    @classmethod
    def of(cls, labels: Any, scores: Any, is_regression: bool = False, groups: Any = None) -> Predicted:
        """Binary scores may be [rows] or [rows, 1]: they become two columns.

        Raises:
          ValueError: when labels and predictions are not of the same length.
        """
        kind = np.float64 if is_regression else np.int64
        with np.errstate(invalid="ignore"):  # a label that is no number becomes a code far below 0
            label_values = np.asarray(labels).reshape(-1).astype(kind)
        values = as_scores(scores, is_regression)
        if len(values) != len(label_values):
            raise ValueError(f"{len(label_values)} labels and {len(values)} predictions are not of the same rows")
        return cls(label_values, values, is_regression, None if groups is None else np.asarray(groups).reshape(-1))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return 0 if self.is_regression else self.scores.shape[1]

    @cached_property
    def valid(self) -> Mask:
        """Rows whose scores are finite and, for a classification, probabilities."""
        finite = np.isfinite(self.scores)
        if self.is_regression:
            return finite
        with np.errstate(invalid="ignore", over="ignore"):
            within = ((self.scores >= -_ROUNDING) & (self.scores <= 1 + _ROUNDING)).all(axis=1)
            return finite.all(axis=1) & within & (np.abs(self.scores.sum(axis=1) - 1) <= _ROUNDING)

    @cached_property
    def sound(self) -> Mask:
        """Rows with valid scores and a label among the model's classes."""
        if self.is_regression:
            return self.valid & np.isfinite(self.labels)
        return self.valid & (self.labels >= 0) & (self.labels < self.classes)

    def only(self, kept: Mask) -> Predicted:
        """The rows of a mask."""
        groups = None if self.groups is None else self.groups[kept]
        return Predicted(self.labels[kept], self.scores[kept], self.is_regression, groups)

    @cached_property
    def answers(self) -> NDArray[Any]:
        """The class with the highest probability, or the value of a regression."""
        return self.scores if self.is_regression else self.scores.argmax(axis=1)


def as_scores(scores: Any, is_regression: bool = False) -> Floats:
    """[rows, classes] of probabilities, or [rows] of a regression's values, as float64."""
    values = np.atleast_1d(np.asarray(scores, dtype=np.float64))
    if is_regression:
        return values.reshape(-1)
    if values.ndim == 1:
        values = values[:, None]
    return np.column_stack([1 - values[:, 0], values[:, 0]]) if values.shape[1] == 1 else values


@dataclass(frozen=True, eq=False)
class Replay:
    """The answers for the same raw rows through one path.

    `name`: "training" (training transform and model), "evaluated" (what Evaluator stored), or the signature:
    "serving_default", "serving_examples". `scores` are shaped by `as_scores`; `again` is a second, identical call;
    `last` is one after all other calls; `error` is the message of a call that failed.
    """

    name: str
    scores: Any
    again: Any = None
    rows: str = ""  # a description of the rows: "512 rows of test"
    error: str = ""
    last: Any = None


@dataclass(frozen=True, eq=False)
class GoldenReplay:
    """The golden requests of the export: the recorded answers and those of the endpoint's process, [requests, scores];
    `error` says why there are none to compare."""

    recorded: Any = None
    answered: Any = None
    error: str = ""


@dataclass(frozen=True, eq=False)
class Probe:
    """Predictions for rows in which one optional raw field was missing, unknown or extreme."""

    field: str
    case: str  # "missing", "unknown category", "extreme value"
    scores: Any
    error: str = ""  # the message of a call that failed


@dataclass(frozen=True, eq=False)
class Combination:
    """Predictions for rows that lack several optional fields each: `lacking` names those of every row."""

    way: str  # "" or "in a tf.Example"
    lacking: Sequence[tuple[str, ...]]
    scores: Any
    error: str = ""


@dataclass(frozen=True, eq=False)
class Regrouped:
    """The answers for the same rows among all rows (`together`) and in other company (`scores`), in the same order."""

    signature: str
    way: str  # "in another order", "in batches of other sizes", "alone"
    together: Any
    scores: Any
    rows: NDArray[np.intp] | None = None  # their numbers among the replayed rows; None where they are others
    whole: Any = None  # the answers for all replayed rows
    error: str = ""


@dataclass(frozen=True)
class Operation:
    """An operation of the exported graph. `stateful` as TensorFlow declares it (None: it has no such operation);
    `outside`: it reads a table from a file that is no asset of the export."""

    signature: str  # or "initialiser", which runs when the model is loaded
    kind: str
    node: str
    stateful: bool | None
    outside: bool = False


@dataclass(frozen=True)
class Literal:
    """A number or text in the exported graph that the code wrote there. `against`: it is subtracted from, added to or
    compared with what is no literal."""

    value: float | str
    node: str
    against: bool


@dataclass(frozen=True)
class SimpleModel:
    """One figure of a simple model that was fitted on train, on the same test rows, with its standard error."""

    name: str  # "gradient-boosted trees"
    metric: str  # "auc", "accuracy"
    value: float
    error: float


@dataclass(frozen=True)
class RawRows:
    """The replayed rows as text, so that a finding can show the row with the largest difference."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Budgets:
    """Budgets from the configuration. `same_machine`: replays ran the same binary on the same kind of device."""

    p99_ms: float | None = None
    size_mb: float | None = None
    same_machine: bool = True

    def tolerance(self, margin: float) -> float:
        """The largest difference that rounding may make where `margin` is that on one machine: other kernels add up in
        another order and precision."""
        return margin if self.same_machine else margin * _ACROSS_DEVICES


@dataclass(frozen=True, eq=False)
class ModelEvidence:
    """The predictions of one trained model. Every part may be absent; the checks that need it are then skipped."""

    classes: tuple[str, ...] = ()
    train: Predicted | None = None  # a sample of train
    eval: Predicted | None = None
    test: Predicted | None = None
    replays: tuple[Replay, ...] = ()
    golden: GoldenReplay | None = None
    replayed_rows: RawRows | None = None
    replayed_labels: NDArray[Any] | None = None
    probes: tuple[Probe, ...] = ()
    probes_looked_at: str = ""  # the bound of the probes, where fields are left out
    combinations: tuple[Combination, ...] = ()
    regrouped: tuple[Regrouped, ...] = ()
    operations: tuple[Operation, ...] | None = None  # of the exported graph
    literals: tuple[Literal, ...] | None = None  # of the exported graph
    made: tuple[float, ...] = ()  # when the graphs of transformation and model were written, in seconds since 1970
    unloadable: str | None = None  # why a copy of the export cannot be loaded; "": it was loaded; None: not tried
    test_slices: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # column → its value in each test row
    blessed: Predicted | None = None  # the last blessed model on the same test rows in the same order
    best_stump: Predicted | None = None  # the best single-feature model, fitted on train, on the same test rows
    stump_feature: str = "the best single feature"
    stump_looked_at: str = ""  # the bound of the search for it
    references: tuple[SimpleModel, ...] = ()
    importances: Mapping[str, float] = field(default_factory=dict)  # feature → loss of AUC or accuracy when permuted
    latency_ms: Floats | None = None  # single requests
    export_bytes: int | None = None
    budgets: Budgets = Budgets()
    transformed: Mapping[str, Data] = field(default_factory=dict)
    """Split → its rows as `Data.train`: raw columns, and what Transform makes of them, by `transformed_name`."""
    constants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Lists of texts or whole numbers in the graph of Transform, by the name of the constant or of the file."""
    split_by: Unit = Unit.ROW  # the unit of sampling of the split into train, eval and test

    def lacks(self, needs: tuple[Need, ...]) -> Need | None:
        """The first need that is not met."""
        there = {
            Need.TRAIN_PREDICTIONS: self.train is not None,
            Need.EVAL_PREDICTIONS: self.eval is not None,
            Need.TEST_PREDICTIONS: self.test is not None,
            Need.REPLAYS: bool(self.replays),
            Need.GOLDEN: self.golden is not None,
            Need.PROBES: bool(self.probes),
            Need.COMBINATIONS: bool(self.combinations),
            Need.REGROUPED: bool(self.regrouped),
            Need.OPERATIONS: self.operations is not None,
            Need.LITERALS: self.literals is not None,
            Need.LOADED: self.unloadable is not None,
            Need.SLICES: bool(self.test_slices),
            Need.BLESSED: self.blessed is not None,
            Need.REFERENCES: bool(self.references),
            Need.STUMP: self.best_stump is not None,
            Need.IMPORTANCES: bool(self.importances),
            Need.LATENCY: self.budgets.p99_ms is not None,
            Need.CONSTANTS: bool(self.constants),
            Need.TRANSFORMED: bool(self.transformed),
            Need.SIZE: self.budgets.size_mb is not None,
        }
        return next((need for need in needs if not there.get(need, False)), None)

    @property
    def is_regression(self) -> bool:
        """Whether the model predicts a number, by its predictions."""
        return any(each is not None and each.is_regression for each in (self.test, self.eval, self.train))

    def class_name(self, code: int) -> str:
        """The name of a class."""
        return self.classes[code] if 0 <= code < len(self.classes) else str(code)
