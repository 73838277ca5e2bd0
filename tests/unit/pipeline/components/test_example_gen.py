"""The ExampleGen component, compared with the official one on the real taxi data."""

from collections import Counter
from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.artifacts.examples import facts_of, kinds_of
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.source import Source, resolve_source
from sources.kinds import Kind
from sources.tfrecord import read_records

TAXI = "package:tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
BEAM = ["--runner=FnApiRunner"]


def taxi(source=TAXI, **more) -> DataConfig:
    return DataConfig(source=str(source), label="big_tipper", label_expression="tips > 0.2 * fare", **more)


@pytest.fixture(scope="module")
def head(tmp_path_factory) -> Path:
    """The first rows of the taxi data in a folder of their own: the official reader takes 1,000 rows a second."""
    path = tmp_path_factory.mktemp("taxi") / "taxi.csv"
    with Path(resolve_source(taxi()).files[0]).open() as file:
        path.write_text("".join(line for _, line in zip(range(2001), file, strict=False)))
    return path


def run(component, uri: Path, like=None):
    """What TFX does with the component, without its metadata store."""
    from tfx.types import standard_artifacts

    from pipeline.components.example_gen import ExampleGenExecutor

    examples = standard_artifacts.Examples()
    examples.uri = str(uri)
    executor = ExampleGenExecutor(ExampleGenExecutor.Context(beam_pipeline_args=BEAM, unique_id="1"))
    executor.Do({"like": [like]} if like else {}, {"examples": [examples]}, dict(component.exec_properties))
    return examples


def parsed(files) -> Counter:
    """Examples by their canonical bytes, without the derived label."""
    from tensorflow.core.example.example_pb2 import Example

    seen: Counter = Counter()
    for path in files:
        for record in read_records(str(path)):
            example = Example.FromString(record)
            example.features.feature.pop("big_tipper", None)
            seen[example.SerializeToString(deterministic=True)] += 1
    return seen


def test_gives_the_examples_of_the_official_component(head, tmp_path):
    from tfx.components.example_gen.csv_example_gen.executor import Executor
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts
    from tfx.utils import proto_utils

    from pipeline.components.example_gen import ExampleGen

    source = resolve_source(taxi(head))
    ours = run(ExampleGen(taxi(head), SplitConfig(), source), tmp_path / "ours")
    official = standard_artifacts.Examples()
    official.uri = str(tmp_path / "official")
    only = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")])
    properties = {
        "input_base": str(head.parent),
        "input_config": proto_utils.proto_to_json(only),
        "output_config": "{}",
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
    }
    executor = Executor(Executor.Context(beam_pipeline_args=BEAM, unique_id="1"))
    executor.Do({}, {"examples": [official]}, properties)

    ours_seen = parsed(Path(ours.uri).glob("Split-*/*"))
    assert sum(ours_seen.values()) == 2000
    assert ours_seen == parsed(Path(official.uri).glob("Split-*/*"))
    for name in ("payload_format", "file_format"):
        official_value = official.get_string_custom_property(name)
        assert ours.get_string_custom_property(name) == (official_value or "tfrecords_gzip")


def test_stores_the_facts_of_the_run(head, tmp_path):
    from pipeline.components.example_gen import ExampleGen

    source = resolve_source(taxi(head))
    examples = run(ExampleGen(taxi(head), SplitConfig(), source, fingerprint(source)), tmp_path / "out")
    facts = facts_of(examples)
    assert sum(facts.rows.values()) == 2000
    assert examples.splits == ["train", "eval", "test"]
    assert (facts.columns, facts.unusable_rows, facts.unusable_file) == (19, 0, None)
    assert facts.data_fingerprint == fingerprint(source)
    assert facts.share == 1.0


@pytest.mark.parametrize(("only", "share"), [("", 0.5), ("serving", 1.0)])
def test_stores_the_share_of_the_rows_that_was_taken(head, tmp_path, only, share):
    from pipeline.components.example_gen import ExampleGen

    data, source = taxi(head, share=0.5), resolve_source(taxi(head))
    examples = run(ExampleGen(data, SplitConfig(), source, only=only), tmp_path / "out")
    facts = facts_of(examples)
    assert facts.share == share
    assert (sum(facts.rows.values()) < 2000) == (share < 1)


def test_finds_its_files_where_it_runs_and_then_takes_their_fingerprint(head, tmp_path):
    from pipeline.components.example_gen import ExampleGen

    unresolved = Source(files=(), format="auto", span=None, version=None, pattern=str(head))  # type: ignore[arg-type]
    examples = run(ExampleGen(taxi(head), SplitConfig(), unresolved), tmp_path / "out")
    assert facts_of(examples).data_fingerprint == fingerprint(resolve_source(taxi(head)))


def test_a_serving_log_shares_the_types_of_the_examples_it_is_like(head, tmp_path):
    from tensorflow.core.example.example_pb2 import Example

    from pipeline.components.example_gen import ExampleGen

    examples = run(ExampleGen(taxi(head), SplitConfig(), resolve_source(taxi(head))), tmp_path / "out")
    (tmp_path / "log.csv").write_text("fare,company\n5,7\n")
    log = taxi(tmp_path / "log.csv")
    component = ExampleGen(log, SplitConfig(), resolve_source(log), only="serving")
    served = run(component, tmp_path / "served", like=examples)
    assert served.splits == ["serving"]
    (path,) = Path(served.uri).glob("Split-serving/*")
    example = Example.FromString(next(read_records(str(path))))
    assert example.features.feature["fare"].float_list.value[:] == [5.0]
    assert example.features.feature["company"].bytes_list.value[:] == [b"7"]


def test_a_refusal_leaves_the_executor_as_our_own_error(tmp_path):
    from pipeline.components.example_gen import ExampleGen

    (tmp_path / "bad.csv").write_text("tips,fare\n1,2\n3\n")
    data = taxi(tmp_path / "bad.csv")
    with pytest.raises(SluiceError, match="1 of 2 rows cannot be used"):
        run(ExampleGen(data, SplitConfig(), resolve_source(data)), tmp_path / "ExampleGen" / "examples" / "3")
    assert (tmp_path / "ExampleGen" / "unusable_rows-3.jsonl").exists()


def test_files_that_were_exchanged_since_the_run_began_are_refused(head, tmp_path):
    from pipeline.components.example_gen import ExampleGen

    own = tmp_path / "taxi.csv"
    own.write_text(head.read_text())
    source = resolve_source(taxi(own))
    component = ExampleGen(taxi(own), SplitConfig(), source, fingerprint(source))
    own.write_text("".join(head.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(SluiceError, match="are not those that were found when the run began"):
        run(component, tmp_path / "out")


def test_a_file_that_is_exchanged_while_it_is_read_and_put_back_leaves_no_examples(head, tmp_path, monkeypatch):
    from pipeline.components.example_gen import ExampleGen
    from sources.csv import Csv

    own, text, read = tmp_path / "taxi.csv", head.read_text(), Csv.read
    own.write_text(text)

    def exchanged(self, part, only=None):
        own.write_text(text.replace("Flash", "Flush"))
        yield from read(self, part, only)
        own.write_text(text)

    monkeypatch.setattr(Csv, "read", exchanged)
    source = resolve_source(taxi(own))
    with pytest.raises(SluiceError, match="was written or exchanged while it was read"):
        run(ExampleGen(taxi(own), SplitConfig(), source, fingerprint(source)), tmp_path / "out")
    assert not list((tmp_path / "out").glob("Split-*"))


def test_what_changes_no_example_stays_out_of_the_cache_key(head):
    from pipeline.components.example_gen import ExampleGen

    source = resolve_source(taxi(head))
    plain = ExampleGen(taxi(head), SplitConfig(), source).exec_properties
    for more in ({"serving_log": "log.csv"}, {"pixel_columns": ["pixel"]}):
        assert ExampleGen(taxi(head, **more), SplitConfig(), source).exec_properties == plain
    assert all(isinstance(value, str) for value in plain.values())


SCHEMA = 'feature { name: "tips" type: INT } feature { name: "fare" type: BYTES }'


def test_the_schema_types_the_examples_and_an_edit_of_its_limits_leaves_them_cached(head):
    from pipeline.components.example_gen import ExampleGen, ExampleGenInputs

    source = resolve_source(taxi(head))
    none, given, edited = (
        ExampleGen(taxi(head), SplitConfig(), source, schema=schema).exec_properties
        for schema in ("", SCHEMA, SCHEMA.replace("INT", "INT int_domain { min: 0 }"))
    )
    assert none != given == edited
    known = ExampleGenInputs.from_property(given["config"]).known
    assert known == {"fare": Kind.BYTES, "tips": Kind.INT}


def test_a_serving_log_takes_the_types_of_the_schema(head, tmp_path):
    from pipeline.components.example_gen import ExampleGen

    (tmp_path / "log.csv").write_text("trip_seconds,company\n5.0,7\n")
    log = taxi(tmp_path / "log.csv")
    schema = 'feature { name: "trip_seconds" type: INT } feature { name: "company" type: BYTES }'
    component = ExampleGen(log, SplitConfig(), resolve_source(log), only="serving", schema=schema)
    served = run(component, tmp_path / "served")
    assert kinds_of(served) == {"trip_seconds": Kind.INT, "company": Kind.BYTES}


def test_the_span_before_is_found_where_the_component_runs(head, tmp_path):
    from pipeline.artifacts.absence import present
    from pipeline.components.example_gen import ExampleGen

    lines = head.read_text().splitlines(keepends=True)
    pattern = str(tmp_path / "span-{SPAN}/*.csv")

    def previous():
        source = Source((), "auto", None, None, pattern)
        component = ExampleGen(taxi(pattern), SplitConfig(), source, only="previous")
        return run(component, tmp_path / f"previous-{len(list(tmp_path.iterdir()))}")

    for span, rows in ((1, 100), (2, 200)):
        (tmp_path / f"span-{span}").mkdir()
        (tmp_path / f"span-{span}/rides.csv").write_text("".join(lines[: rows + 1]))
        if span == 1:
            assert not present([previous()]), "there is none before the first"
    found = previous()
    assert (facts_of(found).span, facts_of(found).rows) == (1, {"previous": 100})
