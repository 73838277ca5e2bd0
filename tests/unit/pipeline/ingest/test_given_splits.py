"""`split.test_files` keeps the rows of some files for test, in every format; `data.share` takes part of each split."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pandas as pd
import pytest
import tensorflow as tf

from core.errors import SluiceError
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from tests.samples.configurations import refusal

ROWS = {"a-2020": 400, "b-2021": 300, "official-test": 120}


def frame(name: str, rows: int) -> pd.DataFrame:
    start = sum(map(ord, name)) * 1000
    return pd.DataFrame(
        {"x": range(start, start + rows), "who": [row % 40 for row in range(rows)], "y": [0, 1] * (rows // 2)}
    )


def write(folder: Path, name: str, rows: int, format_: str) -> None:
    folder.mkdir(exist_ok=True)
    table = frame(name, rows)
    if format_ == "csv":
        table.to_csv(folder / f"{name}.csv", index=False)
    elif format_ == "parquet":
        table.to_parquet(folder / f"{name}.parquet", index=False)
    else:
        with tf.io.TFRecordWriter(str(folder / f"{name}.tfrecord")) as writer:
            for row in table.itertuples(index=False):
                features = {
                    key: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
                    for key, value in row._asdict().items()
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for name, rows in ROWS.items():
        write(tmp_path / "data", name, rows, getattr(request, "param", "csv"))
    return tmp_path / "data"


def run(folder: Path, split: SplitConfig, **more: object) -> Ingested:
    data = DataConfig(source=str(folder), **{"label": "y", **more})
    options = ["--runner=FnApiRunner"]
    wanted = Wanted(data, split)
    return ingest(lambda: beam.Pipeline(argv=options), resolve_source(data), wanted, str(folder.parent / "out"))


@pytest.mark.parametrize("folder", ["csv", "parquet", "tfrecord"], indirect=True)
def test_named_files_are_test_and_the_others_are_assigned_by_their_weights(folder):
    found = run(folder, SplitConfig(train=3, eval=1, test=5, test_files="official*"))
    assert found.rows["test"] == 120
    assert found.rows["train"] + found.rows["eval"] == 700
    assert 130 < found.rows["eval"] < 220  # a quarter of 700; the weight of test counts for nothing


def test_entities_are_not_parted_beside_given_test_files(folder):
    run(folder, SplitConfig(by="entity", train=3, eval=1, test_files="official*"), entity_key="who")
    columns = {}
    for split in ("train", "eval"):
        files = [str(path) for path in (folder.parent / f"out/Split-{split}").iterdir()]
        records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
        columns[split] = {
            tf.train.Example.FromString(raw).features.feature["who"].int64_list.value[0] for raw in records
        }
    assert columns["train"] and columns["eval"] and not columns["train"] & columns["eval"]


def test_a_share_leaves_out_rows_of_every_split_and_none_is_unusable(folder):
    found = run(folder, SplitConfig(test_files="official*"), share=0.5)
    assert found.unusable == 0 and found.not_shared + sum(found.rows.values()) == 820
    assert 40 < found.rows["test"] < 80 and 330 < sum(found.rows.values()) < 490


def test_refuses_a_share_that_empties_a_split(folder):
    with pytest.raises(SluiceError, match=r"is empty .* rows are left out by data\.share = 0\.001"):
        run(folder, SplitConfig(), share=0.001)


@pytest.mark.parametrize("by", ["time", "column"])
def test_test_files_beside_another_rule_for_test_are_refused(taxi_with, by):
    more = "  column: company\n" if by == "column" else ""
    error = refusal(taxi_with("  by: row\n", f"  by: {by}\n{more}  test_files: t10k-*\n"))
    assert f"`split.test_files` says which rows are test, and `split.by: {by}` says so too" in error.headline
