"""The served, the evaluated and the trained model must be the same."""

from __future__ import annotations

import numpy as np
import pytest

from gates.model.evidence import Budgets, GoldenReplay, ModelEvidence, Predicted, Probe, RawRows, Replay
from gates.model.gate import judge_model
from gates.verdict.finding import Finding, Severity
from gates.verdict.settings import GateSettings
from tests.samples.fitted_models import blocking, replays, rounded, trained, verdict

DIGITS = trained("digits")
ASKED = DIGITS.rows["test"]
GOOD = DIGITS.predict(ASKED)


def _found(evidence: ModelEvidence, check: str, subject: str) -> Finding:
    (found,) = (each for each in verdict(evidence).findings if (each.check, each.subject) == (check, subject))
    return found


def test_tells_the_row_the_changed_classes_and_onto_which_class_they_fall() -> None:
    texts = [tuple(str(int(value)) for value in row[:3]) for row in ASKED]
    evidence = ModelEvidence(
        classes=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        test=DIGITS.predicted("test"),
        replays=replays(GOOD, serving_default=np.roll(GOOD, 1, axis=1) * 0.2 + 0.8 * np.eye(10)[7]),
        replayed_rows=RawRows(("a", "b", "c"), texts),
        replayed_labels=DIGITS.labels["test"],
    )
    found = _found(evidence, "replay_parity", "serving_default")
    assert found.severity is Severity.BLOCK
    assert "100.0% of the answers of serving_default are seven" in found.reason
    assert "accuracy on them is" in found.reason
    assert found.chart is not None and found.chart.marked == "seven"
    assert found.sample is not None and found.sample.columns == ("a", "b", "c", "training", "serving_default")
    assert found.sample.rows[0][:3] in texts


@pytest.mark.parametrize(
    ("off", "same_machine", "refused"),
    [
        (2e-6, True, False),
        (5e-5, True, True),
        (5e-5, False, False),
        (5e-3, False, True),
    ],
)
def test_rounding_passes_and_more_does_not(off: float, same_machine: bool, refused: bool) -> None:
    moved = GOOD + off * np.eye(10)[0]
    evidence = ModelEvidence(
        test=DIGITS.predicted("test"),
        replays=replays(GOOD, serving_default=moved),
        budgets=Budgets(same_machine=same_machine),
    )
    assert blocking(evidence) == ({"replay_parity"} if refused else set())


def test_a_nan_in_one_answer_alone_is_refused() -> None:
    lost = GOOD.copy()
    lost[5] = np.nan
    evidence = ModelEvidence(test=DIGITS.predicted("test"), replays=replays(GOOD, serving_examples=lost))
    found = _found(evidence, "replay_parity", "serving_examples")
    assert found.severity is Severity.BLOCK
    assert "1 rows are a number in one and none in the other" in found.reason


def test_a_nan_of_the_model_itself_is_not_a_matter_of_parity() -> None:
    lost = GOOD.copy()
    lost[5] = np.nan
    test = Predicted.of(DIGITS.labels["test"], lost)
    assert blocking(ModelEvidence(test=test, replays=replays(lost))) == {"valid_scores"}


def test_a_call_that_fails_is_refused_with_its_message() -> None:
    failing = Replay("serving_examples", None, error="INVALID_ARGUMENT: no feature fare\nstack")
    evidence = ModelEvidence(test=DIGITS.predicted("test"), replays=(*replays(GOOD)[:3], failing))
    found = _found(evidence, "replay_parity", "serving_examples")
    assert found.reason == "Calling serving_examples failed: INVALID_ARGUMENT: no feature fare."
    assert blocking(evidence) == {"replay_parity"}


def test_an_answer_of_another_shape_is_refused() -> None:
    evidence = ModelEvidence(test=DIGITS.predicted("test"), replays=replays(GOOD, endpoint=GOOD[:, :9]))
    assert _found(evidence, "replay_parity", "endpoint").severity is Severity.BLOCK


def test_rounding_between_two_calls_passes() -> None:
    served = Replay("serving_default", rounded(GOOD), again=rounded(GOOD) + np.float32(1e-7))
    assert blocking(ModelEvidence(test=DIGITS.predicted("test"), replays=(*replays(GOOD)[:2], served))) == set()


def test_one_sound_signature_is_enough_to_have_been_evaluated_and_not_for_parity() -> None:
    evidence = ModelEvidence(
        test=DIGITS.predicted("test"), replays=replays(GOOD, serving_default=np.roll(GOOD, 1, axis=1))
    )
    assert blocking(evidence) == {"replay_parity"}


def test_without_training_every_signature_must_be_what_was_evaluated() -> None:
    ways = replays(GOOD, serving_default=np.roll(GOOD, 1, axis=1))[1:]
    evidence = ModelEvidence(test=DIGITS.predicted("test"), replays=ways)
    assert blocking(evidence) == {"evaluated_is_served"}
    assert _found(evidence, "evaluated_is_served", "serving_examples").severity is Severity.INFO


@pytest.mark.parametrize(
    ("off", "same_machine", "refused"), [(0.0, True, False), (5e-5, True, True), (5e-5, False, False)]
)
def test_an_endpoint_that_answers_otherwise_than_the_model_is_refused(off, same_machine, refused) -> None:
    answered = GOOD[:20].copy()
    answered[3, 0] += off
    evidence = ModelEvidence(golden=GoldenReplay(GOOD[:20], answered), budgets=Budgets(same_machine=same_machine))
    found = _found(evidence, "endpoint_parity", "endpoint")
    assert blocking(evidence) == ({"endpoint_parity"} if refused else set())
    assert ("1 of 20 golden requests otherwise than the model did, request 4 by 5e-05" in found.reason) == refused


def test_an_endpoint_that_cannot_answer_is_refused_with_its_message() -> None:
    evidence = ModelEvidence(golden=GoldenReplay(error="request 2 got 400, feature fare\nstack"))
    found = _found(evidence, "endpoint_parity", "endpoint")
    assert found.reason == "The endpoint does not answer the golden requests: request 2 got 400, feature fare."
    assert blocking(evidence) == {"endpoint_parity"}


def test_the_endpoint_of_a_regression_is_compared_relative_to_its_values() -> None:
    values = np.linspace(1e4, 1e5, 20)
    test = Predicted.of(values, values, is_regression=True)
    close, off = (GoldenReplay(values[:, None], values[:, None] * factor) for factor in (1 + 1e-7, 1.6))
    assert blocking(ModelEvidence(test=test, golden=close)) == set()
    assert blocking(ModelEvidence(test=test, golden=off)) == {"endpoint_parity"}


def test_a_regression_is_compared_relative_to_its_values() -> None:
    values = np.linspace(1e4, 1e5, 200)
    test = Predicted.of(values, values, is_regression=True)
    close, off = values * (1 + 1e-7), values * 1.6
    assert blocking(ModelEvidence(test=test, replays=replays(values, serving_default=close))) == set()
    assert blocking(ModelEvidence(test=test, replays=replays(values, serving_default=off))) == {"replay_parity"}


def test_names_the_field_and_the_case_that_gives_no_number() -> None:
    good = GOOD[:20]
    spoilt = good.copy()
    spoilt[[1, 4]] = np.nan
    evidence = ModelEvidence(
        test=DIGITS.predicted("test"),
        probes=(
            Probe("fare", "missing", good),
            Probe("fare", "extreme", spoilt),
            Probe("company", "unknown", good),
            Probe("area", "missing", None, "No such feature: area"),
        ),
    )
    assert _found(evidence, "optional_fields", "fare").reason == (
        "Predictions are no numbers with fare extreme (2 of 20 rows)."
    )
    assert _found(evidence, "optional_fields", "company").severity is Severity.INFO
    assert "No such feature: area" in _found(evidence, "optional_fields", "area").reason
    assert blocking(evidence) == {"optional_fields"}


def test_logits_in_place_of_probabilities_are_refused() -> None:
    logits = np.log(GOOD + 1e-9)
    evidence = ModelEvidence(test=Predicted.of(DIGITS.labels["test"], logits), eval=DIGITS.predicted("eval"))
    assert blocking(evidence) == {"valid_scores"}


def test_probabilities_in_half_precision_pass() -> None:
    half = Predicted.of(DIGITS.labels["test"], GOOD.astype(np.float16))
    assert blocking(ModelEvidence(test=half, eval=DIGITS.predicted("eval"))) == set()


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_binary_scores_of_any_shape_become_two_columns(shape: tuple[int, ...]) -> None:
    given = Predicted.of([0, 1, 1], np.array([0.25, 0.5, 1.0]).reshape(shape))
    assert given.scores.tolist() == [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]
    with pytest.raises(ValueError, match="not of the same rows"):
        Predicted.of([0, 1], np.ones(3))


def test_parity_is_judged_whatever_the_settings_of_the_repeatable_check() -> None:
    """A served function that answers the opposite, and not quite the same twice."""
    opposite = np.roll(GOOD, 1, axis=1)
    restless = Replay("serving_default", opposite, again=opposite + 1e-5)
    evidence = ModelEvidence(test=DIGITS.predicted("test"), replays=(*replays(GOOD)[:2], restless))
    for checks in ({"repeatable": {"enabled": False}}, {"repeatable": {"threshold": 1e-4}}):
        report = judge_model(evidence, GateSettings.model_validate({"checks": checks}))
        assert "replay_parity" in {finding.check for finding in report.of(Severity.BLOCK)}


def test_a_model_without_replays_is_refused_where_doubt_refuses() -> None:
    alone = ModelEvidence(test=DIGITS.predicted("test"))
    assert judge_model(alone, GateSettings()).blessed
    strict = judge_model(alone, GateSettings(strict=True))
    assert "replay_parity" in {finding.check for finding in strict.of(Severity.BLOCK)}
