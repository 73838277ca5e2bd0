"""The same rows give the same examples in the same splits, whatever the format, the order and the cutting."""

import csv
import random
from collections import Counter
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from sources import parquet, text_files, tfrecord
from sources.csv import Csv
from sources.kinds import Kind, kind_of_value
from sources.tfrecord import read_records

TAXI = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
SPLITS = ("train", "eval", "test")


def taxi_config(source, **more) -> DataConfig:
    settings = {"label": "big_tipper", "label_expression": "tips > 0.2 * fare", **more}
    return DataConfig(source=str(source), **settings)


def run(folder: Path, data: DataConfig, split: SplitConfig | None = None, only: str | None = None, **more) -> Ingested:
    options = ["--runner=FnApiRunner"]
    wanted = Wanted(data, split or SplitConfig(), only, **more)
    return ingest(lambda: beam.Pipeline(argv=options), resolve_source(data), wanted, str(folder))


def split_records(folder: Path, split: str) -> list[bytes]:
    return [r for path in sorted((folder / f"Split-{split}").iterdir()) for r in read_records(str(path))]


def rows_of(folder: Path, split: str) -> list[tuple]:
    """The examples of a split as plain values: feature by feature, so that the order within the bytes is nothing."""
    records = split_records(folder, split)
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(records)
    names = sorted(batch.schema.names)
    columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in names]
    return [
        tuple((name, value if value is None else tuple(value)) for name, value in zip(names, row, strict=True))
        for row in zip(*columns, strict=True)
    ]


def all_rows(folder: Path) -> dict[str, Counter]:
    return {split: Counter(rows_of(folder, split)) for split in SPLITS}


@pytest.fixture(scope="module")
def taxi_rows() -> list[list[str]]:
    path = Path(resolve_source(taxi_config(TAXI)).files[0])
    with path.open(newline="") as file:
        return list(csv.reader(file))[:1501]


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def from_csv(tmp_path_factory, taxi_rows) -> tuple[Path, Path]:
    """(the CSV file, the folder of its examples)"""
    folder = tmp_path_factory.mktemp("csv")
    source = write_csv(folder / "taxi.csv", taxi_rows)
    run(folder / "out", taxi_config(source))
    return source, folder / "out"


def test_every_row_goes_to_exactly_one_split(from_csv):
    assert sum(len(rows_of(from_csv[1], split)) for split in SPLITS) == 1500
    assert 0.75 < len(rows_of(from_csv[1], "train")) / 1500 < 0.85


def test_no_row_is_in_two_splits(from_csv):
    train, evaluation, test = (set(rows_of(from_csv[1], split)) for split in SPLITS)
    assert not train & evaluation and not train & test and not evaluation & test


def test_nothing_but_splits_remains(from_csv):
    assert sorted(path.name for path in from_csv[1].iterdir()) == ["Split-eval", "Split-test", "Split-train"]


def typed_table(source: Path) -> pa.Table:
    """The CSV file with the types that its examples have, as a careful owner would write it to Parquet."""
    kinds = Csv().survey(str(source)).kinds
    types = {Kind.NONE: pa.float64(), Kind.INT: pa.int64(), Kind.FLOAT: pa.float64(), Kind.BYTES: pa.string()}
    options = pyarrow.csv.ConvertOptions(
        column_types={name: types[kinds[name]] for name in kinds}, strings_can_be_null=True, null_values=[""]
    )
    return pyarrow.csv.read_csv(source, convert_options=options)


def test_parquet_gives_what_csv_gives(from_csv, tmp_path):
    source, expected = from_csv
    pq.write_table(typed_table(source), tmp_path / "taxi.parquet", row_group_size=200)
    run(tmp_path / "out", taxi_config(tmp_path / "taxi.parquet"))
    assert all_rows(tmp_path / "out") == all_rows(expected)


@pytest.mark.parametrize("expression", ["tips > 0.2 * fare", None])
def test_tfrecord_gives_what_csv_gives(expression, from_csv, tmp_path):
    """Examples go through ingest a second time and land where they were, with the label that they hold."""
    _, expected = from_csv
    (tmp_path / "data").mkdir()
    for split in SPLITS:
        for path in (expected / f"Split-{split}").iterdir():
            (tmp_path / "data" / f"{split}-{path.name}").write_bytes(path.read_bytes())
    run(tmp_path / "out", taxi_config(tmp_path / "data", label_expression=expression))
    assert all_rows(tmp_path / "out") == all_rows(expected)


def test_shuffled_rows_in_other_files_land_in_the_same_splits(from_csv, taxi_rows, tmp_path):
    header, rows = taxi_rows[0], list(taxi_rows[1:])
    random.Random(3).shuffle(rows)
    for number in range(3):
        write_csv(tmp_path / "data" / f"{9 - number}.csv", [header, *rows[number::3]])
    run(tmp_path / "out", taxi_config(tmp_path / "data"))
    assert all_rows(tmp_path / "out") == all_rows(from_csv[1])


def test_columns_may_stand_in_another_order_in_each_file(from_csv, taxi_rows, tmp_path):
    write_csv(tmp_path / "data" / "a.csv", taxi_rows[:700])
    write_csv(tmp_path / "data" / "b.csv", [row[::-1] for row in (taxi_rows[0], *taxi_rows[700:])])
    run(tmp_path / "out", taxi_config(tmp_path / "data"))
    assert all_rows(tmp_path / "out") == all_rows(from_csv[1])


def test_small_blocks_and_parts_change_nothing(from_csv, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 4096)
    for module in (text_files, parquet, tfrecord):
        monkeypatch.setattr(module, "PART_BYTES", 30_000, raising=module is not tfrecord)
        monkeypatch.setattr(module, "BATCH_ROWS", 17)
    run(tmp_path / "out", taxi_config(from_csv[0]))
    assert all_rows(tmp_path / "out") == all_rows(from_csv[1])
    assert len(list((tmp_path / "out" / "Split-train").iterdir())) > 3


def test_the_same_files_give_the_same_records_in_the_same_order(from_csv, tmp_path):
    run(tmp_path / "out", taxi_config(from_csv[0]))
    assert rows_of(tmp_path / "out", "train") == rows_of(from_csv[1], "train")


def test_the_label_is_that_of_pandas(from_csv, taxi_rows):
    import pandas as pd

    frame = pd.DataFrame(taxi_rows[1:], columns=taxi_rows[0]).astype({"tips": "float32", "fare": "float32"})
    tippers = int(frame.eval("tips > 0.2 * fare").sum())
    seen = Counter(dict(row)["big_tipper"] for split in SPLITS for row in rows_of(from_csv[1], split))
    assert seen == {(1,): tippers, (0,): 1500 - tippers}


def test_a_single_split_takes_every_row_without_a_label(taxi_rows, tmp_path):
    tips = taxi_rows[0].index("tips")
    served = [row[:tips] + row[tips + 1 :] for row in taxi_rows[:200]]
    source = write_csv(tmp_path / "served.csv", served)
    outcome = run(tmp_path / "out", taxi_config(source), only="serving")
    assert outcome.rows == {"serving": 199}
    assert "big_tipper" not in dict(rows_of(tmp_path / "out", "serving")[0])


def test_a_log_takes_the_wider_types_of_the_data_it_is_like(tmp_path):
    source = write_csv(tmp_path / "log.csv", [["fare", "company"], ["5", "7"], ["6", "8"]])
    known = {"fare": Kind.FLOAT, "company": Kind.BYTES}
    run(tmp_path / "out", taxi_config(source), only="serving", known=known)
    assert sorted(rows_of(tmp_path / "out", "serving")) == [
        (("company", (b"7",)), ("fare", (5.0,))),
        (("company", (b"8",)), ("fare", (6.0,))),
    ]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("7", Kind.INT),
        (" 7 ", Kind.INT),
        ("+7", Kind.INT),
        ("1_000", Kind.INT),
        ("0x1F", Kind.BYTES),
        ("9223372036854775808", Kind.BYTES),
        ("1e3", Kind.FLOAT),
        ("nan", Kind.FLOAT),
        ("-Infinity", Kind.FLOAT),
        ("true", Kind.BYTES),
        ("null", Kind.BYTES),
        ("2014-05-01", Kind.BYTES),
        ("٣", Kind.BYTES),
    ],
)
def test_a_cell_is_of_the_official_readers_kind(cell, kind):
    from tfx_bsl.coders import csv_decoder

    official = csv_decoder._InferValueType(cell.encode())
    assert kind_of_value(cell) is kind
    assert official.name == {Kind.BYTES: "STRING"}.get(kind, kind.name)
