"""The same rows as CSV, Parquet, JSON Lines or TFRecord are the same data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples.local_runs import TAXI_CSV, Run, run_locally

pytestmark = pytest.mark.e2e
_UNTIL_STATISTICS = ("--until", "StatisticsGen")


@pytest.fixture
def from_csv(first_run: Run) -> Run:
    return first_run


def test_parquet_gives_the_same_splits_and_statistics(from_csv: Run, tmp_path: Path) -> None:
    file = tmp_path / "taxi.parquet"
    # Missing text is missing, as the CSV reader has it, and not the empty string.
    script = """
import sys
from pyarrow import csv, parquet
table = csv.read_csv(sys.argv[1], convert_options=csv.ConvertOptions(strings_can_be_null=True))
parquet.write_table(table, sys.argv[2])
"""
    subprocess.run([sys.executable, "-c", script, str(TAXI_CSV), str(file)], check=True)
    _same(from_csv, run_locally(tmp_path / "out", "--data", str(file), *_UNTIL_STATISTICS))


def test_json_lines_give_the_same_splits_and_statistics(from_csv: Run, tmp_path: Path) -> None:
    script = """
import sys, pandas
pandas.read_csv(sys.argv[1]).to_json(sys.argv[2], orient="records", lines=True, double_precision=15)
"""
    file = tmp_path / "taxi.jsonl.gz"
    subprocess.run([sys.executable, "-c", script, str(TAXI_CSV), str(file)], check=True)
    _same(from_csv, run_locally(tmp_path / "out", "--data", str(file), *_UNTIL_STATISTICS))


def test_tfrecord_gives_the_same_splits_and_statistics(from_csv: Run, tmp_path: Path) -> None:
    [examples] = (from_csv.output / "taxi/artifacts/ExampleGen/examples").iterdir()
    folder = tmp_path / "records"
    folder.mkdir()
    for shard in examples.glob("Split-*/*"):
        (folder / f"{shard.parent.name}-{shard.name}").write_bytes(shard.read_bytes())
    again = run_locally(
        tmp_path / "out", "--data", str(folder), "--set", "data.label_expression=null", *_UNTIL_STATISTICS
    )
    _same(from_csv, again)


def _same(one: Run, other: Run) -> None:
    assert (one.exit_code, other.exit_code) == (0, 0), other.printed + other.complaints
    assert one.record["rows"] == other.record["rows"]
    assert _statistics(one) == _statistics(other)


def _statistics(run: Run) -> dict[str, object]:
    """Counts, means and missing values by split and feature, read in a fresh process."""
    script = """
import json, sys, pathlib
from tensorflow_metadata.proto.v0 import statistics_pb2
found = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("Split-*/FeatureStats.pb")):
    [dataset] = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets
    for feature in dataset.features:
        common = feature.num_stats.common_stats if feature.HasField("num_stats") else feature.string_stats.common_stats
        name = feature.name or feature.path.step[0]
        found[f"{path.parent.name}/{name}"] = [
            dataset.num_examples, feature.type, common.num_missing, common.num_non_missing,
            round(feature.num_stats.mean, 5), round(feature.num_stats.std_dev, 5), feature.string_stats.unique]
print(json.dumps(found, sort_keys=True))
"""
    [folder] = (run.output / "taxi/artifacts/StatisticsGen/statistics").iterdir()
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
