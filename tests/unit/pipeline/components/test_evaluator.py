"""The Evaluator as a component: what it measures is what TFMA measures, what it writes TFX and TFMA can read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from tfx.types import Artifact, standard_artifacts

from core.errors import SluiceError
from gates.evaluation.judgements import Decision
from gates.evaluation.measure import Scored
from gates.evaluation.slices import OVERALL
from gates.verdict.finding import GateReport, Severity, Verdict
from pipeline.artifacts.blessings import read_report
from pipeline.artifacts.evaluation import read_evaluation
from pipeline.components.evaluator import evaluate, judge
from pipeline.evidence.scores import read_scored
from tests.samples import taxi_artifacts as samples
from tests.samples.evaluator_inputs import evaluator_inputs
from tests.samples.evaluator_runs import evaluated

FRAMES = samples.assign(samples.rides(), seed=3)
CONFIG: dict[str, Any] = {
    "metrics": ["auc", "accuracy", "loss"],
    "slices": [["company"], ["trip_start_hour"]],
    "thresholds": [{"metric": "auc", "at_least": 0.4}],
    "judged_by": "interval",
    "confidence": 0.95,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("evaluator")
    schema = samples.proposed({name: samples.statistics_of(frame) for name, frame in FRAMES.items()})
    (home / "schema").mkdir()
    (home / "schema/schema.pbtxt").write_text(text_format.MessageToString(schema))
    samples.write_examples(FRAMES, home / "examples")
    samples.write_model(home / "candidate", 0.5)
    samples.write_model(home / "champion", -0.5)
    return home


def _evaluate(
    home: Path, uri: Path, config: dict[str, Any], candidate: str = "candidate", champion: str | None = None
) -> dict[str, Artifact]:
    splits = json.dumps(list(FRAMES))
    inputs = {
        "examples": [samples.artifact(standard_artifacts.Examples, home / "examples", split_names=splits)],
        "schema": [samples.artifact(standard_artifacts.Schema, home / "schema")],
        "model": [samples.artifact(standard_artifacts.Model, home / candidate, id=7)],
    }
    if champion:
        inputs["baseline_model"] = [samples.artifact(standard_artifacts.Model, home / champion, id=5)]
    return evaluated(inputs, uri, evaluator_inputs(config, samples.LABEL))


@pytest.fixture(scope="module")
def alone(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    return _evaluate(home, tmp_path_factory.mktemp("alone"), CONFIG)


@pytest.fixture(scope="module")
def against_champion(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    config = {**CONFIG, "thresholds": [{"metric": "auc", "no_worse_than_blessed_by": 0.05}]}
    return _evaluate(home, tmp_path_factory.mktemp("against"), config, champion="champion")


def test_figures_are_scikit_learns_on_the_test_split_alone(alone: dict[str, Artifact]) -> None:
    scored = read_scored(alone["evaluation"].uri)
    overall = read_evaluation(alone["evaluation"].uri).overall()
    assert len(scored.labels) == len(FRAMES["test"]) == overall["auc"].n
    assert scored.labels.sum() == FRAMES["test"][samples.LABEL].sum()
    assert overall["auc"].value == pytest.approx(roc_auc_score(scored.labels, scored.predictions))
    assert overall["accuracy"].value == pytest.approx(accuracy_score(scored.labels, scored.predictions > 0.5))
    assert overall["loss"].value == pytest.approx(log_loss(scored.labels, scored.predictions))


def test_intervals_are_of_entities_where_these_were_assigned(
    home: Path, alone: dict[str, Artifact], tmp_path: Path
) -> None:
    outputs = _evaluate(home, tmp_path, {**CONFIG, "entity": "company"})
    groups = read_scored(outputs["evaluation"].uri).groups
    assert groups is not None
    companies = FRAMES["test"]["company"].fillna("(missing)")
    assert sorted(np.bincount(groups)) == sorted(companies.value_counts())
    by_entity, by_row = (read_evaluation(each["evaluation"].uri) for each in (outputs, alone))
    assert f"Errors are summed by company: {companies.nunique()} entities were drawn, not rows." in by_entity.notes
    wide, narrow = (each.overall()["accuracy"] for each in (by_entity, by_row))
    assert wide.value == narrow.value
    assert wide.upper - wide.lower > narrow.upper - narrow.lower


def test_intervals_are_of_contents_where_a_hash_of_the_row_kept_equal_ones_together(home: Path, tmp_path: Path) -> None:
    copies = {name: pd.concat([frame] * 4, ignore_index=True) for name, frame in FRAMES.items()}
    samples.write_examples(copies, tmp_path / "home/examples")
    for name in ("schema", "candidate"):
        (tmp_path / "home" / name).symlink_to(home / name)
    found = {}
    for by_content in (True, False):
        config = {**CONFIG, "slices": [], "by_content": by_content}
        outputs = _evaluate(tmp_path / "home", tmp_path / str(by_content), config)
        found[by_content] = read_evaluation(outputs["evaluation"].uri)
    assert found[False].entities is None
    contents = len(FRAMES["test"].drop(columns=samples.LABEL).drop_duplicates())
    assert found[True].entities == contents
    assert any(
        f"{contents:,} contents were drawn, not {4 * len(FRAMES['test']):,} rows" in n for n in found[True].notes
    )
    wide, narrow = (found[each].overall()["accuracy"] for each in (True, False))
    assert wide.upper - wide.lower == pytest.approx(2 * (narrow.upper - narrow.lower), rel=0.05)


def test_rows_were_drawn_where_hardly_any_is_equal_to_another(home: Path, tmp_path: Path) -> None:
    outputs = _evaluate(home, tmp_path, {**CONFIG, "by_content": True})
    assert read_scored(outputs["evaluation"].uri).groups is None


def test_slices_are_those_of_the_data_with_missing_values_named(alone: dict[str, Artifact]) -> None:
    evaluation = read_evaluation(alone["evaluation"].uri)
    rows = {each.slice.name: each.n for each in evaluation.estimates if each.slice.columns == ("company",)}
    expected = FRAMES["test"]["company"].fillna("(missing)").value_counts()
    assert rows == {f"company={name}": count for name, count in expected.items()}
    by_hour = [
        each.n for each in evaluation.estimates if each.slice.columns == ("trip_start_hour",) and each.metric == "auc"
    ]
    assert sum(by_hour) == len(FRAMES["test"])


def test_tfma_opens_the_result_with_slices_and_intervals(alone: dict[str, Artifact]) -> None:
    ours = read_evaluation(alone["evaluation"].uri)
    result = tfma.load_eval_result(alone["evaluation"].uri)
    assert len(result.slicing_metrics) == len({each.slice for each in ours.estimates})
    overall = result.get_metrics_for_slice()
    auc = ours.overall()["auc"]
    assert {key: overall["auc"]["boundedValue"][key] for key in ("value", "lowerBound", "upperBound")} == {
        "value": auc.value,
        "lowerBound": auc.lower,
        "upperBound": auc.upper,
    }
    assert overall["example_count"]["doubleValue"] == len(FRAMES["test"])
    company = FRAMES["test"]["company"].mode()[0]
    sliced = result.get_metrics_for_slice((("company", company),))
    assert sliced["binary_accuracy"]["boundedValue"]["value"] == next(
        each.value for each in ours.estimates if each.slice.name == f"company={company}" and each.metric == "accuracy"
    )


def test_tfma_measures_the_same_from_the_same_predictions(alone: dict[str, Artifact]) -> None:
    scored = read_scored(alone["evaluation"].uri)
    frame = pd.DataFrame({"label": scored.labels, "prediction": scored.predictions})
    config = text_format.Parse(
        'model_specs { label_key: "label" prediction_key: "prediction" } slicing_specs {} '
        'metrics_specs { metrics { class_name: "AUC" } metrics { class_name: "BinaryCrossentropy" } }',
        tfma.EvalConfig(),
    )
    tfma_figures = tfma.analyze_raw_data(frame, config).get_metrics_for_slice()
    ours = read_evaluation(alone["evaluation"].uri).overall()
    assert tfma_figures["auc"]["doubleValue"] == pytest.approx(ours["auc"].value, abs=2e-3)  # by thresholds
    assert tfma_figures["binary_crossentropy"]["doubleValue"] == pytest.approx(ours["loss"].value, abs=1e-5)


def test_a_blessing_carries_what_tfx_resolvers_look_for(alone: dict[str, Artifact], home: Path) -> None:
    blessing = alone["blessing"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_int_custom_property("current_model_id") == 7
    assert blessing.get_string_custom_property("current_model") == str(home / "candidate")
    assert Path(blessing.uri, "BLESSED").exists()


def test_the_blessed_model_is_compared_on_the_same_rows(against_champion: dict[str, Artifact]) -> None:
    auc = read_evaluation(against_champion["evaluation"].uri).overall()["auc"]
    scored = read_scored(against_champion["evaluation"].uri)
    assert auc.blessed_value == pytest.approx(roc_auc_score(scored.labels, scored.blessed))
    assert auc.change == pytest.approx(auc.value - auc.blessed_value)
    assert auc.change_lower is not None
    assert auc.change_lower < auc.change
    result = tfma.load_eval_result(against_champion["evaluation"].uri, model_name="baseline")
    assert result.get_metrics_for_slice()["auc"]["doubleValue"] == auc.blessed_value


def test_a_model_behind_the_blessed_one_is_refused(home: Path, tmp_path: Path) -> None:
    # The champion ranks rides the other way round: as the candidate it loses what it was blessed for.
    config = {**CONFIG, "slices": [], "thresholds": [{"metric": "auc", "no_worse_than_blessed_by": 0.02}]}
    ahead = _evaluate(home, tmp_path / "ahead", config, champion="champion")
    behind = _evaluate(home, tmp_path / "behind", config, candidate="champion", champion="candidate")
    assert read_report(ahead["report"].uri).verdict is Verdict.PASS
    assert read_report(behind["report"].uri).verdict is Verdict.FAIL
    assert read_report(behind["report"].uri).findings[0].check == "threshold_change"
    assert behind["blessing"].get_int_custom_property("blessed") == 0
    assert behind["blessing"].get_int_custom_property("baseline_model_id") == 5


def test_an_impossible_threshold_refuses_and_names_it(home: Path, tmp_path: Path) -> None:
    outputs = _evaluate(home, tmp_path, {**CONFIG, "thresholds": [{"metric": "auc", "at_least": 0.99}]})
    report = read_report(outputs["report"].uri)
    assert report.verdict is Verdict.FAIL
    assert [(f.check, f.severity) for f in report.findings] == [("threshold_value", Severity.BLOCK)]
    assert "at least 0.990" in report.findings[0].reason
    assert Path(outputs["blessing"].uri, "NOT_BLESSED").exists()


def test_each_threshold_is_stored_with_what_it_decided(alone: dict[str, Artifact], home: Path, tmp_path: Path) -> None:
    strict = [{"metric": "auc", "at_least": 0.99}, {"metric": "auc", "slice": {"company": "*"}, "at_least": 0.1}]
    outputs = _evaluate(home, tmp_path, {**CONFIG, "thresholds": strict})
    (met,) = read_evaluation(alone["evaluation"].uri).judgements
    evaluation = read_evaluation(outputs["evaluation"].uri)
    missed, *by_company = evaluation.judgements
    assert (met.limit, met.decision, met.slice) == (0.4, Decision.MET, OVERALL)
    assert (missed.limit, missed.decision, missed.slice) == (0.99, Decision.MISSED, OVERALL)
    companies = {each.slice for each in evaluation.estimates if each.slice.columns == ("company",)}
    assert {each.slice for each in by_company} == companies
    for each in by_company:
        assert (each.decision is Decision.UNJUDGED) == (each.n < 200 or math.isnan(each.value))


def test_a_slice_column_that_does_not_exist_is_refused_in_one_sentence(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="The schema has no column compnay, which the configuration names"):
        _evaluate(home, tmp_path, {**CONFIG, "slices": [["compnay"]]})


def test_shards_are_read_in_order_and_none_twice(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home/examples/Split-test"
    halves = np.array_split(FRAMES["test"], 3)
    for i, half in enumerate(halves):
        written = samples.write_examples({"test": half}, tmp_path / str(i))
        folder.mkdir(parents=True, exist_ok=True)
        (Path(written.uri) / "Split-test/data_tfrecord-00000-of-00001.gz").rename(folder / f"data-{i}-of-3.gz")
    for name in ("schema", "candidate"):
        (tmp_path / "home" / name).symlink_to(home / name)
    outputs = _evaluate(tmp_path / "home", tmp_path / "out", {**CONFIG, "slices": []})
    labels = read_scored(outputs["evaluation"].uri).labels
    assert labels.tolist() == FRAMES["test"][samples.LABEL].tolist()


def _judged(labels: list[float], predictions: list[float], **config: Any) -> GateReport:
    company = np.array(["Flash Cab"] * len(labels) * 100, dtype=object)
    scored = Scored(np.tile(labels, 100), np.tile(predictions, 100), columns={"company": company})
    config = {**CONFIG, "slices": [["company"]], "thresholds": [], **config}
    given = evaluator_inputs(config, "big_tip")
    return judge(evaluate(scored, given), scored, given)


@pytest.mark.parametrize(("path", "named"), [(None, "the last blessed model"), ("export", "the outside baseline")])
def test_a_change_names_the_model_that_it_is_measured_against(path: str | None, named: str) -> None:
    right, wrong = np.tile([0.1, 0.9], 100), np.tile([0.9, 0.1], 100)
    scored = Scored(np.tile([0, 1], 100), wrong, blessed=right)
    limit = {"metric": "accuracy", "no_worse_than_blessed_by": 0.1}
    config = {**CONFIG, "slices": [], "thresholds": [limit], "baseline": {"saved_model": path} if path else None}
    given = evaluator_inputs(config, "big_tip")
    [finding] = judge(evaluate(scored, given), scored, given).of(Severity.BLOCK)
    assert f"{named}'s 1.000" in finding.reason
    assert f"no worse than {named}" in finding.reason


def test_predictions_that_are_no_numbers_are_refused_without_any_threshold() -> None:
    for thresholds in ([], [{"metric": "accuracy", "at_least": 0.5}]):
        for broken in (np.nan, np.inf, -np.inf):
            report = _judged([0, 1, 0, 0], [0.1, 0.9, 0.2, broken], metrics=["accuracy"], thresholds=thresholds)
            assert report.verdict is Verdict.FAIL
            found = report.findings[0]
            assert (found.check, found.subject, found.value) == ("finite_predictions", "serving_examples", 0.25)
    assert "100 of 400" in found.reason


def test_scores_that_are_no_probabilities_are_refused() -> None:
    report = _judged([0, 1, 0, 1], [0.1, 0.9, -3.0, 4.5], metrics=["accuracy"])
    [finding] = report.of(Severity.BLOCK)
    assert (finding.check, finding.value) == ("predictions_are_probabilities", 0.5)
    assert "the first is -3." in finding.reason
    assert "sigmoid" in finding.remedy


def test_a_model_that_predicts_nan_is_refused_by_the_component(home: Path, tmp_path: Path) -> None:
    samples.write_model(home / "diverged", float("nan"))
    outputs = _evaluate(home, tmp_path, {**CONFIG, "slices": [], "thresholds": []}, candidate="diverged")
    assert [finding.check for finding in read_report(outputs["report"].uri).findings] == ["finite_predictions"]
    assert outputs["blessing"].get_int_custom_property("blessed") == 0


def test_a_champion_that_predicts_nan_refuses_the_comparison_and_not_by_the_candidates_name(
    home: Path, tmp_path: Path
) -> None:
    samples.write_model(home / "broken", float("nan"))
    threshold = {"metric": "auc", "at_least": 0.4, "no_worse_than_blessed_by": 0.1}
    outputs = _evaluate(home, tmp_path, {**CONFIG, "thresholds": [threshold]}, champion="broken")
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("threshold_change", "blessed model")
    assert "predictions of the last blessed model on test" in finding.reason
    evaluation = read_evaluation(outputs["evaluation"].uri)
    assert evaluation.overall()["auc"].blessed_value is None
    assert any(note.endswith("Nothing is compared with it.") for note in evaluation.notes)


def test_a_model_that_fails_on_a_row_is_refused_with_its_error_and_is_no_defect_of_ours(
    home: Path, tmp_path: Path
) -> None:
    samples.write_model(home / "failing", fails_above=50.0)
    outputs = _evaluate(home, tmp_path, CONFIG, candidate="failing")
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("answers_every_row", "serving_examples")
    assert "InvalidArgumentError" in finding.reason
    assert "a fare above 50" in finding.reason
    assert outputs["blessing"].get_int_custom_property("blessed") == 0
    evaluation = read_evaluation(outputs["evaluation"].uri)
    assert (evaluation.estimates, evaluation.notes) == ((), (finding.reason,))


def test_a_model_that_gives_one_answer_to_all_rows_is_refused(home: Path, tmp_path: Path) -> None:
    module = tf.Module()
    module.serve = tf.function(
        lambda examples: {"predictions": tf.fill([1, 1], tf.cast(tf.size(examples) > 0, tf.float32))},
        input_signature=[tf.TensorSpec([None], tf.string, "examples")],
    )
    folder = home / "one answer/Format-Serving"
    tf.saved_model.save(module, str(folder), signatures={"serving_examples": module.serve})
    outputs = _evaluate(home, tmp_path, CONFIG, candidate="one answer")
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert finding.check == "answers_every_row"
    assert f"shape (1, 1) to {len(FRAMES['test']):,} rows" in finding.reason


def test_a_model_whose_files_are_damaged_is_refused_with_its_reason(home: Path, tmp_path: Path) -> None:
    samples.write_model(home / "damaged")
    for part in (home / "damaged/Format-Serving/variables").iterdir():
        part.unlink()
    outputs = _evaluate(home, tmp_path, CONFIG, candidate="damaged")
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert finding.check == "answers_every_row"
    assert "it cannot be loaded" in finding.reason


def test_a_champion_that_fails_on_a_row_refuses_the_comparison_until_a_person_waives_it(
    home: Path, tmp_path: Path
) -> None:
    samples.write_model(home / "failing champion", fails_above=50.0)
    threshold = {"metric": "auc", "at_least": 0.4, "no_worse_than_blessed_by": 0.1}
    config = {**CONFIG, "slices": [], "thresholds": [threshold]}
    outputs = _evaluate(home, tmp_path / "not waived", config, champion="failing champion")
    [finding] = read_report(outputs["report"].uri).of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("threshold_change", "model to beat")
    assert "The last blessed model cannot be measured: it fails on one of" in finding.reason
    waived = {**config, "without_champion": {"reason": "made for cheaper rides", "expires": "2999-01-01"}}
    outputs = _evaluate(home, tmp_path / "waived", waived, champion="failing champion")
    assert read_report(outputs["report"].uri).verdict is Verdict.PASS
    assert read_evaluation(outputs["evaluation"].uri).overall()["auc"].blessed_value is None


def test_labels_other_than_0_and_1_are_refused_and_named() -> None:
    report = _judged([0, 1, 7, np.nan], [0.1, 0.9, 0.2, 0.3])
    assert [(f.check, f.subject, f.severity) for f in report.findings] == [
        ("labels_are_binary", "big_tip", Severity.BLOCK)
    ]
    assert "(7, missing)" in report.findings[0].reason


def test_a_test_split_of_one_class_is_refused() -> None:
    report = _judged([0, 0], [0.1, 0.2])
    assert [(f.check, f.severity) for f in report.findings] == [("both_classes_in_test", Severity.BLOCK)]


def test_slices_that_all_pass_count_as_a_check_that_ran() -> None:
    limit = {"metric": "accuracy", "slice": {"company": "*"}, "at_least": 0.5}
    report = _judged([0, 1], [0.1, 0.9], thresholds=[limit])
    assert (report.verdict, report.findings) == (Verdict.PASS, ())
    assert report.checks_run == (
        "answers_every_row",
        "finite_predictions",
        "predictions_are_probabilities",
        "labels_are_binary",
        "both_classes_in_test",
        "threshold_slice",
    )
