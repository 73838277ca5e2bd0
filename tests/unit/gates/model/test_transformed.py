"""A transformed feature that knows the label is refused; what an honest computation of raw columns reaches is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.model.evidence import ModelEvidence, transformed_name
from gates.tables.table import Table
from gates.verdict.finding import Severity
from tests.samples.contamination import LABEL, WITHHELD, rides
from tests.samples.fitted_models import verdict


def tumours() -> tuple[pd.DataFrame, str]:
    """A label that honest columns nearly give."""
    return load_breast_cancer(as_frame=True).frame, "target"


def taxi() -> tuple[pd.DataFrame, str]:
    """A label that honest columns hardly give, with a key of each row."""
    frame = rides().drop(columns=list(WITHHELD)).iloc[:6_000]
    return frame.assign(ride=[f"r{i:05d}" for i in np.random.default_rng(0).permutation(len(frame))]), LABEL


TABLES = pytest.mark.parametrize("source", [tumours, taxi])


def honest(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    """Each number scaled, in its tenths, and as a logarithm."""
    names = [name for name in frame.select_dtypes("number").columns if name != label]
    made = {}
    for name in names:
        values = frame[name].astype("float64")
        made[f"{name}_scaled"] = (values - values.mean()) / (values.std() or 1.0)
        made[f"{name}_bucket"] = values.rank(pct=True).mul(10).round()
        made[f"{name}_log"] = np.log1p(values.abs())
    return pd.DataFrame(made)


def evidence(frame: pd.DataFrame, label: str, **made: dict[str, np.ndarray]) -> ModelEvidence:
    """The first two thirds are train, the rest test; `made`: further transformed features by split."""
    cut = len(frame) * 2 // 3
    found = {}
    for split, rows in (("train", slice(0, cut)), ("test", slice(cut, None))):
        part = frame.iloc[rows].reset_index(drop=True)
        features = honest(part, label).assign(**{name: values[rows] for name, values in made.get(split, {}).items()})
        features.columns = [transformed_name(name) for name in features.columns]
        table = pa.Table.from_pandas(pd.concat([part, features], axis=1), preserve_index=False)
        declared = Declared(label=label, categorical=frozenset({label}))
        found[split] = Data(Table.of(split, table), declared=declared)
    return ModelEvidence(transformed=found)


def refused(given: ModelEvidence) -> set[str]:
    """The subjects of what blocks."""
    return {each.subject for each in verdict(given).of(Severity.BLOCK)}


@TABLES
def test_honest_transformations_pass(source) -> None:
    report = verdict(evidence(*source()))
    assert "transformed_leakage" in report.checks_run
    assert not report.of(Severity.BLOCK)


@pytest.mark.parametrize(("source", "known"), [(tumours, 1.0), (taxi, 1.0), (taxi, 0.9)])
def test_refuses_a_look_up_that_knows_the_label(source, known: float) -> None:
    frame, label = source()
    right = np.random.default_rng(1).random(len(frame)) < known
    risk = {"risk": np.where(right, frame[label].to_numpy(), 0).astype(float)}
    found = refused(evidence(frame, label, train=risk, test=risk))
    assert found == {"risk (transformed) in train", "risk (transformed) in test"}


@TABLES
def test_refuses_a_look_up_that_holds_the_labels_of_test_alone(source) -> None:
    frame, label = source()
    nothing, labels = {"risk": np.zeros(len(frame))}, {"risk": frame[label].to_numpy().astype(float)}
    assert refused(evidence(frame, label, train=nothing, test=labels)) == {"risk (transformed) in test"}


def test_a_raw_column_that_the_data_gate_has_judged_is_not_reported_again() -> None:
    """Waived there, or let pass for what its siblings reach: its scaled copy is no news."""
    frame, label = taxi()
    known = frame.assign(estimate=frame[label] + np.random.default_rng(2).normal(0, 0.1, len(frame)))
    assert not refused(evidence(known, label))


def test_a_feature_that_trees_could_compute_of_raw_columns_passes() -> None:
    """The sum of two columns decides the label, and no column alone is near it."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(3_000, 4)), columns=list("abcd"))
    noisy = frame["a"] + frame["b"] + rng.normal(0, 1.0, len(frame))
    frame = frame.assign(label=(noisy > 0).astype(int))
    together = {"sum": (frame["a"] + frame["b"]).to_numpy()}
    assert not refused(evidence(frame, "label", train=together, test=together))


def bmi(rng: np.random.Generator, rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A ratio of two columns, that a label follows steeply."""
    height, weight = rng.normal(1.7, 0.1, rows), rng.normal(75, 15, rows)
    index = weight / height**2
    label = rng.random(rows) < 1 / (1 + np.exp(-(index - 27) * 1.2))
    return pd.DataFrame({"height": height, "weight": weight, "other": rng.normal(size=rows), "label": label}), index


def weekend(rng: np.random.Generator, rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The day of the week, that trees cannot compute from seconds."""
    seconds = rng.integers(1_672_531_200, 1_704_067_200, rows)
    is_weekend = (seconds // 86_400 + 3) % 7 >= 5
    label = rng.random(rows) < np.where(is_weekend, 0.85, 0.1)
    frame = pd.DataFrame({"at": seconds, "fare": rng.gamma(2, 5, rows), "zone": rng.choice(list("abcd"), rows)})
    return frame.assign(label=label), is_weekend


def counted_words(rng: np.random.Generator, rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """How often a word is in a text, which trees cannot read."""
    label = rng.random(rows) < 0.4
    count = rng.poisson(np.where(label, 4, 0.6))
    others = rng.choice(list("abcdefghij"), (rows, 7))
    text = [" ".join(["free"] * n + [*words, str(i)]) for i, (n, words) in enumerate(zip(count, others, strict=True))]
    frame = pd.DataFrame({"text": text, "length": rng.normal(size=rows), "hour": rng.integers(0, 24, rows)})
    return frame.assign(label=label), count


@pytest.mark.parametrize("made", [bmi, weekend, counted_words])
def test_warns_of_what_preprocessing_may_honestly_compute(made) -> None:
    frame, feature = made(np.random.default_rng(0), 4_500)
    frame, values = frame.assign(label=frame["label"].astype(int)), {"made": feature.astype(float)}
    report = verdict(evidence(frame, "label", train=values, test=values))
    assert not report.of(Severity.BLOCK)
    found = [each for each in report.of(Severity.WARN) if each.check == "transformed_leakage"]
    assert found
    assert all("was filled with labels" not in each.remedy for each in found)


def test_refuses_a_feature_that_is_far_better_in_one_split() -> None:
    """Means of the label by a key, of train's own rows, beside a text that preprocessing might have read."""
    rng = np.random.default_rng(0)
    frame, _ = counted_words(rng, 6_000)
    label = (rng.random(len(frame)) < 0.4).astype(int)
    known = np.where(rng.random(len(frame)) < 0.9, label, 0).astype(float)
    guess = rng.permutation(known)
    found = refused(evidence(frame.assign(label=label), "label", train={"risk": known}, test={"risk": guess}))
    assert found == {"risk (transformed) in train"}
