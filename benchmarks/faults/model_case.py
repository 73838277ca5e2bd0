"""A case for the ModelGate: a real model, trained briefly on real rows, with its answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.faults.case import as_arrow, assign
from benchmarks.faults.tables import SOURCES, TableSource
from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.model.evidence import (
    EVALUATED,
    TRAINING,
    Combination,
    ModelEvidence,
    Operation,
    Predicted,
    Probe,
    RawRows,
    Regrouped,
    Replay,
    transformed_name,
)
from gates.model.gate import judge_model
from gates.tables.table import Table
from gates.verdict.finding import GateReport

SHARES = {"train": 0.6, "eval": 0.2, "test": 0.2}
REPLAYED = 512
_MOST_ROWS = 10_000
_HELD_CATEGORY = 20
_SIGNATURES = ("serving_default", "serving_examples")
_PARTS = (1, 2, 3, 5, 8, 13, 21, 34, 55)
# What the graph of an honest export holds beside arithmetic.
_OPERATIONS = ("ReadVariableOp", "StatefulPartitionedCall", "HashTableV2", "LookupTableFindV2")


@dataclass(frozen=True, eq=False)
class Trained:
    """A small network with its transform; both can be broken on purpose."""

    source: TableSource
    frames: dict[str, pd.DataFrame]
    classes: np.ndarray
    transform: Callable[[pd.DataFrame], np.ndarray]
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    older: tuple[list[np.ndarray], list[np.ndarray]]  # after a third of the epochs

    def labels(self, split: str) -> np.ndarray:
        """Class codes of a split."""
        return np.searchsorted(self.classes, self.frames[split][self.source.label].to_numpy())

    def logits(
        self,
        inputs: np.ndarray,
        dropout: np.random.Generator | None = None,
        older: bool = False,
    ) -> np.ndarray:
        """[rows, classes] of the network for transformed inputs."""
        weights, biases = self.older if older else (self.weights, self.biases)
        hidden = inputs
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < len(weights) - 1:
                hidden = np.maximum(hidden, 0)
                if dropout is not None:
                    hidden = hidden * (dropout.random(hidden.shape) < 0.7) / 0.7
        return np.column_stack([np.zeros(len(hidden)), hidden[:, 0]]) if hidden.shape[1] == 1 else hidden

    def scores(self, frame: pd.DataFrame) -> np.ndarray:
        """Probabilities of training and evaluation."""
        return softmax(self.logits(self.transform(frame)))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, safe against overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class ModelCase:
    """A trained model and the evidence for the gate."""

    trained: Trained
    evidence: ModelEvidence
    rng: np.random.Generator = field(repr=False)

    @property
    def source(self) -> TableSource:
        """The table of training."""
        return self.trained.source

    @property
    def replayed(self) -> pd.DataFrame:
        """The raw rows that every signature answered."""
        return self.trained.frames["test"].iloc[:REPLAYED]

    def with_evidence(self, **changes: Any) -> ModelCase:
        """The case with other evidence."""
        return replace(self, evidence=replace(self.evidence, **changes))

    def served(self, answer: Callable[[pd.DataFrame], np.ndarray], *names: str) -> ModelCase:
        """The case with other answers of some signatures (all served ones when none is named)."""
        names = names or ("serving_default", "serving_examples")

        def replay(each: Replay) -> Replay:
            if each.name not in names:
                return each
            return replace(each, scores=answer(self.replayed), again=answer(self.replayed))

        return self.with_evidence(replays=tuple(map(replay, self.evidence.replays)))

    def by_batch(self, answer: Callable[[pd.DataFrame], np.ndarray]) -> ModelCase:
        """The case with answers that may depend on the whole batch, in training, evaluation and serving alike."""
        whole = answer(self.replayed)
        replays = tuple(replace(each, scores=whole, again=whole) for each in self.evidence.replays)
        return self.with_evidence(replays=replays, regrouped=_regrouped(answer, self.replayed, self.rng))

    def with_operation(self, kind: str, *, stateful: bool) -> ModelCase:
        """The case with one more operation in the graph of a signature; the replayed answers are the same."""
        operation = Operation("serving_default", kind, kind.lower(), stateful)
        return self.with_evidence(operations=(*(self.evidence.operations or ()), operation))

    def judge(self) -> GateReport:
        """The gate's verdict."""
        return judge_model(self.evidence)


def model_case(source: TableSource, seed: int, rows: int | None) -> ModelCase:
    """A clean case: a sound model, every signature agrees to float32, probes are finite."""
    trained = _trained(source.name, seed, rows or _MOST_ROWS)
    rng = np.random.default_rng([seed, 3])
    predicted: dict[str, Any] = {
        split: Predicted.of(trained.labels(split), trained.scores(trained.frames[split])) for split in SHARES
    }
    rows_replayed = trained.frames["test"].iloc[:REPLAYED]
    true = trained.scores(rows_replayed)
    replays = [Replay(name, true, true) for name in (TRAINING, EVALUATED)]
    # A served graph computes in another order: the last bits of float32 differ.
    near = true + 1e-7 * rng.standard_normal(true.shape)
    replays += [
        Replay(name, near, near, f"{len(true)} rows of test") for name in ("serving_default", "serving_examples")
    ]
    sample = rows_replayed.astype(str)
    evidence = ModelEvidence(
        classes=tuple(map(str, trained.classes)),
        **predicted,
        replays=tuple(replays),
        replayed_rows=RawRows(tuple(sample.columns[:8]), [tuple(row) for row in sample.iloc[:, :8].to_numpy()]),
        replayed_labels=trained.labels("test")[: len(true)],
        probes=tuple(_probes(trained, rows_replayed.iloc[:64])),
        combinations=tuple(_combinations(trained, rows_replayed, rng)),
        regrouped=_regrouped(trained.scores, rows_replayed, rng, 1e-7),
        operations=tuple(Operation(name, kind, kind.lower(), True) for name in _SIGNATURES for kind in _OPERATIONS),
        unloadable="",
        test_slices=_slices(trained),
        transformed={} if source.image else {split: _transformed(trained, split) for split in ("train", "test")},
        blessed=Predicted.of(
            trained.labels("test"), _trained(source.name, seed, rows or _MOST_ROWS, 1).scores(trained.frames["test"])
        ),
    )
    return ModelCase(trained, evidence, rng)


def _probes(trained: Trained, rows: pd.DataFrame) -> list[Probe]:
    if trained.source.image:
        return []
    columns = [name for name in rows.columns if name != trained.source.label]
    return [Probe(name, "missing", trained.scores(rows.assign(**{name: None}))) for name in columns]


def _transformed(trained: Trained, split: str) -> Data:
    """Raw columns, and what the network reads of them."""
    frame = trained.frames[split]
    made = trained.transform(frame)
    features = pd.DataFrame(made, columns=[transformed_name(f"input[{i}]") for i in range(made.shape[1])])
    table = as_arrow(pd.concat([frame.reset_index(drop=True), features], axis=1))
    label = trained.source.label
    return Data(Table.of(split, table), declared=Declared(label=label, categorical=frozenset({label})))


def _combinations(trained: Trained, rows: pd.DataFrame, rng: np.random.Generator) -> list[Combination]:
    """Rows that lack two columns each, or half of them."""
    columns = [name for name in rows.columns if name != trained.source.label]
    if trained.source.image or len(columns) < 2:
        return []
    pairs = [tuple(pair) for pair in combinations(columns, 2)][:100]
    halves = [tuple(name for name in columns if rng.random() < 0.5) for _ in range(20)]
    lacking = [*pairs, *(each for each in halves if len(each) > 1)]
    frame = rows.iloc[np.arange(len(lacking)) % len(rows)].reset_index(drop=True)
    for name in columns:
        frame[name] = frame[name].mask([name in each for each in lacking])
    return [Combination("", lacking, trained.scores(frame))]


def _regrouped(
    answer: Callable[[pd.DataFrame], np.ndarray], rows: pd.DataFrame, rng: np.random.Generator, rounding: float = 0.0
) -> tuple[Regrouped, ...]:
    """The answers among all rows, in another order, and in batches of several sizes."""
    whole, numbers = answer(rows), rng.permutation(len(rows))[: sum(_PARTS) + 100]
    parts = np.split(numbers, np.cumsum(_PARTS))
    found = {
        "in another order": answer(rows.iloc[numbers]),
        "in batches of other sizes": np.concatenate([answer(rows.iloc[part]) for part in parts if len(part)]),
    }
    return tuple(
        Regrouped(name, way, whole[numbers], scores + rounding * rng.standard_normal(scores.shape), numbers, whole)
        for name in _SIGNATURES
        for way, scores in found.items()
    )


def _slices(trained: Trained) -> dict[str, np.ndarray]:
    test = trained.frames["test"]
    if trained.source.image:
        # Not by class: two sound models truly trade the recall of one class for another's.
        ink = test.drop(columns=trained.source.label).mean(axis=1)
        return {"ink": np.array(["little", "some", "much"])[np.searchsorted(ink.quantile([1 / 3, 2 / 3]), ink)]}
    return {
        trained.source.roles[role]: test[trained.source.roles[role]].astype("string").fillna("(missing)").to_numpy(str)
        for role in ("category", "slice")
        if trained.source.has(role)
    }


@functools.lru_cache(maxsize=6)
def _trained(name: str, seed: int, rows: int, start: int = 0) -> Trained:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    source = SOURCES[name]
    frames = dict(assign(source, seed, SHARES, rows=min(rows, len(source.raw))).frames)
    transform = _of_pixels(source, frames["train"]) if source.image else _of_columns(source, frames["train"])
    inputs, labels = transform(frames["train"]), frames["train"][source.label].to_numpy()
    model = MLPClassifier(
        (64,), alpha=1e-3, batch_size=128, max_iter=1, warm_start=True, random_state=seed + 100 * start
    )
    epochs = 24 if len(inputs) < 3000 else 9
    older = None
    with threadpool_limits(limits=1):
        for epoch in range(epochs):
            model.partial_fit(inputs, labels, classes=np.unique(labels)) if epoch == 0 else model.partial_fit(
                inputs, labels
            )
            if epoch == epochs // 3 - 1:
                older = [each.copy() for each in model.coefs_], [each.copy() for each in model.intercepts_]
    assert older is not None
    return Trained(source, frames, model.classes_, transform, model.coefs_, model.intercepts_, older)


def _of_pixels(source: TableSource, train: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    names = [name for name in train.columns if name != source.label]
    # Scaled and centred, as usual: a graph without the scaling lacks the centring as well.
    pixels = train[names].to_numpy(np.float64)
    top, mean = pixels.max(), pixels.mean() / pixels.max()
    return lambda frame: frame[names].to_numpy(np.float64) / top - mean


def _of_columns(source: TableSource, train: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    """Numbers as ranks of train's quantiles, categories one-hot; missing and unknown values are 0."""
    made: list[Callable[[pd.DataFrame], np.ndarray]] = []
    for name in train.columns.drop(source.label):
        if not pd.api.types.is_numeric_dtype(train[name]):
            values = train[name].value_counts().index[:_HELD_CATEGORY].to_list()
            made.append(lambda f, n=name, v=values: np.column_stack([(f[n] == each).to_numpy(float) for each in v]))
            continue
        numbers = pd.to_numeric(train[name]).dropna().to_numpy(float)
        grid = np.quantile(numbers, np.linspace(0, 1, 51)) if len(numbers) else np.zeros(51)
        made.append(
            lambda f, n=name, g=grid: np.nan_to_num(
                np.interp(pd.to_numeric(f[n]).to_numpy(float, na_value=np.nan), g, np.linspace(-1, 1, 51))
            )[:, None]
        )
    return lambda frame: np.hstack([each(frame) for each in made])
