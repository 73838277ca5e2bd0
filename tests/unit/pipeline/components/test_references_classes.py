"""Simple models of several classes and of images: measured as the Evaluator measures, in the classes of the model."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from gates.evaluation.metrics import Reference
from gates.evaluation.reference_images import coarse, logistic_regression
from gates.evaluation.reference_models import boosted_trees, references
from pipeline.artifacts.evaluation import ReferencesArtifact, read_references
from pipeline.component_inputs import ReferencesInputs
from pipeline.components.references import References, read_images
from tests.samples import digits as samples
from tests.samples.taxi_artifacts import artifact

GIVEN = ReferencesInputs(label=samples.LABEL, withheld=[], confidence=0.95)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reference]:
    home = tmp_path_factory.mktemp("references")
    output = artifact(ReferencesArtifact, home / "out")
    artifacts = {name: each for name, [each] in samples.inputs(home).items()}
    References.test_call(**artifacts, references=output, config=GIVEN.to_property(), code="")
    return {reference.name: reference for reference in read_references(output.uri)}


def _value(reference: Reference, metric: str) -> float:
    return next(each.value for each in reference.estimates if each.metric == metric)


def test_the_majority_class_is_the_most_frequent_one_of_train(found: dict[str, Reference]) -> None:
    (_, train), (_, test) = samples.digits()["train"], samples.digits()["test"]
    majority = found["majority class"]
    assert _value(majority, "accuracy") == pytest.approx((test == np.bincount(train).argmax()).mean())
    assert _value(majority, "auc") == 0.5


def test_images_get_a_logistic_regression_and_no_trees(found: dict[str, Reference]) -> None:
    assert set(found) == {"majority class", "logistic regression on coarse images"}
    accuracy = found["logistic regression on coarse images"].estimates[1]
    assert accuracy.metric == "accuracy" and accuracy.n == len(samples.digits()["test"][1])
    assert 0.9 < accuracy.value < 1


def test_a_row_without_a_whole_image_is_read_as_nothing() -> None:
    pixels, labels = samples.digits()["test"]
    rows = samples.serialized(pixels[:3], labels[:3])
    rows[1] = samples.serialized(pixels[1:2, :40], labels[1:2])[0]
    values = read_images(np.array(rows, dtype=object), samples.schema(), "image")
    assert values.shape == (3, 64)
    assert np.isnan(values[1]).all()
    np.testing.assert_array_equal(values[[0, 2]], pixels[[0, 2]])


def test_coarse_images_are_block_means_of_each_channel() -> None:
    image = np.arange(28 * 28 * 3, dtype=np.float32).reshape(28, 28, 3)
    found = coarse(image.reshape(1, -1), (28, 28, 3)).reshape(14, 14, 3)
    np.testing.assert_allclose(found, image.reshape(14, 2, 14, 2, 3).mean(axis=(1, 3)))
    assert coarse(np.zeros((2, 30 * 41), np.float32), (30, 41, 1)).shape == (2, 14 * 14)
    assert coarse(np.zeros((2, 5), np.float32), (5,)).shape == (2, 5)
    assert coarse(np.zeros((2, 5000), np.float32), (5000,)).shape == (2, 512)


def test_trees_of_three_classes_beat_the_majority_and_leave_out_rows_without_a_class() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900).astype(float)
    columns = {"x": labels + rng.normal(size=900), "y": rng.normal(size=900)}
    train = {name: column[:600] for name, column in columns.items()}
    test = {name: column[600:] for name, column in columns.items()}
    spoilt = labels[:600].copy()
    spoilt[:20] = np.nan
    majority, trees = references(train, spoilt, test, labels[600:], 0.95)
    assert _value(majority, "auc") == 0.5
    assert trees.estimates[0].lower > 0.6
    scores = boosted_trees({k: v[20:] for k, v in train.items()}, spoilt[20:].astype(int), test, classes=3)
    assert _value(trees, "accuracy") == pytest.approx(accuracy_score(labels[600:], scores.argmax(axis=1)))
    assert _value(trees, "auc") == pytest.approx(roc_auc_score(labels[600:], scores, multi_class="ovr"))


def test_a_class_that_train_lacks_has_probability_0_and_its_own_place() -> None:
    rng = np.random.default_rng(1)
    labels = rng.choice([0, 3], 200)
    features = (labels[:, None] + rng.normal(size=(200, 2))).astype(float)
    for scores in (
        boosted_trees({"x": features[:, 0]}, labels, {"x": features[:, 0]}, classes=4),
        logistic_regression(features, labels, features, classes=4),
    ):
        assert scores.shape == (200, 4)
        assert (scores[:, [1, 2]] == 0).all()
        np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_labels_that_are_quantities_have_no_references() -> None:
    labels = np.array([1e9, 2.0, 3.0])
    assert references({}, labels, {}, labels, 0.95) == []
