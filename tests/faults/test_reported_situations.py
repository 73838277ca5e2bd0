"""Situations of public bug reports, as a user meets them: files in, exit code and sentence out."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from benchmarks.faults.discrete import survey
from core.errors import ExitCode, SluiceError
from gates.command.app import main
from pipeline.config.load import load_workload
from pipeline.config.references import check_references
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source

ROWS = 1_200
FIRST_DAY = np.datetime64("2019-01-01")


def people(rows: int = ROWS, seed: int = 7) -> pd.DataFrame:
    """Customers and whether they left."""
    random = np.random.default_rng(seed)
    age, visits = random.integers(20, 80, rows), random.poisson(3, rows)
    income = random.lognormal(10.2, 0.5, rows).round(2)
    chance = 1 / (1 + np.exp(0.05 * (age - 45) + 0.3 * (visits - 3)))
    city = random.choice(["Oslo", "Bergen", "Tromso"], rows)
    left = (random.random(rows) < chance).astype(int)
    return pd.DataFrame({"age": age, "income": income, "city": city, "visits": visits, "churned": left})


def gates(folder: Path, tables: dict[str, pd.DataFrame | pa.Table], *options: str) -> Result:
    """`gates check` on these tables: frames as CSV files, Arrow tables as Parquet files."""
    given = [word for name, table in tables.items() for word in (f"--{name}", str(_written(folder, name, table)))]
    return CliRunner().invoke(main, ["check", *given, *options, "--json", "-"])


def _written(folder: Path, name: str, table: pd.DataFrame | pa.Table) -> Path:
    if isinstance(table, pd.DataFrame):
        table.to_csv(folder / f"{name}.csv", index=False)
        return folder / f"{name}.csv"
    pq.write_table(table, folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def refusals(result: Result) -> set[tuple[str, str]]:
    """The blocking findings by check and subject."""
    found = json.loads(result.stdout)["findings"]
    return {(each["check"], each["subject"]) for each in found if each["severity"] == "block"}


def ingested(source: Path, label: str = "churned", **more: object) -> Ingested:
    """The examples of a run, in its default split."""
    data = DataConfig(**{"source": str(source), "label": label, **more})
    wanted = Wanted(data, SplitConfig())
    pipeline = lambda: beam.Pipeline(argv=["--runner=FnApiRunner"])  # noqa: E731 (a factory is what ingest takes)
    return ingest(pipeline, resolve_source(data), wanted, str(source.parent / "examples"))


def refused(source: Path, **more: object) -> SluiceError:
    with pytest.raises(SluiceError) as caught:
        ingested(source, **more)
    assert caught.value.exit_code is ExitCode.UNUSABLE
    return caught.value


def values_of(folder: Path, column: str) -> list[int]:
    """A column of whole numbers in all splits."""
    import tensorflow as tf

    files = sorted(str(path) for path in (folder / "examples").rglob("*.gz"))
    found = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        found += tf.train.Example.FromString(record.numpy()).features.feature[column].int64_list.value
    return found


def test_a_table_of_discrete_answers_passes_in_the_default_split(tmp_path: Path) -> None:
    # tensorflow/tfx PR 1973 and issue 4390: the split is a hash of the record.
    survey().to_csv(tmp_path / "survey.csv", index=False)
    ingested(tmp_path / "survey.csv", label="y")
    splits = [
        word for name in ("train", "eval", "test") for word in (f"--{name}", str(tmp_path / f"examples/Split-{name}"))
    ]
    result = CliRunner().invoke(main, ["check", *splits, "--label", "y", "--json", "-"])
    assert (result.exit_code, refusals(result)) == (0, set())


def test_a_row_with_too_many_fields_is_named_by_its_line_in_the_file(tmp_path: Path) -> None:
    # tensorflow/tfx 2782 and 3997: columns do not match the header.
    lines = ["age,note,churned", *(f'{20 + i % 60},"two\nlines",{i % 2}' for i in range(500)), "20,x,1,1"]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    result = CliRunner().invoke(main, ["check", "--train", str(tmp_path / "rows.csv")])
    assert result.exit_code == 3
    assert "line 1002: 4 fields instead of 3" in result.output
    assert "sed -n 1002p" in result.output


def test_patients_on_both_sides_are_refused_where_the_key_has_sixteen_bytes(tmp_path: Path) -> None:
    # 16-byte identifiers in Parquet; tensorflow/tensorflow 43074: subjects on both sides.
    random = np.random.default_rng(3)
    keys = np.array([uuid.UUID(int=int(place) << 64 | 1, version=4).bytes for place in range(300)], dtype=object)
    tables = {}
    for name, rows in (("train", 1_000), ("test", 500)):
        frame = pa.Table.from_pandas(people(rows, seed=rows), preserve_index=False)
        tables[name] = frame.append_column("patient", pa.array(keys[random.integers(0, 300, rows)], pa.binary(16)))
    result = gates(tmp_path, tables, "--label", "churned", "--entity", "patient")
    assert (result.exit_code, refusals(result)) == (2, {("entity_overlap", "test")})


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y-%m-%d"])
@pytest.mark.parametrize("by_time", [True, False])
def test_a_split_by_time_passes_and_a_random_one_is_refused_however_times_are_written(
    tmp_path: Path, form: str, by_time: bool
) -> None:
    # NVIDIA-NeMo/Safe-Synthesizer 524; tensorflow/data-validation 37.
    days = pd.Series(FIRST_DAY + np.arange(ROWS) * 17 // 24)
    frame = people().assign(when=days.dt.strftime(form))
    is_train = np.arange(ROWS) < 900 if by_time else np.random.default_rng(5).random(ROWS) < 0.75
    tables = {"train": frame[is_train], "test": frame[~is_train]}
    result = gates(tmp_path, tables, "--label", "churned", "--time", "when")
    expected = (0, set()) if by_time else (2, {("time_order", "test")})
    assert (result.exit_code, refusals(result)) == expected


def test_spending_and_its_share_of_the_income_are_both_named(tmp_path: Path) -> None:
    # Kaggle Learn, "Data leakage": applications for a credit card.
    frame = people(2_000).rename(columns={"churned": "card"})
    random = np.random.default_rng(11)
    has = (frame["card"] == 1) & (random.random(len(frame)) > 0.02)
    spent = np.where(has, random.lognormal(5, 1, len(frame)), 0.0).round(2)
    frame = frame.assign(expenditure=spent, share=((spent + 0.1) * 12 / frame["income"]).round(6))
    result = gates(tmp_path, {"train": frame[:1_500], "test": frame[1_500:]}, "--label", "card")
    assert result.exit_code == 2
    assert refusals(result) == {("single_feature", "expenditure"), ("single_feature", "share")}


def test_a_word_for_missing_values_is_named_when_the_rows_are_read(tmp_path: Path) -> None:
    # tensorflow/tensorflow 25825; tensorflow/data-validation 95.
    age = people()["age"].astype(object).mask(np.arange(ROWS) % 10 == 0, "NA")
    people().assign(age=age).to_csv(tmp_path / "rows.csv", index=False)
    [note] = ingested(tmp_path / "rows.csv").notes
    assert note.startswith('`age` is text because of `NA` in 120 of 1,200 rows; set data.csv.missing: ["NA"]')
    assert ingested(tmp_path / "rows.csv", csv={"missing": ["NA"]}).notes == []


def test_train_without_one_of_two_classes_is_refused(tmp_path: Path) -> None:
    # Building-ML-Pipelines 23; tensorflow/tfx 5148.
    frame = people().assign(churned=0)
    frame.loc[[1_000, 1_150, 1_180], "churned"] = 1
    tables = {"train": frame[:900], "eval": frame[900:1_050], "test": frame[1_050:]}
    result = gates(tmp_path, tables, "--label", "churned")
    assert result.exit_code == 2
    assert "none is of class `1`" in " ".join(each["reason"] for each in json.loads(result.stdout)["findings"])


def test_a_column_whose_name_continues_another_ones_keeps_its_values(tmp_path: Path) -> None:
    # pandas 8908 and 14704: a repeated column is called `visits.1`; dask/fastparquet 245.
    frame = people()
    pq.write_table(pa.Table.from_pandas(frame.assign(**{"visits.1": frame.visits + 100})), tmp_path / "rows.parquet")
    ingested(tmp_path / "rows.parquet")
    assert sorted(values_of(tmp_path, "visits.1")) == sorted(frame["visits"] + 100)


def test_records_with_lists_of_lists_are_refused(tmp_path: Path) -> None:
    # tensorflow/tfx 5631; tensorflow/data-validation 45 and 67.
    import tensorflow as tf

    record = tf.train.SequenceExample()
    record.context.feature["churned"].int64_list.value.append(1)
    record.feature_lists.feature_list["clicks"].feature.add().int64_list.value.extend([1, 2])
    with tf.io.TFRecordWriter(str(tmp_path / "rows.tfrecord")) as writer:
        for _ in range(600):
            writer.write(record.SerializeToString())
    assert "record 1 is a tf.SequenceExample" in refused(tmp_path / "rows.tfrecord").headline


def test_three_classes_for_a_model_of_two_are_refused_before_anything_runs() -> None:
    # tensorflow/model-analysis 93.
    names = "data.class_names=[NORMAL, RECOVERING, BROKEN]"
    with pytest.raises(SluiceError) as caught:
        check_references(load_workload("taxi", [names]))
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert caught.value.next_command.endswith("--set model.hyperparameters.classes=3")


def test_numbers_of_64_bits_without_a_sign_name_their_column(tmp_path: Path) -> None:
    # apache/arrow 30652; data-prep-kit 793.
    device = pa.array([2**64 - 1 - place for place in range(ROWS)], pa.uint64())
    rows = pa.Table.from_pandas(people(), preserve_index=False).append_column("device", device)
    pq.write_table(rows, tmp_path / "rows.parquet")
    found = refused(tmp_path / "rows.parquet")
    assert "column `device` of type uint64" in found.headline
    assert "data.column_types" in found.next_command
    ingested(tmp_path / "rows.parquet", column_types={"device": "string"})


def test_a_column_that_no_example_holds_can_be_left_out(tmp_path: Path) -> None:
    # apache/arrow 1217; tensorflow/data-validation 92.
    extra = pa.array([{"a": place, "b": "x"} for place in range(ROWS)])
    rows = pa.Table.from_pandas(people(), preserve_index=False).append_column("extra", extra)
    pq.write_table(rows, tmp_path / "rows.parquet")
    assert "data.ignore_columns" in refused(tmp_path / "rows.parquet").next_command
    assert sum(ingested(tmp_path / "rows.parquet", ignore_columns=["extra"]).rows.values()) == ROWS
