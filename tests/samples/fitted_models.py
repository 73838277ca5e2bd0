"""Small real models for the tests of the ModelGate: handwritten digits, tumours and taxi rides."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from gates.model.evidence import EVALUATED, TRAINING, ModelEvidence, Predicted, Probe, Replay
from gates.model.gate import judge_model
from gates.verdict.finding import GateReport, Severity
from gates.verdict.settings import GateSettings

Array = NDArray[Any]
Predict = Callable[[Array], Array]
TODAY = date(2026, 11, 21)
COLUMNS = ["trip_miles", "fare", "trip_seconds", "trip_start_hour", "pickup_latitude", "pickup_longitude"]


@functools.cache
def table(name: str) -> tuple[Array, Array, Array]:
    """Raw features, labels, and a column to slice by."""
    if name == "digits":
        features, labels = load_digits(return_X_y=True)
        return features, labels, np.where(features.sum(axis=1) > 310, "dark", "light")
    if name == "tumours":
        features, labels = load_breast_cancer(return_X_y=True)
        return features, labels, np.where(features[:, 0] > 13, "large", "small")
    rides = _rides()
    return rides[COLUMNS].to_numpy(), rides["big_tipper"].to_numpy(), rides["payment_day"].to_numpy()


def _rides() -> pd.DataFrame:
    found = importlib.util.find_spec("tfx")
    assert found is not None and found.submodule_search_locations
    source = Path(found.submodule_search_locations[0]) / "examples/chicago_taxi_pipeline/data/simple/data.csv"
    rides = pd.read_csv(source).dropna(subset=[*COLUMNS, "tips"])
    rides["big_tipper"] = (rides["tips"] > 0.2 * rides["fare"]).astype("int64")
    return rides.assign(payment_day=rides["trip_start_day"].astype(str))


@dataclass(frozen=True)
class Trained:
    """A model with its preparation, and the raw rows of each split."""

    predict: Predict
    rows: dict[str, Array]
    labels: dict[str, Array]
    slices: Array

    def predicted(self, split: str, predict: Predict | None = None) -> Predicted:
        """Labels and predictions of a split."""
        return Predicted.of(self.labels[split], (predict or self.predict)(self.rows[split]))

    def evidence(self, predict: Predict | None = None, **changed: Any) -> ModelEvidence:
        """What a sound pipeline gathers; `predict` replaces the model everywhere."""
        answer = predict or self.predict
        replayed = self.rows["test"][:500]
        given: dict[str, Any] = {
            **{split: self.predicted(split, answer) for split in ("train", "eval", "test")},
            "replays": replays(answer(replayed)),
            "replayed_labels": self.labels["test"][: len(replayed)],
            "probes": tuple(Probe("fare", case, answer(replayed[:20])) for case in ("missing", "unknown", "extreme")),
            "test_slices": {"kind": self.slices},
        }
        return ModelEvidence(**{**given, **changed})


def replays(scores: Array, **other: Array) -> tuple[Replay, ...]:
    """Every way of asking gives `scores`, in the precision of a server, but for those named otherwise."""
    ways = {TRAINING: scores, EVALUATED: scores, "serving_default": scores, "serving_examples": scores, **other}
    return tuple(Replay(name, rounded(answer), again=rounded(answer)) for name, answer in ways.items())


def rounded(scores: Array) -> Array:
    """As 32-bit floats."""
    return np.asarray(scores, dtype=np.float32)


@functools.lru_cache(maxsize=64)
def trained(name: str, seed: int = 0, shares: tuple[float, float] = (0.6, 0.2)) -> Trained:
    """Logistic regression on standardised columns, on a random split."""
    return fitted(name, LogisticRegression(max_iter=25 if name == "digits" else 200), seed, shares)


def fitted(name: str, model: Any, seed: int = 0, shares: tuple[float, float] = (0.6, 0.2)) -> Trained:
    """Any classifier of scikit-learn, on a random split."""
    features, labels, slices = table(name)
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = dict(zip(("train", "eval", "test"), np.split(order, _cuts(len(order), shares)), strict=True))
    mean, spread = features[parts["train"]].mean(axis=0), features[parts["train"]].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)

    def prepare(raw: Array) -> Array:
        return np.asarray((raw - mean) / spread)

    with threadpool_limits(limits=1):
        model.fit(prepare(features[parts["train"]]), labels[parts["train"]])

    def predict(raw: Array) -> Array:
        return np.asarray(model.predict_proba(prepare(raw)))

    return Trained(
        predict,
        {split: features[part] for split, part in parts.items()},
        {split: labels[part] for split, part in parts.items()},
        slices[parts["test"]],
    )


def _cuts(rows: int, shares: tuple[float, float]) -> list[int]:
    return [int(rows * shares[0]), int(rows * (shares[0] + shares[1]))]


def sharpened(predict: Predict, times: float) -> Predict:
    """The same model with its logits multiplied."""

    def answer(raw: Array) -> Array:
        logits = times * np.log(np.clip(predict(raw), 1e-12, 1.0))
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    return answer


def verdict(evidence: ModelEvidence, strict: bool = False) -> GateReport:
    """What the gate says of it."""
    return judge_model(evidence, GateSettings(strict=strict), TODAY)


def blocking(evidence: ModelEvidence) -> set[str]:
    """The checks that refuse."""
    return {finding.check for finding in verdict(evidence).of(Severity.BLOCK)}
