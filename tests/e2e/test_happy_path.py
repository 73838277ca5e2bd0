"""From the real CSV to a pushed model that answers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.samples.local_runs import TAXI_CSV, Run

pytestmark = pytest.mark.e2e


def test_pushes_a_model_and_reports_it_in_few_lines(first_run: Run) -> None:
    assert first_run.exit_code == 0, first_run.printed + first_run.complaints
    assert len(first_run.printed.splitlines()) <= 40
    assert first_run.complaints == ""
    assert "PUSHED" in first_run.printed
    [version] = first_run.versions()
    assert first_run.record["pushed_version"] == version


def test_records_the_run_for_scripts(first_run: Run) -> None:
    record = first_run.record
    assert (record["outcome"], record["exit_code"], record["workload"]) == ("pushed", 0, "taxi")
    rows = len(TAXI_CSV.read_text().splitlines()) - 1
    assert sum(record["rows"].values()) == rows
    assert set(record["rows"]) == {"train", "eval", "test"}
    assert record["metrics"]["overall"]["n"] == record["rows"]["test"]
    assert record["metrics"]["overall"]["auc_lower"] < record["metrics"]["overall"]["auc"]
    assert any(figure["slice"].startswith("company=") for figure in record["metrics"]["slices"])
    assert {gate["verdict"] for gate in record["gates"]} == {"pass"}
    assert all(record[key] for key in ("data_fingerprint", "lock_hash", "seconds", "peak_memory_bytes"))


def test_compares_the_model_with_what_anybody_could_have_fitted(first_run: Run) -> None:
    references = {entry["name"]: entry for entry in first_run.record["metrics"]["references"]}
    majority, trees = references["majority class"], references["gradient-boosted trees"]
    assert majority["auc"] == pytest.approx(0.5)
    assert 0.7 < majority["accuracy"] < 0.85
    assert trees["auc_lower"] < trees["auc"] < trees["auc_upper"]
    assert "gradient-boosted trees" in first_run.report


def test_features_never_see_what_is_known_only_later(first_run: Run) -> None:
    [version] = first_run.versions()
    inputs = _signature_inputs(first_run.output / "serving/taxi" / version)
    assert {"fare", "trip_miles", "company"} <= set(inputs)
    assert not {"tips", "payment_type", "big_tipper"} & set(inputs)


def test_second_run_reuses_every_component(first_runs: tuple[Run, Run]) -> None:
    first, second = first_runs
    assert (first.exit_code, second.exit_code) == (0, 0), second.printed
    assert set(second.states().values()) == {"reused"}
    assert second.versions() == [first.record["pushed_version"]]
    assert second.record["outcome"] == "pushed"


def test_each_signature_predicts_in_a_fresh_process(first_run: Run) -> None:
    [version] = first_run.versions()
    script = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
raw = {"fare": 12.5, "trip_miles": 3.1, "trip_seconds": 780, "company": "Flash Cab", "trip_start_hour": 9}
signature = model.signatures["serving_default"]
inputs = {}
for name, spec in signature.structured_input_signature[1].items():
    missing = {"string": "", "float32": float("nan"), "int64": tf.int64.min}[spec.dtype.name]
    shape = [1] if len(spec.shape) == 1 else [1, 1]
    inputs[name] = tf.reshape(tf.constant(raw.get(name, missing), spec.dtype), shape)
features = {}
for name, value in raw.items():
    kind = inputs[name].dtype.name
    if kind == "string":
        features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    elif kind == "float32":
        features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    else:
        features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
by_name = float(signature(**inputs)["predictions"][0][0])
by_example = float(model.signatures["serving_examples"](examples=tf.constant([example]))["predictions"][0][0])
transformed = model.signatures["transform_features"](examples=tf.constant([example]))
print(json.dumps([by_name, by_example, sorted(transformed)]))
"""
    folder = str(first_run.output / "serving/taxi" / version)
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    by_name, by_example, transformed = json.loads(done.stdout)
    assert 0.0 < by_name < 1.0
    assert by_name == pytest.approx(by_example, abs=1e-6)
    assert transformed


def _signature_inputs(folder) -> list[str]:
    script = (
        "import json,sys,tensorflow as tf;"
        "m=tf.saved_model.load(sys.argv[1]);"
        "print(json.dumps(sorted(m.signatures['serving_default'].structured_input_signature[1])))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)
