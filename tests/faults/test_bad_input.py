"""Each bad input is refused in one sentence that names what and where, and leaves no examples behind."""

import gzip
import json
import re
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.hyperparameters import ModelClasses
from pipeline.config.workload import DataConfig, SplitConfig
from pipeline.ingest.plan import Wanted
from pipeline.ingest.preflight import check_source
from pipeline.ingest.run import Ingested, ingest
from pipeline.ingest.source import resolve_source
from sources.tfrecord import frame_records

HEADER = "key,when,amount,label\n"
ROWS = [f"k{i},{i},{i / 4},{i % 2}\n" for i in range(60)]


def config(source, **more) -> DataConfig:
    return DataConfig(**{"source": str(source), "label": "label", **more})


def run(tmp_path: Path, data: DataConfig, split: SplitConfig | None = None) -> Ingested:
    source = resolve_source(data)
    uri = tmp_path / "root" / "ExampleGen" / "examples" / "7"
    wanted = Wanted(data, split or SplitConfig(), classes=ModelClasses(of_label=max(2, len(data.class_names))))
    return ingest(lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]), source, wanted, str(uri))


def refusal(tmp_path: Path, data: DataConfig, split: SplitConfig | None = None) -> str:
    """The sentence that refuses; and nothing that looks like examples may be left."""
    with pytest.raises(SluiceError) as caught:
        run(tmp_path, data, split)
    assert not list((tmp_path / "root").rglob("*.gz"))
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert "\n" not in caught.value.headline
    assert caught.value.headline.endswith((".", "?"))
    return caught.value.headline


def quick_refusal(data: DataConfig, split: SplitConfig | None = None) -> str:
    """The sentence that refuses before Beam or TensorFlow is imported."""
    with pytest.raises(SluiceError) as caught:
        check_source(resolve_source(data), data, split or SplitConfig())
    return caught.value.headline


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


BOTH = pytest.mark.parametrize("found", ["at once", "by the reading"])


def refused(found: str, tmp_path: Path, data: DataConfig) -> str:
    return quick_refusal(data) if found == "at once" else refusal(tmp_path, data)


@BOTH
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", r"data\.csv is empty"),
        (HEADER, r"data\.csv has a header but no rows"),
        (HEADER + "\n\r\n\n", r"data\.csv has a header but no rows"),
        ("key,when,amount\nk,1,2\n", r"data\.csv has no column `label`, which data\.label names"),
        ("key,when,amount,labels\nk,1,2,0\n", r"did you mean `labels`\?"),
        ("key,key,amount,label\nk,1,2,0\n", r"column `key` more than once"),
        (",when,amount,label\n0,1,2,0\n", r"no name for column 1 \(the index of a pandas frame"),
        ("kéy,label\n".encode("latin-1") + b"1,2\n", r"is not UTF-8 text"),
    ],
)
def test_a_csv_file_without_usable_header_or_rows(found, content, sentence, tmp_path):
    source = write(tmp_path / "data.csv", content)
    assert re.search(sentence, refused(found, tmp_path, config(source)))


@BOTH
@pytest.mark.parametrize("key", ["entity_key", "time_column"])
def test_a_configured_column_that_is_not_there(found, key, tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS))
    assert f"no column `wen`, which data.{key} names" in refused(found, tmp_path, config(source, **{key: "wen"}))


@BOTH
def test_files_of_a_folder_with_different_columns(found, tmp_path):
    write(tmp_path / "in" / "a.csv", HEADER + "".join(ROWS))
    write(tmp_path / "in" / "b.csv", "key,when,sum,label\nk,1,2,0\n")
    sentence = refused(found, tmp_path, config(tmp_path / "in"))
    assert "b.csv does not have the columns of a.csv: it lacks `amount` and also has `sum`" in sentence


@BOTH
def test_a_gzip_csv_that_is_cut_short(found, tmp_path):
    whole = gzip.compress((HEADER + "".join(ROWS)).encode())
    source = write(tmp_path / "data.csv.gz", whole[: len(whole) // 2])
    assert "data.csv.gz is cut short" in refused(found, tmp_path, config(source))


def example_records(tmp_path: Path) -> bytes:
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    values = {"label": [[i % 2] for i in range(60)], "n": [[i] for i in range(60)]}
    lists = [pa.array(value, pa.large_list(pa.int64())) for value in values.values()]
    return frame_records(RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(lists, list(values))))


@BOTH
def test_a_gzip_tfrecord_that_is_cut_short(found, tmp_path):
    whole = gzip.compress(example_records(tmp_path))
    source = write(tmp_path / "data.tfrecord.gz", whole[: len(whole) // 2])
    assert "data.tfrecord.gz is cut short" in refused(found, tmp_path, config(source))


@BOTH
@pytest.mark.parametrize(("at", "what"), [(3, "wrong length checksum"), (20, "wrong checksum")])
def test_a_tfrecord_with_a_flipped_byte(found, at, what, tmp_path):
    damaged = bytearray(example_records(tmp_path))
    damaged[at] ^= 0xFF
    source = write(tmp_path / "data.tfrecord", bytes(damaged))
    assert f"record 1 has a {what}" in refused(found, tmp_path, config(source))


@BOTH
def test_a_tfrecord_that_ends_inside_a_record(found, tmp_path):
    source = write(tmp_path / "data.tfrecord", example_records(tmp_path)[:-5])
    assert "record 60 is cut short" in refused(found, tmp_path, config(source))


def test_a_tfrecord_of_something_else(tmp_path):
    source = write(tmp_path / "data.tfrecord", frame_records([b"\xff\xff\xffnot an example"] * 3))
    assert "record 1 is not a tf.Example" in refusal(tmp_path, config(source))


@BOTH
@pytest.mark.parametrize("content", [b"PAR1 rubbish PAR1", b"rubbish"])
def test_a_parquet_file_that_is_none(found, content, tmp_path):
    source = write(tmp_path / "data.parquet", content)
    assert "data.parquet is damaged or not a Parquet file" in refused(found, tmp_path, config(source))


@BOTH
def test_a_parquet_file_without_rows(found, tmp_path):
    pq.write_table(pa.table({"label": pa.array([], pa.int64())}), tmp_path / "data.parquet")
    assert "data.parquet holds no rows" in refused(found, tmp_path, config(tmp_path / "data.parquet"))


def test_a_parquet_column_that_no_example_can_hold(tmp_path):
    pq.write_table(pa.table({"label": [0, 1], "person": [{"name": "a"}, {"name": "b"}]}), tmp_path / "data.parquet")
    assert "column `person` has the type struct" in refusal(tmp_path, config(tmp_path / "data.parquet"))


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pa.array([[[1], [2]], [[3]]]), "column `n` has the type list<item: list<item: int64>>"),
        (pa.array([2**64 - 1, 1], pa.uint64()), "column `n` of type uint64 holds what a tf.Example cannot hold"),
        (pa.array([[1, None], [2, 3]]), "column `n` has lists with missing elements"),
    ],
)
def test_parquet_values_that_no_example_can_hold(column, sentence, tmp_path):
    pq.write_table(pa.table({"label": [0, 1], "n": column}), tmp_path / "data.parquet")
    assert sentence in refusal(tmp_path, config(tmp_path / "data.parquet"))


@BOTH
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("\n\n", r"data\.jsonl holds no rows"),
        ('{"a": 1}\n', r"data\.jsonl has no column `label`, which data\.label names"),
        ('{"labels": 1}\n', r"did you mean `labels`\?"),
        ('{"": 1, "label": 0}\n', r"data\.jsonl has no name for column 1"),
    ],
)
def test_json_lines_without_usable_columns_or_rows(found, content, sentence, tmp_path):
    source = write(tmp_path / "data.jsonl", content)
    assert re.search(sentence, refused(found, tmp_path, config(source)))


def test_json_lines_with_objects_in_objects(tmp_path):
    source = write(tmp_path / "data.jsonl", '{"label": 1, "who": {"name": "a"}}\n')
    assert "column `who` has the type struct<name: string>, which a tf.Example cannot hold" in refusal(
        tmp_path, config(source)
    )


def test_lines_that_are_no_json_objects(tmp_path):
    lines = "".join(f'{{"label": {i % 2}, "n": {i}}}\n' for i in range(60))
    source = write(tmp_path / "data.jsonl", "\n" + lines + "[1]\n" + lines + '{"label": 1\n')
    sentence = refusal(tmp_path, config(source))
    assert "2 of 122 rows cannot be used (1.639%; data.max_unusable_share allows 0.100%)" in sentence
    assert "the first is in data.jsonl, line 62: is not a JSON object" in sentence
    assert [(row["line"], row["text"]) for row in unusable(tmp_path)] == [(62, "[1]"), (123, '{"label": 1')]


def test_parquet_files_that_hold_numbers_here_and_text_there(tmp_path):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"label": [0, 1], "a": [1, 2]}), tmp_path / "in" / "a.parquet")
    pq.write_table(pa.table({"label": [0, 1], "a": ["x", "y"]}), tmp_path / "in" / "b.parquet")
    sentence = refusal(tmp_path, config(tmp_path / "in"))
    assert "b.parquet holds text in column `a`, where files before it hold numbers" in sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.csv", "absent.csv does not exist"),
        ("*.csv", "*.csv matches no file"),
        ("empty", "empty is a folder without data files"),
        ("notes.txt", "its format is unknown"),
        ("mixed", "mixes formats: a.csv is csv and b.parquet is parquet"),
    ],
)
def test_a_source_without_data(name, sentence, tmp_path):
    write(tmp_path / "notes.txt", "x")
    write(tmp_path / "empty" / "_SUCCESS", "")
    write(tmp_path / "empty" / ".part.csv.crc", "")
    write(tmp_path / "mixed" / "a.csv", HEADER)
    write(tmp_path / "mixed" / "b.parquet", HEADER)
    with pytest.raises(SluiceError, match=re.escape(sentence)):
        resolve_source(config(tmp_path / name))


def unusable(tmp_path: Path) -> list[dict]:
    (path,) = (tmp_path / "root" / "ExampleGen").glob("unusable_rows-7.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_with_a_wrong_number_of_fields(tmp_path):
    """The lines are those that an editor shows, behind a quoted newline and a blank line."""
    body = '"k\nx",1,2,0\n' + "\n" + "".join(ROWS) + "k,1,2\n" + "".join(ROWS) + "k,1,2,0,9\n"
    source = write(tmp_path / "data.csv", HEADER + body)
    sentence = refusal(tmp_path, config(source))
    assert "2 of 123 rows cannot be used (1.626%; data.max_unusable_share allows 0.100%)" in sentence
    assert "the first is in data.csv, line 65: 3 fields instead of 4" in sentence
    assert [(row["line"], row["text"]) for row in unusable(tmp_path)] == [(65, "k,1,2"), (126, "k,1,2,0,9")]
    assert str(tmp_path / "root" / "ExampleGen" / "unusable_rows-7.jsonl") in sentence


def test_few_unusable_rows_are_put_aside_and_the_rest_is_used(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + "k,1,2\n" + "k9,1,2,\n")
    outcome = run(tmp_path, config(source, max_unusable_share=0.05))
    assert (sum(outcome.rows.values()), outcome.unusable) == (60, 2)
    rows = [json.loads(line) for line in Path(outcome.unusable_file).read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in rows] == [
        (62, "3 fields instead of 4"),
        (63, "no label: `label` is missing"),
    ]


def test_a_quote_that_is_never_closed(tmp_path):
    """It swallows the rest of the file, and every swallowed line counts."""
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + '"k,1,2,0\n' + "".join(ROWS))
    sentence = refusal(tmp_path, config(source))
    assert "61 of 121 rows" in sentence and "line 62: a quote is opened and never closed" in sentence


def test_inch_marks_in_unquoted_fields_are_text(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + 'a 5" pipe,1,2,0\n' + "".join(ROWS))
    assert sum(run(tmp_path, config(source)).rows.values()) == 61


def test_a_row_that_is_not_utf8(tmp_path):
    source = write(tmp_path / "data.csv", (HEADER + "".join(ROWS)).encode() + "müll,1,2,0\n".encode("latin-1"))
    assert "line 62: is not UTF-8 text" in refusal(tmp_path, config(source))


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_values_that_do_not_fit_a_type_of_the_configuration(format_, tmp_path):
    rows = {"label": [0, 1] * 30, "n": [1.0] * 59 + [1.5]}
    if format_ == "csv":
        lines = "".join(f"{a},{b}\n" for a, b in zip(rows["label"], rows["n"], strict=True)).replace(".0", "")
        source = write(tmp_path / "data.csv", "label,n\n" + lines)
    else:
        source = tmp_path / "data.parquet"
        pq.write_table(pa.table(rows), source)
    line = 61 if format_ == "csv" else 60
    sentence = refusal(tmp_path, config(source, column_types={"n": "int"}))
    assert "1 of 60 rows cannot be used (1.667%; data.max_unusable_share allows 0.100%): the first is in " in sentence
    assert f"line {line}: `n` is not an int" in sentence


def test_rows_without_a_label(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + "k,1,2,\n")
    assert "line 62: no label: `label` is missing" in refusal(tmp_path, config(source))


def test_rows_that_the_label_cannot_be_computed_from(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + "k,1,,1\nk,1,nan,1\n")
    sentence = refusal(tmp_path, config(source, label="big", label_expression="amount > 3"))
    assert "2 of 62 rows" in sentence and "line 62: no label: `big` needs `amount`" in sentence


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("amount >", "cannot be read"),
        ("@x > 1", "`@` and `__`"),
        ("amount.__class__", "`@` and `__`"),
        ("abs(amount)", "no call"),
        ("amount.size", "no attribute"),
        ("amount[0]", "no subscript"),
        ("(lambda: 1)()", "no "),
        ("1 > 0", "names no column"),
        ("key > 3", "pandas says"),
        ("key", "neither true or false nor a number"),
    ],
)
def test_a_label_expression_that_cannot_be_used(expression, why, tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS))
    assert why in refusal(tmp_path, config(source, label="big", label_expression=expression))


def test_a_label_expression_on_a_column_of_text_says_which(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + "k,1,$2,1\n")
    sentence = refusal(tmp_path, config(source, label="big", label_expression="0.2 * amount > 3"))
    assert "`amount` holds text" in sentence


def test_a_label_expression_with_an_unknown_column(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS))
    data = config(source, label="big", label_expression="amout > 3")
    assert "no column `amout`, which data.label_expression names; did you mean `amount`?" in refusal(tmp_path, data)
    assert "did you mean `amount`?" in quick_refusal(data)


def test_an_empty_split_by_time_names_the_range(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS))
    split = SplitConfig(by="time", gap=30)
    sentence = refusal(tmp_path, config(source, time_column="when"), split)
    assert "eval is empty" in sentence and "`when` reaches from 0 to 59" in sentence and "the gap of 30" in sentence


def test_an_empty_split_by_entity(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(f"same,{i},1,0\n" for i in range(60)))
    sentence = refusal(tmp_path, config(source, entity_key="key"), SplitConfig(by="entity"))
    assert "too few different values of `key`" in sentence


def test_rows_without_an_entity(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS) + ",1,2,0\n")
    sentence = refusal(tmp_path, config(source, entity_key="key"), SplitConfig(by="entity"))
    assert "line 62: cannot be assigned to a split: `key` is missing" in sentence


def test_other_names_in_the_split_column(tmp_path):
    names = ["train", "eval", "test", "holdout", ""]
    body = "".join(f"{names[i % 5]},{i},1,0\n" for i in range(60))
    source = write(tmp_path / "data.csv", HEADER + body)
    sentence = refusal(tmp_path, config(source), SplitConfig(by="column", column="key"))
    assert "also holds `(missing)`, `holdout`" in sentence


def test_a_time_column_without_times(tmp_path):
    source = write(tmp_path / "data.csv", HEADER + "".join(ROWS))
    sentence = refusal(tmp_path, config(source, time_column="key"), SplitConfig(by="time"))
    assert "no row has a time in `key`" in sentence


@pytest.mark.parametrize(
    ("labels", "sentence", "line"),
    [
        (["no", "yes"], "`label` holds words (no (30 rows) and yes (30 rows))", """data.class_names=["no", "yes"]"""),
        (["1", "2"], "`label` holds 1 (30 rows) and 2 (30 rows)", """data.column_types={"label": "string"}"""),
        (["0", "1", "2"], "`label` holds 0 (20 rows), 1 (20 rows) and 2 (20 rows)", "data.class_names="),
    ],
)
def test_a_label_that_is_no_class_is_refused_with_the_line_to_set(
    tmp_path: Path, labels: list[str], sentence: str, line: str
) -> None:
    rows = [f"k{i},{i},{i / 4},{labels[i % len(labels)]}\n" for i in range(60)]
    source = write(tmp_path / "data.csv", HEADER + "".join(rows))
    with pytest.raises(SluiceError) as caught:
        run(tmp_path, config(source))
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert sentence in caught.value.headline and line in caught.value.next_command


def test_numbers_from_one_on_are_classes_when_they_are_named_as_text(tmp_path: Path) -> None:
    rows = [f"k{i},{i},{i / 4},{1 + i % 2}\n" for i in range(60)]
    source = write(tmp_path / "data.csv", HEADER + "".join(rows))
    done = run(tmp_path, config(source, column_types={"label": "string"}, class_names=["1", "2"]))
    assert sum(done.rows.values()) == 60 and done.class_names == ["1", "2"]


def test_a_word_that_no_class_is_called_is_named(tmp_path: Path) -> None:
    rows = [f"k{i},{i},{i / 4},{'maybe' if i == 7 else 'yes' if i % 2 else 'no'}\n" for i in range(60)]
    source = write(tmp_path / "data.csv", HEADER + "".join(rows))
    named = config(source, class_names=["no", "yes"])
    assert "`label` is `maybe`, none of data.class_names" in refusal(tmp_path, named)
