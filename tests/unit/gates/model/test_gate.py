"""The ModelGate as a whole: each fault is refused for its reason, and odd evidence gets a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gates.model.evidence import ModelEvidence, Predicted, Probe, Replay
from gates.verdict.finding import Severity, Verdict
from tests.samples.fitted_models import blocking, fitted, replays, rounded, sharpened, trained, verdict

TABLES = ("digits", "tumours", "taxi")


@pytest.mark.parametrize("name", TABLES)
def test_inputs_that_are_not_scaled_at_serving_are_refused_by_parity_alone(name: str) -> None:
    model = trained(name)
    replayed = model.rows["test"][:500]
    unscaled = model.predict(replayed * 16)
    assert blocking(model.evidence(replays=replays(model.predict(replayed), serving_default=unscaled))) == {
        "replay_parity"
    }
    everywhere = dict.fromkeys(("serving_default", "serving_examples", "evaluated"), unscaled)
    assert blocking(model.evidence(replays=replays(model.predict(replayed), **everywhere))) == {"replay_parity"}


@pytest.mark.parametrize("name", TABLES)
def test_reordered_categories_at_serving_are_refused_by_parity_alone(name: str) -> None:
    model = trained(name)
    replayed = model.rows["test"][:500]
    order = np.random.default_rng(0).permutation(replayed.shape[1])
    served = replays(model.predict(replayed), serving_default=model.predict(replayed[:, order]))
    assert blocking(model.evidence(replays=served)) == {"replay_parity"}


@pytest.mark.parametrize("name", TABLES)
def test_dropout_at_serving_is_refused_as_not_repeatable_and_as_no_answer_of_training(name: str) -> None:
    model = trained(name)
    good = model.predict(model.rows["test"][:500])
    rng = np.random.default_rng(0)
    shaken = [sharpened(model.predict, 1 + 0.2 * rng.normal())(model.rows["test"][:500]) for _ in range(2)]
    served = Replay("serving_default", rounded(shaken[0]), again=rounded(shaken[1]))
    assert blocking(model.evidence(replays=(*replays(good)[:2], served))) - {"evaluated_is_served"} == {
        "repeatable",
        "replay_parity",
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_field_that_gives_nan_is_refused_by_its_probe_alone(name: str) -> None:
    model = trained(name)
    spoilt = model.predict(model.rows["test"][:20])
    spoilt[3] = np.nan
    evidence = model.evidence(probes=(Probe("fare", "missing", spoilt), Probe("company", "unknown", spoilt[:3])))
    assert blocking(evidence) == {"optional_fields"}


@pytest.mark.parametrize("name", TABLES)
def test_an_older_checkpoint_is_refused_as_not_what_was_evaluated(name: str) -> None:
    model = trained(name)
    replayed = model.rows["test"][:500]
    older = fitted(name, LogisticRegression(max_iter=3)).predict(replayed)
    good = model.predict(replayed)
    served = replays(good, serving_default=older, serving_examples=older)
    assert blocking(model.evidence(replays=served)) == {"replay_parity", "evaluated_is_served"}
    # Evaluator saw another checkpoint than training left and the signatures serve.
    assert blocking(model.evidence(replays=replays(good, evaluated=older))) == {"evaluated_is_served"}


@pytest.mark.parametrize("name", TABLES)
def test_a_constant_model_is_refused_as_trivial_alone(name: str) -> None:
    model = trained(name)
    shares = np.bincount(model.labels["train"]) / len(model.labels["train"])
    for constant in (shares, np.eye(len(shares))[shares.argmax()]):
        everywhere = model.evidence(predict=lambda raw, row=constant: np.tile(row, (len(raw), 1)))
        assert blocking(everywhere) == {"better_than_trivial"}


def test_multiplied_logits_are_refused() -> None:
    model = trained("taxi")
    replayed = model.rows["test"][:500]
    tripled = sharpened(model.predict, 3.0)
    found = blocking(model.evidence(predict=tripled))
    assert "overconfidence" in found
    assert found <= {"overconfidence", "loss_sanity", "prediction_collapse"}
    served = replays(model.predict(replayed), serving_default=tripled(replayed))
    assert blocking(model.evidence(replays=served)) == {"replay_parity"}


@pytest.mark.parametrize("name", TABLES)
def test_a_test_split_from_elsewhere_is_refused(name: str) -> None:
    model = trained(name)
    elsewhere = Predicted.of(model.labels["test"], model.predict(model.rows["test"] * 16))
    found = blocking(model.evidence(test=elsewhere))
    assert "loss_sanity" in found
    assert found <= {
        "generalisation",
        "class_generalisation",
        "loss_sanity",
        "prediction_collapse",
        "better_than_trivial",
    }


def test_verdicts_do_not_hang_on_the_order_of_rows() -> None:
    model = trained("taxi")
    order = np.random.default_rng(1).permutation(len(model.labels["test"]))
    turned = model.evidence(test=model.predicted("test").only(order), test_slices={})
    straight = model.evidence(test_slices={})
    reports = [
        [(f.check, f.subject, round(f.value, 9), f.severity) for f in verdict(e).findings] for e in (straight, turned)
    ]
    assert reports[0] == reports[1]


def test_without_evidence_every_check_is_skipped_with_its_reason() -> None:
    report = verdict(ModelEvidence())
    assert report.verdict is not Verdict.PASS
    assert {each.check: each.why for each in report.checks_skipped}["replay_parity"] == "no signature was replayed"
    assert report.checks_run == ()


def _odd() -> dict[str, ModelEvidence]:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.2, 0.9, np.nan, np.inf])
    few = Predicted.of(labels, scores)
    one_class = Predicted.of(np.zeros(50), np.linspace(0, 1, 50))
    unknown = Predicted.of(np.full(50, -1), np.linspace(0, 1, 50))
    flat = Predicted.of(np.ones(60), np.zeros(60), is_regression=True)
    lost = Predicted.of([np.nan] * 60, np.full(60, np.nan))
    three = Predicted.of(np.arange(60) % 3, np.eye(3)[np.arange(60) % 3])
    slices = {"k": np.array(["a", None] * 30, dtype=object), "short": np.array(["x"])}
    empty = Predicted.of([], np.empty((0, 2)))
    return {
        "few": ModelEvidence(train=few, eval=few, test=few, blessed=few, best_stump=few, test_slices=slices),
        "one class": ModelEvidence(train=one_class, eval=one_class, test=one_class, blessed=one_class),
        "unknown labels": ModelEvidence(train=unknown, eval=unknown, test=unknown),
        "flat regression": ModelEvidence(train=flat, eval=flat, test=flat, blessed=flat, test_slices=slices),
        "nothing but NaN": ModelEvidence(train=lost, eval=lost, test=lost, blessed=lost, test_slices=slices),
        "other classes": ModelEvidence(train=one_class, eval=one_class, test=three, blessed=one_class, best_stump=few),
        "perfect": ModelEvidence(train=three, eval=three, test=three, blessed=three, test_slices=slices),
        "empty": ModelEvidence(train=empty, eval=empty, test=empty, blessed=empty, replays=replays(np.empty((0, 2)))),
        "failed calls": ModelEvidence(
            test=three,
            replays=(
                Replay("training", np.eye(3)),
                Replay("endpoint", None),
                Replay("serving_default", 5.0, again=4.0),
            ),
            probes=(Probe("a", "missing", None), Probe("b", "missing", None, "\n")),
        ),
    }


@pytest.mark.parametrize("case", _odd())
def test_odd_evidence_gets_an_answer(case: str) -> None:
    report = verdict(_odd()[case])
    assert report.loads(report.dumps()).verdict is report.verdict


def test_every_finding_says_why_and_what_next() -> None:
    model = trained("digits")
    for finding in verdict(model.evidence(predict=sharpened(model.predict, 3.0))).findings:
        assert finding.reason.endswith("."), finding
        assert finding.severity is not Severity.BLOCK or finding.chart or finding.sample
