"""A curated schema says how numbers are read: what another tool has rewritten without changing a value stays the same
example in the same split, and what does not fit still reaches the validator."""

from collections import Counter
from pathlib import Path

import apache_beam as beam
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from pipeline.components.example_gen import types_in_schema
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.plan import Wanted
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from sources.kinds import Kind, texts_are_whole, to_kind
from sources.tfrecord import frame_records, read_records
from tests.samples.folders import ROOT

TAXI = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
SCHEMA = ROOT / "schema/taxi/schema.pbtxt"


def run(folder: Path, source: Path | str, known: dict[str, Kind] | None = None, only: str | None = "all", **data):
    """The whole of ingest; by default into one split, which needs no label."""
    config = DataConfig(**{"source": str(source), "label": "label", **data})
    wanted = Wanted(config, SplitConfig(), only, known or {})
    return ingest(
        lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), resolve_source(config), wanted, str(folder / "out")
    )


def taxi(folder: Path, source: Path | str) -> dict[str, Counter]:
    """The examples of each split, as the taxi workload reads them."""
    run(
        folder,
        source,
        types_in_schema(SCHEMA.read_text()),
        only=None,
        label="big_tipper",
        label_expression="tips > 0.2 * fare",
    )
    return {split: examples(folder, split) for split in ("train", "eval", "test")}


def examples(folder: Path, split: str) -> Counter:
    records = [r for path in (folder / "out" / f"Split-{split}").iterdir() for r in read_records(str(path))]
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(records)
    names = sorted(batch.schema.names)
    columns = [map(str, batch.column(batch.schema.get_field_index(name)).to_pylist()) for name in names]
    return Counter(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> dict[str, Counter]:
    return taxi(tmp_path_factory.mktemp("original"), TAXI)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    frame = pd.read_csv(resolve_source(DataConfig(source=TAXI, label="x")).files[0])
    assert str(frame["dropoff_community_area"].dtype) == "float64", "pandas now keeps ints with a missing value"
    return frame


def test_taxi_rides_that_pandas_saved_as_csv_are_the_same_examples_in_the_same_splits(original, frame, tmp_path):
    frame.to_csv(tmp_path / "resaved.csv", index=False)
    assert taxi(tmp_path, tmp_path / "resaved.csv") == original


def test_taxi_rides_that_pandas_saved_as_parquet_are_the_same_examples_in_the_same_splits(original, frame, tmp_path):
    frame.to_parquet(tmp_path / "resaved.parquet", index=False)
    assert taxi(tmp_path, tmp_path / "resaved.parquet") == original


def write_csv(folder: Path, values: list[str], name: str = "data.csv") -> Path:
    (folder / name).write_text("n,m\n" + "".join(f"{value},x\n" for value in values))
    return folder / name


def kind(outcome: Ingested) -> Kind:
    return Kind(outcome.kinds["n"])


@pytest.mark.parametrize(
    ("values", "known", "becomes"),
    [
        (["12", "13"], Kind.FLOAT, Kind.FLOAT),
        (["12.0", "", "-3.0", "1.7e10"], Kind.INT, Kind.INT),
        (["12.5", "3.0"], Kind.INT, Kind.FLOAT),
        (["nan", "3.0"], Kind.INT, Kind.FLOAT),
        (["inf", "3.0"], Kind.INT, Kind.FLOAT),
        (["1.152921504606847e+18"], Kind.INT, Kind.FLOAT),  # the digits that were meant are lost
        (["9007199254740993", "1.0"], Kind.INT, Kind.INT),  # these are not
        (["$12.5", "3.0"], Kind.FLOAT, Kind.BYTES),
        (["$12", "3"], Kind.INT, Kind.BYTES),
        (["007", "12"], Kind.BYTES, Kind.BYTES),
        (["", ""], Kind.FLOAT, Kind.NONE),
        (["12", "13"], Kind.NONE, Kind.INT),
        (["12.0", "13.0"], Kind.NONE, Kind.FLOAT),
    ],
)
def test_a_csv_column_takes_the_type_of_the_schema_where_no_value_changes_by_it(values, known, becomes, tmp_path):
    outcome = run(tmp_path, write_csv(tmp_path, values), {"n": known} if known else {})
    assert (kind(outcome), outcome.unusable) == (becomes, 0)


@pytest.mark.parametrize(
    ("column", "known", "becomes"),
    [
        (pa.array([12.0, None]), Kind.INT, Kind.INT),
        (pa.array([12.0, 2.5]), Kind.INT, Kind.FLOAT),
        (pa.array([[1.0, 2.0], []]), Kind.INT, Kind.INT),
        (pa.array([2.0**25], pa.float32()), Kind.INT, Kind.FLOAT),
        (pa.array([None, None], pa.float64()), Kind.INT, Kind.NONE),
        (pa.array([12, 13]), Kind.FLOAT, Kind.FLOAT),
        (pa.array([12, 13]), Kind.BYTES, Kind.INT),  # a number where text belongs is the validator's affair
        (pa.array(["12"]), Kind.INT, Kind.BYTES),
    ],
)
def test_a_parquet_column_takes_the_type_of_the_schema_where_no_value_changes_by_it(column, known, becomes, tmp_path):
    pq.write_table(pa.table({"n": column}), tmp_path / "data.parquet")
    assert kind(run(tmp_path, tmp_path / "data.parquet", {"n": known})) is becomes


@pytest.mark.parametrize(("last", "becomes"), [(3.0, Kind.INT), (3.5, Kind.FLOAT)])
def test_floats_of_a_tfrecord_become_the_ints_of_the_schema_when_all_are_whole(last, becomes, tmp_path):
    column = pa.array([[1.0], [], [last]], pa.large_list(pa.float32()))
    records = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays([column], ["n"]))
    (tmp_path / "data.tfrecord").write_bytes(frame_records(records))
    assert kind(run(tmp_path, tmp_path / "data.tfrecord", {"n": Kind.INT})) is becomes


def test_one_file_with_a_fraction_keeps_the_column_float_in_all(tmp_path):
    (tmp_path / "in").mkdir()
    for name, value in (("a.csv", "1"), ("b.csv", "2.0"), ("c.csv", "2.5")):
        write_csv(tmp_path / "in", [value], name)
    assert kind(run(tmp_path, tmp_path / "in", {"n": Kind.INT})) is Kind.FLOAT


def test_ints_in_one_file_and_whole_floats_in_another_are_ints(tmp_path):
    (tmp_path / "in").mkdir()
    for name, value in (("a.csv", "1"), ("b.csv", "2.0"), ("c.csv", "")):
        write_csv(tmp_path / "in", [value], name)
    assert kind(run(tmp_path, tmp_path / "in", {"n": Kind.INT})) is Kind.INT


def test_text_where_the_schema_has_numbers_reaches_the_validator_even_when_the_label_needs_them(tmp_path):
    """One bad cell makes no row unusable and no label wrong: there is none, and the validator says why."""
    source = write_csv(tmp_path, [str(i) for i in range(99)] + ["$12.5"])
    expression = {"label": "big", "label_expression": "n > 3"}
    outcome = run(tmp_path, source, {"n": Kind.FLOAT}, only=None, **expression)
    assert (kind(outcome), outcome.unusable, sum(outcome.rows.values())) == (Kind.BYTES, 0, 100)
    assert outcome.columns == 2


def test_a_type_of_the_configuration_goes_before_that_of_the_schema(tmp_path):
    outcome = run(tmp_path, write_csv(tmp_path, ["1.0"]), {"n": Kind.INT}, column_types={"n": "string"})
    assert kind(outcome) is Kind.BYTES


def test_a_forced_int_may_be_written_with_a_point_and_zero(tmp_path):
    outcome = run(tmp_path, write_csv(tmp_path, ["1.0", "2"]), column_types={"n": "int"})
    assert (kind(outcome), outcome.unusable) == (Kind.INT, 0)


@pytest.mark.parametrize("values", [["1.0", "2.0"], ["1_000.0", " 7 ", None], ["-0.0"]])
def test_whole_numbers_are_the_same_ints_by_either_way_of_reading(values):
    texts = pa.array(values, pa.string())
    assert texts_are_whole(texts)
    expected = [None if value is None else int(float(value)) for value in values]
    assert to_kind(texts, Kind.INT)[0].to_pylist() == expected
