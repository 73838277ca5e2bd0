"""The best single feature is found in train and scored on test, row for row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.model.stump import best_stump
from gates.tables.table import Table
from gates.verdict.catalogue import NotApplicable


def data_of(seed: int, label_of: str = "strong", classes: int = 2) -> tuple[Data, np.ndarray]:
    """Train and test with one strong feature; the labels of test in the order of its source."""
    rng = np.random.default_rng(seed)
    tables, labels = {}, np.empty(0)
    for name, rows in (("train", 2_000), ("test", 500)):
        columns = {"weak": rng.normal(size=rows), "strong": rng.normal(size=rows), "none": np.zeros(rows)}
        noisy = columns[label_of] + rng.normal(size=rows)
        labels = np.digitize(noisy, np.linspace(-1, 1, classes - 1)) if classes > 2 else (noisy > 0).astype(int)
        tables[name] = Table.of(name, pa.table({**columns, "label": labels}))
    return Data(tables["train"], {"test": tables["test"]}, declared=Declared(label="label")), labels


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_strong_feature_and_scores_test_in_its_own_order(seed: int) -> None:
    data, labels = data_of(seed)
    stump = best_stump(data)
    assert stump.feature == "strong"
    assert roc_auc_score(labels, stump.scores[:, 1]) > 0.75
    np.testing.assert_allclose(stump.scores.sum(axis=1), 1)


def test_knows_more_than_two_classes() -> None:
    data, labels = data_of(0, classes=4)
    stump = best_stump(data)
    assert stump.scores.shape == (500, 4)
    assert (stump.scores.argmax(axis=1) == labels).mean() > 0.4


def test_a_withheld_feature_is_not_looked_at() -> None:
    data, _ = data_of(1)
    withheld = Data(data.train, data.held_out, declared=Declared(label="label", withheld=frozenset({"strong"})))
    assert best_stump(withheld).feature != "strong"


def test_says_why_when_there_is_nothing_to_look_at() -> None:
    data, _ = data_of(1)
    nothing = Declared(label="label", withheld=frozenset({"strong", "weak", "none"}))
    with pytest.raises(NotApplicable, match="number or a category"):
        best_stump(Data(data.train, data.held_out, declared=nothing))


def wide(columns: int, classes: int, seed: int = 0) -> Data:
    """Features of chance, but for one that the label follows."""
    rng = np.random.default_rng(seed)
    tables = {}
    for name, rows in (("train", 800), ("test", 200)):
        labels = rng.integers(0, classes, rows)
        held = {f"n{i}": rng.normal(size=rows) for i in range(columns)}
        held["strong"] = labels + rng.normal(size=rows)
        tables[name] = Table.of(name, pa.table({**held, "label": labels}))
    return Data(tables["train"], {"test": tables["test"]}, declared=Declared(label="label", label_kind="classes"))


def test_of_many_features_and_classes_the_most_promising_are_boosted_and_that_is_stated() -> None:
    stump = best_stump(wide(30, 40))
    assert stump.feature == "strong"
    assert stump.looked_at.startswith("looked for the best single feature among 8 of 31 features")


def test_few_features_are_all_boosted_and_nothing_is_stated() -> None:
    assert best_stump(wide(8, 4)).looked_at == ""
