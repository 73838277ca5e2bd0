"""The log that `python -m serving` writes of its requests, read as data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import tensorflow as tf

from gates.tables.files import read_files
from tests.samples.folders import ROOT
from tests.samples.fronts import FRONTS
from tests.samples.served_logs import ALL, logs_of, wait
from tests.samples.served_models import RIDE, WORKLOAD, Server, export_ride_model, served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    export_ride_model(tmp_path / "serving" / WORKLOAD / "101", 0.25)
    return tmp_path


def _post(server: Server, instance: Any, **headers: str) -> httpx.Response:
    return httpx.post(server.predict_url, json={"instances": [instance]}, headers=headers, timeout=60, trust_env=False)


@pytest.mark.parametrize("front", FRONTS)
def test_requests_are_rows_with_the_id_that_the_answer_carries(home: Path, front: tuple[str, ...]) -> None:
    with served(home, *ALL, *front) as server:
        given = _post(server, RIDE, **{"X-Request-Id": "ours"})
        made = _post(server, {"hour": 0})
        refused = _post(server, {}, **{"X-Request-Id": "refused"})
        # Who names a version tests it: such requests are no sample of what users send.
        server.post([RIDE], f"/v1/models/{WORKLOAD}/versions/101:predict")
        assert server.stop() == 0
    assert given.headers["X-Request-Id"] == "ours"
    assert (refused.status_code, refused.headers["X-Request-Id"]) == (400, "refused")
    logs = logs_of(home)
    assert [log.log_metadata.request_origin for log in logs] == ["ours", made.headers["X-Request-Id"]]
    assert {log.predict_log.request.model_spec.version.value for log in logs} == {101}
    scores = [tf.make_ndarray(log.predict_log.response.outputs["tip"]).tolist() for log in logs]
    assert scores == [[0.25], [0.0]]
    table = read_files({"serving": str(home / "serving_log" / WORKLOAD)})["serving"]
    assert table.to_pylist() == [
        {"company": b"Blue Ribbon", "fare": 10.0, "hour": 8},
        {"company": None, "fare": None, "hour": 0},
    ]


def test_a_killed_server_loses_the_last_interval_at_most_and_leaves_whole_files(home: Path) -> None:
    with served(home, *ALL, "--log-every", "0.1") as server:
        for number in range(20):
            _post(server, RIDE, **{"X-Request-Id": f"early-{number}"})
        wait(lambda: len(logs_of(home)) == 20, "the first requests are not in the log")
        for number in range(20):
            _post(server, RIDE, **{"X-Request-Id": f"late-{number}"})
        server.kill()
    names = [log.log_metadata.request_origin for log in logs_of(home)]
    assert names[:20] == [f"early-{number}" for number in range(20)]
    assert names[20:] == [f"late-{number}" for number in range(len(names) - 20)]
    with served(home, *ALL) as server:
        _post(server, RIDE, **{"X-Request-Id": "after"})
        server.stop()
    assert logs_of(home)[-1].log_metadata.request_origin == "after"


def test_hashed_and_omitted_features_are_no_columns(home: Path) -> None:
    with served(home, *ALL, "--log-hash", "company", "--log-omit", "fare", SLUICE_LOG_SALT="salt") as server:
        _post(server, RIDE)
        server.stop()
    (log,) = logs_of(home)
    assert set(log.predict_log.request.inputs) == {"hour"}
    assert "hashed/company" in log.predict_log.response.outputs
    assert b"Blue Ribbon" not in log.SerializeToString()


def test_a_folder_that_cannot_be_written_stops_no_request_and_is_a_metric(home: Path) -> None:
    (home / "serving_log").write_text("a file where the folder should be")
    with served(home, *ALL, "--log-every", "0.1") as server:
        lost = 'sluice_serving_log_unwritten_total{why="not writable"}'

        def is_counted() -> bool:
            assert _post(server, RIDE).status_code == 200
            text = httpx.get(f"{server.url}/metrics", trust_env=False).text
            return float(next(line for line in text.splitlines() if line.startswith(lost)).split()[-1]) > 0

        wait(is_counted, "the metric does not count what is missing")


def test_nothing_is_logged_when_it_is_off(home: Path) -> None:
    with served(home, "--log-share", "0") as server:
        assert _post(server, RIDE, **{"X-Request-Id": "ours"}).headers["X-Request-Id"] == "ours"
        server.stop()
    assert not (home / "serving_log").exists()


def test_a_hash_without_a_salt_is_refused_in_one_sentence(home: Path) -> None:
    command = [sys.executable, "-m", "serving", "--workload", WORKLOAD, "--output-dir", str(home), "--port", "0"]
    done = subprocess.run(
        [*command, "--log-hash", "company"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "SLUICE_LOG_SALT is not set" in done.stderr
    assert "Traceback" not in done.stderr
