"""Splits by a given column and by time, through the whole ingest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.config.workload import DataConfig, SplitConfig
from tests.unit.pipeline.ingest.test_run_formats import run, split_records

ROWS = 1_000


def written(folder: Path, frame: pd.DataFrame, **config) -> DataConfig:
    frame.to_csv(folder / "rows.csv", index=False)
    return DataConfig(source=str(folder / "rows.csv"), label="y", **config)


def test_the_column_that_assigns_rows_is_no_column_of_the_examples(tmp_path):
    parts = ["train"] * 8 + ["eval", "test"]
    data = written(tmp_path, pd.DataFrame({"part": parts * 10, "x": range(100), "y": [0, 1] * 50}))
    found = run(tmp_path / "out", data, SplitConfig(by="column", column="part"))
    assert found.rows == {"train": 80, "eval": 10, "test": 10}
    assert set(found.kinds) == {"x", "y"}
    assert found.columns == 2
    assert all(b"part" not in record for split in found.rows for record in split_records(tmp_path / "out", split))


def test_a_serving_log_with_the_split_column_has_the_columns_of_train(tmp_path):
    data = written(tmp_path, pd.DataFrame({"part": ["train"] * 20, "x": range(20), "y": [0, 1] * 10}))
    found = run(tmp_path / "out", data, SplitConfig(by="column", column="part"), only="serving")
    assert set(found.kinds) == {"x", "y"}


@pytest.mark.parametrize("unlabelled", [range(600), range(400, ROWS)], ids=["the first", "the last"])
def test_rows_without_a_label_do_not_count_for_the_cuts_in_time(tmp_path, unlabelled):
    frame = pd.DataFrame({"when": range(ROWS), "x": range(ROWS), "y": [0, 1] * (ROWS // 2)}).astype({"y": "Int64"})
    frame.loc[list(unlabelled), "y"] = pd.NA
    data = written(tmp_path, frame, time_column="when", max_unusable_share=0.9)
    used = ROWS - len(unlabelled)
    rows = run(tmp_path / "out", data, SplitConfig(by="time")).rows
    assert rows == {"train": used * 8 // 10, "eval": used // 10, "test": used // 10}


def test_rows_whose_label_cannot_be_computed_do_not_count_for_the_cuts_in_time(tmp_path):
    frame = pd.DataFrame({"when": range(ROWS), "tip": 1.0, "fare": [1.0, 9.0] * (ROWS // 2)})
    frame.loc[500:, "tip"] = None
    config = {"label_expression": "tip > 0.2 * fare", "time_column": "when", "max_unusable_share": 0.9}
    rows = run(tmp_path / "out", written(tmp_path, frame, **config), SplitConfig(by="time")).rows
    assert rows == {"train": 400, "eval": 50, "test": 50}


def test_rows_of_another_type_than_declared_do_not_count_for_the_cuts_in_time(tmp_path):
    frame = pd.DataFrame({"when": range(ROWS), "x": [*["?"] * 500, *map(str, range(500))], "y": [0, 1] * (ROWS // 2)})
    config = {"column_types": {"x": "int"}, "time_column": "when", "max_unusable_share": 0.9}
    rows = run(tmp_path / "out", written(tmp_path, frame, **config), SplitConfig(by="time")).rows
    assert rows == {"train": 400, "eval": 50, "test": 50}
