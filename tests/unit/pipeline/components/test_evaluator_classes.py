"""The Evaluator with ten classes: figures, classes, confusion, thresholds by class, and what it cannot measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import Artifact, standard_artifacts

from core.errors import SluiceError
from gates.evaluation.measure import Scored
from gates.evaluation.metrics import Evaluation
from gates.verdict.finding import GateReport, Severity, Verdict
from pipeline.artifacts.blessings import read_report
from pipeline.artifacts.evaluation import read_evaluation, read_mistakes
from pipeline.components.evaluator import evaluate, judge
from pipeline.evidence.scores import _is_met, read_scored, unreadable_columns
from runners.console.component_lines import _estimates
from tests.samples import digits as samples
from tests.samples.evaluator_inputs import evaluator_inputs
from tests.samples.evaluator_runs import evaluated
from tests.samples.taxi_artifacts import artifact

CONFIG: dict[str, Any] = {
    "metrics": ["auc", "accuracy", "precision", "recall", "loss", "calibration"],
    "slices": [],
    "thresholds": [{"metric": "accuracy", "at_least": 0.8}, {"metric": "recall", "class_name": "*", "at_least": 0.6}],
    "judged_by": "interval",
    "confidence": 0.95,
    "class_names": samples.NAMES,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("classes")


@pytest.fixture(scope="module")
def data(home: Path) -> dict[str, list[Artifact]]:
    samples.write_model(home / "candidate")
    samples.write_model(home / "champion", scale=2550.0)
    return samples.inputs(home)


def _evaluate(
    data: dict[str, list[Artifact]],
    uri: Path,
    model: Path,
    config: dict[str, Any] = CONFIG,
    champion: Path | None = None,
) -> dict[str, Artifact]:
    inputs = {**data, "model": [artifact(standard_artifacts.Model, model, id=7)]}
    if champion:
        inputs["baseline_model"] = [artifact(standard_artifacts.Model, champion, id=5)]
    return evaluated(inputs, uri, evaluator_inputs(config, samples.LABEL))


@pytest.fixture(scope="module")
def measured(
    data: dict[str, list[Artifact]], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Artifact]:
    return _evaluate(data, tmp_path_factory.mktemp("measured"), home / "candidate", champion=home / "champion")


def test_the_stored_predictions_are_those_of_the_signature_row_by_row(measured: dict[str, Artifact]) -> None:
    scored = read_scored(measured["evaluation"].uri)
    pixels, labels = samples.digits()["test"]
    assert scored.labels.tolist() == labels.tolist()
    np.testing.assert_allclose(scored.predictions, samples.predicted(pixels), atol=1e-6)
    np.testing.assert_allclose(scored.blessed, samples.predicted(pixels, 2550.0), atol=1e-6)


def test_the_images_that_are_taken_for_another_class_lie_beside_the_figures(measured: dict[str, Artifact]) -> None:
    found = read_mistakes(measured["evaluation"].uri)
    scored = read_scored(measured["evaluation"].uri)
    wrong = set(np.flatnonzero(scored.predictions.argmax(axis=1) != scored.labels))
    assert found and {each.row for each in found} <= wrong and all(each.image for each in found)


def test_classes_and_confusion_are_scikit_learns(measured: dict[str, Artifact]) -> None:
    scored, evaluation = (read(measured["evaluation"].uri) for read in (read_scored, read_evaluation))
    answers = scored.predictions.argmax(axis=1)
    assert evaluation.confusion.labels == tuple(samples.NAMES)
    assert np.array_equal(evaluation.confusion.counts, confusion_matrix(scored.labels, answers))
    precision, recall, f1, support = precision_recall_fscore_support(scored.labels, answers)
    assert [each.name for each in evaluation.classes] == samples.NAMES
    assert [each.n for each in evaluation.classes] == support.tolist()
    assert [each.predicted for each in evaluation.classes] == np.bincount(answers, minlength=10).tolist()
    np.testing.assert_allclose([each.precision.value for each in evaluation.classes], precision)
    np.testing.assert_allclose([each.recall.value for each in evaluation.classes], recall)
    np.testing.assert_allclose([each.f1 for each in evaluation.classes], f1)
    assert all(each.recall.lower < each.recall.value <= each.recall.upper for each in evaluation.classes)
    assert evaluation.overall()["auc"].value == pytest.approx(
        roc_auc_score(scored.labels, scored.predictions, multi_class="ovr")
    )


def test_the_blessed_model_is_compared_overall_and_class_by_class(measured: dict[str, Artifact]) -> None:
    evaluation = read_evaluation(measured["evaluation"].uri)
    loss, nine = evaluation.overall()["loss"], evaluation.classes[9].recall
    assert loss.change is not None and loss.change_upper is not None and loss.change_upper < 0
    assert nine.blessed_value is not None and nine.change == pytest.approx(nine.value - nine.blessed_value)


def test_an_evaluation_with_classes_survives_strict_json(measured: dict[str, Artifact]) -> None:
    evaluation = read_evaluation(measured["evaluation"].uri)
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    assert Evaluation.from_json(json.loads(text)) == evaluation
    without = {key: value for key, value in evaluation.to_json().items() if key != "classes"}
    assert Evaluation.from_json(without).classes == ()


def test_the_console_names_the_class_that_is_found_least_often(measured: dict[str, Artifact]) -> None:
    evaluation = read_evaluation(measured["evaluation"].uri)
    worst = min(evaluation.classes, key=lambda each: each.recall.value)
    assert _estimates(evaluation).endswith(f", lowest recall {worst.name} {worst.recall.value:.3f}")


def test_tfma_opens_the_result_with_means_and_classes(measured: dict[str, Artifact]) -> None:
    ours = read_evaluation(measured["evaluation"].uri)
    result = tfma.load_eval_result(measured["evaluation"].uri, model_name="candidate")
    overall = result.get_metrics_for_slice()
    for name, metric in (("sparse_categorical_accuracy", "accuracy"), ("precision", "precision"), ("auc", "auc")):
        assert overall[name]["boundedValue"]["value"] == ours.overall()[metric].value
    assert overall["sparse_categorical_crossentropy"]["boundedValue"]["value"] == ours.overall()["loss"].value
    third = result.get_metrics_for_slice(class_id=2)
    assert third["recall"]["boundedValue"]["value"] == ours.classes[2].recall.value
    metrics = {metric.class_name for spec in result.config.metrics_specs for metric in spec.metrics}
    assert {"SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "Precision", "AUC"} <= metrics


def test_a_good_model_is_blessed_and_one_whose_pixels_are_not_scaled_is_refused_by_its_classes(
    data: dict[str, list[Artifact]], measured: dict[str, Artifact], tmp_path: Path
) -> None:
    assert read_report(measured["report"].uri).verdict is Verdict.PASS
    unscaled = samples.write_model(tmp_path / "unscaled", scale=-255.0)
    config = {**CONFIG, "thresholds": [{"metric": "recall", "class_name": "*", "at_least": 0.6, "min_examples": 30}]}
    outputs = _evaluate(data, tmp_path, unscaled, config)
    refused = [each.subject for each in read_report(outputs["report"].uri).of(Severity.BLOCK)]
    assert len(refused) >= 5
    assert all(subject.removeprefix("class ") in samples.NAMES for subject in refused)


def test_labels_that_are_no_class_of_the_model_are_refused_and_named(
    home: Path, data: dict[str, list[Artifact]], tmp_path: Path
) -> None:
    outputs = _evaluate(samples.inputs(tmp_path / "other", flip=True), tmp_path / "out", home / "candidate")
    found = read_report(outputs["report"].uri).of(Severity.BLOCK)[0]
    assert found.check == "labels_are_classes"
    assert "none of the model's 10 classes, 0 to 9" in found.reason
    assert "(10, 11, 12 and others)" in found.reason


def test_names_and_outputs_that_do_not_match_are_refused_before_anything_is_scored(
    home: Path, data: dict[str, list[Artifact]], tmp_path: Path
) -> None:
    nine = {**CONFIG, "class_names": samples.NAMES[:9]}
    with pytest.raises(SluiceError, match="names 9 classes and the model tells 10 apart"):
        _evaluate(data, tmp_path / "nine", home / "candidate", nine)
    boxes = samples.write_model(tmp_path / "boxes", shape=(-1, 5, 2))
    with pytest.raises(SluiceError, match=r"predicts \[batch, 5, 2\]"):
        _evaluate(data, tmp_path / "box", boxes)
    assert not (tmp_path / "nine/evaluation/predictions").exists()


def test_a_model_without_the_signature_that_is_measured_is_refused_in_one_sentence(
    data: dict[str, list[Artifact]], tmp_path: Path
) -> None:
    module = tf.Module()
    module.other = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path / "model/Format-Serving"), signatures={"other": module.other})
    with pytest.raises(SluiceError, match="candidate model has no signature `serving_examples` that gives"):
        _evaluate(data, tmp_path, tmp_path / "model")


def _judged(labels: list[float], predictions: list[list[float]], times: int = 100, **config: Any) -> GateReport:
    scored = Scored(np.tile(labels, times), np.tile(predictions, (times, 1)))
    config = {**CONFIG, "class_names": [], "thresholds": [], "metrics": ["accuracy", "auc", "loss"], **config}
    given = evaluator_inputs(config, "species")
    return judge(evaluate(scored, given), scored, given)


SURE = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]


def test_sound_predictions_pass_and_say_what_was_looked_at() -> None:
    report = _judged([0, 1, 2], SURE)
    assert report.verdict is Verdict.PASS
    assert report.checks_run == (
        "answers_every_row",
        "finite_predictions",
        "predictions_are_probabilities",
        "labels_are_classes",
        "several_classes_in_test",
    )
    assert [each.check for each in report.checks_skipped] == [
        "threshold_value",
        "threshold_change",
        "threshold_slice",
        "threshold_class",
    ]


@pytest.mark.parametrize(
    ("labels", "predictions", "check", "text"),
    [
        ([0, 1, 2], [*SURE[:2], [0.1, float("nan"), 0.9]], "finite_predictions", "100 of 300"),
        ([0, 1, 2], [*SURE[:2], [4.0, -1.0, 2.0]], "predictions_are_probabilities", "adds up to 5, not 1"),
        ([0, 1, 2], [*SURE[:2], [0.9, 0.9, 0.9]], "predictions_are_probabilities", "100 of 300"),
        ([0, 1, 3], SURE, "labels_are_classes", "0 to 2, in 100 of 300 test rows (3)"),
        ([0, 1, 0.5], SURE, "labels_are_classes", "(0.5)"),
        ([0, 1, float("nan")], SURE, "labels_are_classes", "(missing)"),
        ([1, 1, 1], SURE, "several_classes_in_test", "species is 1 in all 300 test rows"),
    ],
)
def test_what_makes_figures_meaningless_is_refused_without_any_threshold(
    labels: list[float], predictions: list[list[float]], check: str, text: str
) -> None:
    report = _judged(labels, predictions)
    assert [(each.check, each.severity) for each in report.findings] == [(check, Severity.BLOCK)]
    assert text in report.findings[0].reason


def test_a_change_of_the_number_of_classes_is_refused_only_where_a_threshold_compares() -> None:
    predictions = np.tile(SURE, (100, 1))
    scored = Scored(np.tile([0, 1, 2], 100), predictions, blessed=predictions[:, :2])
    for limit, verdict in (({"at_least": 0.5}, Verdict.PASS), ({"no_worse_than_blessed_by": 0.1}, Verdict.FAIL)):
        config = {**CONFIG, "class_names": [], "thresholds": [{"metric": "accuracy", **limit}]}
        given = evaluator_inputs(config, "species")
        report = judge(evaluate(scored, given), scored, given)
        assert report.verdict is verdict
    assert "has 2 classes and this one 3" in report.of(Severity.BLOCK)[0].reason


IMAGE = tf.TensorSpec([None, 8, 8, 1], tf.int64, name="image")


@pytest.mark.parametrize(
    ("side", "inputs", "text"),
    [
        (
            4,
            [tf.TensorSpec([None, 4, 4, 1], tf.int64, name="image")],
            "`image` as int64[4, 4, 1], which the data have as int64[8, 8, 1]",
        ),
        (
            8,
            [tf.TensorSpec([None, 8, 8, 1], tf.float32, name="image")],
            "`image` as float32[8, 8, 1], which the data have as int64[8, 8, 1]",
        ),
        (8, [IMAGE, tf.TensorSpec([None], tf.float32, name="angle")], "`angle` as float32, which the data do not have"),
    ],
)
def test_a_blessed_model_with_inputs_that_the_data_do_not_have_is_not_scored(
    data: dict[str, list[Artifact]], tmp_path: Path, side: int, inputs: list[tf.TensorSpec], text: str
) -> None:
    candidate = samples.write_model(tmp_path / "candidate", inputs={"image": IMAGE})
    champion = samples.write_model(tmp_path / "champion", side=side, inputs={each.name: each for each in inputs})
    compares = {**CONFIG, "thresholds": [{"metric": "accuracy", "at_least": 0.5, "no_worse_than_blessed_by": 0.5}]}
    outputs = _evaluate(data, tmp_path / "compares", candidate, compares, champion)
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("threshold_change", "blessed model")
    assert finding.reason == (
        f"The last blessed model needs {text}: the two cannot be compared, and a threshold requires it."
    )
    assert "no_worse_than_blessed_by" in finding.remedy
    assert read_scored(outputs["evaluation"].uri).blessed is None

    alone = {**CONFIG, "thresholds": [{"metric": "accuracy", "at_least": 0.5}]}
    outputs = _evaluate(data, tmp_path / "alone", candidate, alone, champion)
    assert read_report(outputs["report"].uri).verdict is Verdict.PASS
    notes = read_evaluation(outputs["evaluation"].uri).notes
    assert f"The last blessed model needs {text}: nothing is compared with it." in notes


@pytest.mark.parametrize(
    ("candidate", "champion"),
    [
        ([IMAGE, tf.TensorSpec([None], tf.string, name="maker")], [IMAGE]),  # a new column
        ([IMAGE], [IMAGE, tf.TensorSpec([None], tf.int64, name="label")]),  # withheld since, and still in the data
        ([IMAGE], []),  # from outside: it has no serving_default
    ],
)
def test_a_blessed_model_that_the_data_can_answer_is_compared(
    tmp_path: Path, candidate: list[tf.TensorSpec], champion: list[tf.TensorSpec]
) -> None:
    models = {}
    for role, inputs in (("candidate", candidate), ("blessed", champion)):
        samples.write_model(tmp_path / role, inputs={each.name: each for each in inputs})
        models[role] = str(tmp_path / role / "Format-Serving")
    assert unreadable_columns(models, samples.schema()) == {}


def test_a_blessed_model_that_calls_a_column_by_a_keyword_of_python_is_compared(tmp_path: Path) -> None:
    """As exports did where Python was older than 3.13; no newer TensorFlow can make one."""
    models = {}
    for role, name in (("candidate", "arg_class"), ("blessed", "class")):
        stored = saved_model_pb2.SavedModel()
        signature = stored.meta_graphs.add().signature_def["serving_default"]
        signature.inputs[name].dtype = tf.int64.as_datatype_enum
        signature.inputs[name].tensor_shape.dim.add().size = -1
        models[role] = str(tmp_path / role)
        (tmp_path / role).mkdir()
        (tmp_path / role / "saved_model.pb").write_bytes(stored.SerializeToString())
    column = 'feature { name: "class" type: INT presence { min_fraction: 1 } shape { } }'
    assert unreadable_columns(models, text_format.Parse(column, schema_pb2.Schema())) == {}


ALIKE = {"no_worse_than_blessed_by": 0.05, "metric": "accuracy"}
RIGHT = np.array([0.2, 0.9, 0.1, 0.6])


def _beside(candidate: np.ndarray, blessed: np.ndarray, times: int = 100, **config: Any) -> GateReport:
    repeated = [np.concatenate([each] * times) for each in (np.array([0, 1, 0, 1]), candidate, blessed)]
    scored = Scored(repeated[0], repeated[1], blessed=repeated[2])
    config = {**CONFIG, "class_names": [], "thresholds": [ALIKE], "metrics": ["accuracy", "auc"], **config}
    given = evaluator_inputs(config, "species")
    return judge(evaluate(scored, given), scored, given)


@pytest.mark.parametrize("blessed", [RIGHT, np.column_stack([1 - RIGHT, RIGHT])])
@pytest.mark.parametrize("candidate", [RIGHT, np.column_stack([1 - RIGHT, RIGHT])])
def test_two_classes_are_compared_whether_predicted_by_one_column_or_by_two(
    candidate: np.ndarray, blessed: np.ndarray
) -> None:
    report = _beside(candidate, blessed)
    assert (report.verdict, [finding.check for finding in report.findings]) == (Verdict.PASS, ["threshold_change"])
    assert "change +0.000" in report.findings[0].reason
    worse = _beside(1 - candidate, blessed)
    assert worse.verdict is Verdict.FAIL and "change -1.000" in worse.findings[0].reason


@pytest.mark.parametrize(
    ("blessed", "message"),
    [
        (np.array([0.2, 0.9, 0.1, np.nan]), "100 of 400 predictions of the last blessed model on test (25.00%) are no"),
        (np.array([0.2, 0.9, 0.1, 4.6]), "are no probabilities: the first is 4.6"),
        (np.column_stack([RIGHT, RIGHT]), "begins with (0.2, 0.2) and adds up to 0.4, not 1"),
    ],
)
def test_nothing_is_compared_with_a_model_whose_answers_are_no_probabilities(blessed: np.ndarray, message: str) -> None:
    report = _beside(RIGHT, blessed)
    [finding] = report.findings
    assert (finding.check, finding.subject, finding.severity) == ("threshold_change", "blessed model", Severity.BLOCK)
    assert message in finding.reason and "no_worse_than_blessed_by" in finding.remedy
    alone = {"metric": "accuracy", "at_least": 0.5}
    assert _beside(RIGHT, blessed, thresholds=[alone]).verdict is Verdict.PASS

    outside = {"saved_model": "automl/export", "output": "scores", "signature": "serving_default"}
    [named] = _beside(RIGHT, blessed, baseline=outside).findings
    assert named.subject == "baseline" and "of the baseline automl/export on test" in named.reason
    assert "evaluator.baseline.output" in named.remedy


@pytest.mark.parametrize(
    ("wanted", "held", "met"),
    [
        ("float32", "float32", True),
        ("float32", "float32[1]", True),
        ("float32", "float32[1, 1]", True),
        ("float32[1]", "float32", False),
        ("float32", "float32[2]", False),
        ("float32", "int64[1]", False),
        ("float32", None, False),
    ],
)
def test_a_column_of_exactly_one_value_is_read_by_a_model_that_takes_one_or_none(
    wanted: str, held: str | None, met: bool
) -> None:
    assert _is_met(wanted, held) is met
