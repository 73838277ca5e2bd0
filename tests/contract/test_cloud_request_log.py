"""Vertex AI's log of requests in BigQuery, read by the real client from the local cloud."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from cloud.request_log.table import logged_requests
from cloud.testing.cloud import LocalCloud
from cloud.testing.services.bigquery import PAGE_ROWS, Table
from core.errors import SluiceError
from gates.tables.files import read_files
from tests.samples.folders import ROOT

NAME = "local-project.logging_taxi_7.request_response_logging"
NOW = datetime(2026, 1, 15, tzinfo=timezone.utc)
DAY = timedelta(days=1)
# As Vertex AI makes the table.
SCHEMA = [
    {"name": "endpoint", "type": "STRING", "mode": "NULLABLE"},
    {"name": "deployed_model_id", "type": "STRING", "mode": "NULLABLE"},
    {"name": "logging_time", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "request_id", "type": "NUMERIC", "mode": "NULLABLE"},
    {"name": "request_payload", "type": "STRING", "mode": "REPEATED"},
    {"name": "response_payload", "type": "STRING", "mode": "REPEATED"},
]


@pytest.fixture
def table(cloud: LocalCloud) -> Iterator[Table]:
    cloud.bigquery.tables[NAME] = made = Table(SCHEMA)
    yield made
    del cloud.bigquery.tables[NAME]


def _add(table: Table, time: datetime, *instances: Any) -> None:
    table.rows.append({"logging_time": time, "request_payload": [json.dumps(each) for each in instances]})


def test_instances_are_read_in_the_order_of_time_and_not_older_than_wanted(table: Table) -> None:
    _add(table, NOW, {"fare": 3.5, "hour": 9}, {"fare": None, "company": "", "hour": 10})
    _add(table, NOW - DAY, {"fare": 2.5, "hour": 8})
    _add(table, NOW - 8 * DAY, {"fare": 1.5, "hour": 7})
    found = logged_requests(f"bq://{NAME}", NOW - 7 * DAY, most=100)
    assert found.instances == [{"fare": 2.5, "hour": 8}, {"fare": 3.5, "hour": 9}, {"hour": 10}]
    assert (found.requests, found.left_out) == (2, 0)


def test_of_more_requests_than_wanted_the_newest_are_read_over_several_pages(table: Table) -> None:
    count = 3 * PAGE_ROWS
    for number in range(count):
        _add(table, NOW + timedelta(seconds=number), {"hour": number})
    found = logged_requests(NAME, NOW, most=2 * PAGE_ROWS + 1)
    assert [each["hour"] for each in found.instances] == list(range(PAGE_ROWS - 1, count))


def test_what_names_no_features_is_left_out_and_counted(table: Table) -> None:
    _add(table, NOW, {"hour": 1}, [1, 2], 3)
    table.rows[0]["request_payload"].append("cut sh")
    found = logged_requests(NAME, NOW, most=10)
    assert (found.instances, found.left_out) == ([{"hour": 1}], 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "request_payload", "type": "JSON", "mode": "NULLABLE"}, "`request_payload` is NULLABLE JSON"),
        ({"name": "request_payload", "type": "STRING", "mode": "NULLABLE"}, "`request_payload` is NULLABLE STRING"),
        ({"name": "payload", "type": "STRING", "mode": "REPEATED"}, "`request_payload` is not there"),
    ],
)
def test_another_schema_is_refused_in_one_sentence(table: Table, changed: dict[str, str], message: str) -> None:
    table.schema = [changed if each["name"] == "request_payload" else each for each in SCHEMA]
    with pytest.raises(SluiceError, match="schema version v1") as refused:
        logged_requests(NAME, NOW, most=10)
    assert message in refused.value.headline


def test_a_table_that_is_not_there_is_named(cloud: LocalCloud) -> None:
    with pytest.raises(SluiceError, match=r"there is no table local-project\.other\.log") as refused:
        logged_requests("bq://local-project.other.log", NOW, most=10)
    assert "bq ls local-project:other" in str(refused.value)


def test_a_right_that_is_missing_is_named(cloud: LocalCloud) -> None:
    name = "local-project.closed.log"
    cloud.bigquery.tables[name] = Table(SCHEMA)
    cloud.access.deny("bigquery.tables.getData", name)
    with pytest.raises(SluiceError, match=r"may not read local-project\.closed\.log .*bigquery\.tables\.getData"):
        logged_requests(name, NOW, most=10)


@pytest.mark.parametrize("name", ["", "log", "dataset.log", "gs://bucket/log"])
def test_what_is_no_table_is_refused(name: str) -> None:
    with pytest.raises(SluiceError, match="is not the name of a table in BigQuery"):
        logged_requests(name, NOW, most=10)


def _command(cloud: LocalCloud, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloud.request_log", *words],
        cwd=ROOT,
        env=cloud.child_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_writes_what_the_gates_read(cloud: LocalCloud, table: Table, tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    _add(table, now - timedelta(hours=1), {"fare": 3, "company": "Blue", "hour": 9}, {"fare": 2.5, "hour": 10})
    done = _command(cloud, NAME, "--to", str(tmp_path / "log"))
    assert done.returncode == 0, done.stderr
    assert "2 instances of 1 requests" in done.stdout
    rows = read_files({"serving": str(tmp_path / "log")})["serving"].to_pylist()
    assert rows == [{"fare": 3.0, "company": b"Blue", "hour": 9}, {"fare": 2.5, "company": None, "hour": 10}]


def test_the_command_says_that_nothing_was_logged(cloud: LocalCloud, table: Table, tmp_path: Path) -> None:
    done = _command(cloud, NAME, "--to", str(tmp_path / "log"))
    assert done.returncode == 3
    assert "holds no instance with named features of the last 7 days" in done.stderr
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("inside", ["", "log/more"])
def test_a_place_that_cannot_be_written_is_refused_before_the_table_is_read(
    cloud: LocalCloud, tmp_path: Path, inside: str
) -> None:
    (tmp_path / "taken").touch()
    done = _command(cloud, "local-project.none.log", "--to", str(tmp_path / "taken" / inside))
    assert done.returncode == 3
    assert "sluice: --to " in done.stderr
    assert f"{tmp_path}/taken is not a folder" in done.stderr
    assert "Traceback" not in done.stderr
