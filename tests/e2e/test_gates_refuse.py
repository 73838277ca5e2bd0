"""DataGate and ModelGate in whole runs: unsound data and models are not pushed, and the run gives the reason."""

from __future__ import annotations

import csv
import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.samples.local_runs import QUICK, TAXI_CSV, Run, run_locally

pytestmark = pytest.mark.e2e

# Taken out of the list of what becomes known at payment.
PAYMENT_TYPE_BACK = ("--set", "prediction.known_from.payment=[tips]")
RESTLESS_MODEL = """
import keras
import tensorflow as tf

from models.wide_and_deep import build_model as build, search_space


class DropoutThatIsNeverOff(keras.layers.Layer):
    def call(self, inputs):
        return tf.nn.dropout(inputs, 0.2)


def build_model(hparams, feature_spec):
    model = build(hparams, feature_spec)
    restless = keras.Model(model.input, DropoutThatIsNeverOff()(model.output))
    restless.compile(optimizer="adam", loss="mse")
    return restless
"""


def findings(run: Run, gate: str, severity: str = "block") -> list[dict[str, Any]]:
    [report] = [report for report in run.record["gates"] if report["gate"] == gate]
    return [finding for finding in report["findings"] if finding["severity"] == severity]


def poisoned(path: Path) -> Path:
    """Taxi rides in which the company tells, 19 times in 20, whether the rider tipped well."""
    chance = random.Random(3)
    with TAXI_CSV.open() as source, path.open("w", newline="") as target:
        rows = list(csv.DictReader(source))
        for row in rows:
            generous = float(row["tips"] or 0) > 0.2 * float(row["fare"] or 0)
            tips = generous if chance.random() < 0.95 else not generous
            row["company"] = "Dispatch Taxi Affiliation" if tips else "Blue Ribbon Taxi Association Inc."
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def with_payment_type(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_locally(tmp_path_factory.mktemp("leak") / "out", *QUICK, *PAYMENT_TYPE_BACK)


def test_refuses_a_poisoned_file_before_training(tmp_path: Path) -> None:
    refused = run_locally(tmp_path / "out", *QUICK, "--data", str(poisoned(tmp_path / "rides.csv")))

    assert refused.exit_code == 2, refused.printed + refused.complaints
    states = refused.states()
    assert states["DataGate"] == "ran"
    assert {states.get(name, "skipped") for name in ("Transform", "Trainer", "Evaluator", "Pusher")} == {"skipped"}
    assert {(finding["check"], finding["subject"]) for finding in findings(refused, "data_gate")} == {
        ("single_feature", "company")
    }
    assert refused.versions() == []


def test_refuses_payment_type_and_names_its_auc_and_the_next_best(with_payment_type: Run) -> None:
    refused = with_payment_type
    assert refused.exit_code == 2, refused.printed + refused.complaints
    [leak] = [each for each in findings(refused, "data_gate") if each["check"] == "single_feature"]
    assert leak["subject"] == "payment_type"
    [aucs] = leak["chart"]["series"].values()
    assert aucs[0] == pytest.approx(0.93, abs=0.005)
    printed = " ".join(refused.printed.split())
    for part in ("payment_type", f"AUC {aucs[0]:.3f}", f"the next, `{leak['chart']['labels'][1]}`, has {aucs[1]:.3f}"):
        assert part in printed
    assert refused.states().get("Trainer", "skipped") == "skipped"


def test_the_report_shows_the_finding_with_evidence_and_remedy(with_payment_type: Run) -> None:
    [leak] = [each for each in findings(with_payment_type, "data_gate") if each["check"] == "single_feature"]
    page = with_payment_type.report
    assert leak["chart"]["marked"] == "payment_type"
    assert leak["chart"]["caption"] in page
    assert leak["remedy"].split("`")[0].strip() in page
    assert 'class="proof"' in page


def test_a_waiver_lets_it_pass_until_its_day_and_is_shown_everywhere(with_payment_type: Run, tmp_path: Path) -> None:
    def waived(until: date) -> tuple[str, ...]:
        waiver = {"reason": "agreed with the owners of the data", "expires": until.isoformat()}
        names = [finding["check"] for finding in findings(with_payment_type, "data_gate")]
        return tuple(
            part
            for name in names
            for key, value in waiver.items()
            for part in ("--set", f"gates.checks.{name}.waive.{key}={value}")
        )

    until = ("--until", "DataGate")
    today = date.today()

    passed = run_locally(tmp_path / "out", *QUICK, *PAYMENT_TYPE_BACK, *until, *waived(today + timedelta(days=1)))
    assert passed.exit_code == 0, passed.printed + passed.complaints
    warnings = findings(passed, "data_gate", "warn")
    assert any(finding.get("waiver") == "agreed with the owners of the data" for finding in warnings)
    assert "Waived until" in passed.report
    assert "Waived until" in " ".join(passed.printed.split())

    expired = run_locally(tmp_path / "out", *QUICK, *PAYMENT_TYPE_BACK, *until, *waived(today - timedelta(days=1)))
    assert expired.exit_code == 2
    assert "expired" in findings(expired, "data_gate")[0]["reason"]


def test_refuses_a_model_that_answers_differently_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "restless.py").write_text(RESTLESS_MODEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    refused = run_locally(tmp_path / "out", *QUICK, "--set", "model.module=restless", cold=True)

    assert refused.exit_code == 2, refused.printed + refused.complaints
    blocked = findings(refused, "model_gate")
    restless = {finding["subject"] for finding in blocked if finding["check"] == "repeatable"}
    assert restless == {"serving_default", "serving_examples"}
    assert refused.versions() == []


def test_the_verdicts_of_the_gates_are_kept_with_the_pushed_model(first_run: Run) -> None:
    gates = {report["gate"]: report for report in first_run.record["gates"]}
    assert {"example_validator", "data_gate", "evaluator", "model_gate"} <= set(gates)
    for name in ("data_gate", "model_gate"):
        assert len(gates[name]["checks_run"]) > 5
        assert json.dumps(gates[name])


def test_the_golden_requests_of_the_pushed_model_were_answered_over_http(first_run: Run) -> None:
    [gate] = [report for report in first_run.record["gates"] if report["gate"] == "model_gate"]
    [finding] = [each for each in gate["findings"] if each["check"] == "endpoint_parity"]
    assert finding["severity"] == "info" and finding["n"] == 32
    assert finding["reason"].startswith("The endpoint answers 32 golden requests as the model did, to ")
