"""Whatever format, file order or number of files rows come in, the gates see the same table, or one plain sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ExitCode, SluiceError
from gates.tables.files import LEADING_ZEROS, read_files
from gates.tables.frames import tables_of
from gates.tables.table import Table
from sources.tfrecord import frame_records
from tests.samples.image_files import sample_images, write_classes

ROWS = {
    "fare": [5.25, 7.5, None, 12.0],
    "hour": [1, 2, 3, None],
    "company": ["Blue", None, "Flash, Cab", 'say "hi"'],
    "id": ["007", "12", "A1", "9"],
}
CSV = 'fare,hour,company,id\n5.25,1,Blue,007\n7.5,2,,12\n,3,"Flash, Cab",A1\n12,,"say ""hi""",9\n'


def written(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def tfrecord(path: Path, table: pa.Table) -> str:
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    lists = [
        pa.array(
            [[] if v is None else [v.encode() if isinstance(v, str) else v] for v in column.to_pylist()],
            pa.large_list(pa.large_binary() if pa.types.is_string(column.type) else column.type),
        )
        for column in table.columns
    ]
    batch = pa.RecordBatch.from_arrays(lists, table.column_names)
    raw = frame_records(RecordBatchToExamplesEncoder().encode(batch))
    return written(path, gzip.compress(raw) if path.suffix == ".gz" else raw)


def table() -> pa.Table:
    types = {"fare": pa.float32(), "hour": pa.int64(), "company": pa.string(), "id": pa.string()}
    return pa.table({name: pa.array(values, types[name]) for name, values in ROWS.items()})


def content(read: pa.Table) -> list[dict]:
    return sorted(Table.of("train", read).arrow.select(list(ROWS)).to_pylist(), key=repr)


def parquet(path: Path) -> str:
    pq.write_table(table(), path)
    return str(path)


@pytest.mark.parametrize(
    "write",
    [
        lambda at: written(at / "rows.csv", CSV),
        lambda at: written(at / "rows.csv.gz", gzip.compress(CSV.encode())),
        lambda at: written(at / "windows.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode()),
        lambda at: parquet(at / "rows.parquet"),
        lambda at: tfrecord(at / "rows.tfrecord", table()),
        lambda at: tfrecord(at / "rows.tfrecord.gz", table()),
        lambda at: tfrecord(at / "data_tfrecord-00000-of-00001.gz", table()),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, write) -> None:
    assert content(read_files({"train": write(tmp_path)})["train"]) == content(table())


def test_a_folder_and_a_glob_are_read_whole_and_hidden_files_are_not(tmp_path: Path) -> None:
    lines = CSV.splitlines(keepends=True)
    written(tmp_path / "data" / "b.csv", "".join(lines[:2]))
    written(tmp_path / "data" / "a.csv", lines[0] + "".join(lines[2:]))
    written(tmp_path / "data" / "_SUCCESS", "")
    written(tmp_path / "data" / ".hidden.csv", "x\n1\n")
    for path in (tmp_path / "data", tmp_path / "data" / "*.csv", tmp_path / "**" / "?.csv"):
        assert content(read_files({"train": str(path)})["train"]) == content(table())


def test_names_of_files_do_not_matter_even_for_the_position_of_rows(tmp_path: Path) -> None:
    first, second = "x,y\n1,a\n2,b\n", "y,x\nc,3\nd,4\n"
    for folder, names in (("one", ("a", "b")), ("two", ("b", "a"))):
        for name, text in zip(names, (first, second), strict=True):
            written(tmp_path / folder / f"{name}.csv", text)
    one, two = (read_files({"train": str(tmp_path / folder)})["train"] for folder in ("one", "two"))
    assert one.equals(two)


def test_a_column_has_one_kind_in_all_files(tmp_path: Path) -> None:
    written(tmp_path / "data" / "a.csv", "n,t\n1,5\n2,\n")
    written(tmp_path / "data" / "b.csv", "n,t\n2.5,x\n,\n")
    read = read_files({"train": str(tmp_path / "data")})["train"]
    assert (read.schema.field("n").type, read.schema.field("t").type) == (pa.float32(), pa.string())


def test_a_rare_code_with_a_letter_makes_the_column_text_on_both_sides(tmp_path: Path) -> None:
    train = written(tmp_path / "train.csv", "code\n" + "".join(f"{i}\n" for i in range(800)) + "A1\n")
    evaluated = written(tmp_path / "eval.csv", "code\n" + "".join(f"{i}\n" for i in range(200)))
    read = read_files({"train": train, "eval": evaluated})
    assert {each.schema.field("code").type for each in read.values()} == {pa.string()}


def test_a_column_that_turned_to_text_in_serving_keeps_its_kind_in_train(tmp_path: Path) -> None:
    train = written(tmp_path / "train.csv", "fare\n" + "".join(f"{i}.5\n" for i in range(800)))
    serving = written(tmp_path / "serving.csv", "fare\n" + "".join(f"${i}.5\n" for i in range(200)))
    read = read_files({"train": train, "serving": serving})
    assert read["train"].schema.field("fare").type == pa.float32()
    assert read["serving"].schema.field("fare").type == pa.string()


@pytest.mark.parametrize(
    ("cells", "type_"),
    [
        (["12345678901234567890123", "1"], pa.string()),  # an identifier: as a float it would lose its last digits
        (["9223372036854775807", "-1"], pa.int64()),
        (["1e3", "nan", "inf", "-inf"], pa.float32()),
        (["2013-12-01", "2013-12-02"], pa.string()),
        (["0x1F", "1"], pa.string()),
        (["true", "false"], pa.string()),
        (["", ""], pa.null()),
        (["a\0b", "ü"], pa.string()),
    ],
)
def test_cells_are_what_they_say(tmp_path: Path, cells: list[str], type_: pa.DataType) -> None:
    path = written(tmp_path / "c.csv", "k,c\n" + "".join(f"1,{cell}\n" for cell in cells))
    read = read_files({"train": path})["train"]
    assert read.schema.field("c").type == type_
    if type_ == pa.string():
        assert read.column("c").to_pylist() == cells


def test_a_csv_row_and_its_copy_in_a_tfrecord_are_the_same_row(tmp_path: Path) -> None:
    paths = {
        "train": written(tmp_path / "t.csv", "fare,c\n0.1,a\n2.7,b\n"),
        "eval": tfrecord(tmp_path / "e.tfrecord", pa.table({"fare": pa.array([0.1], pa.float32()), "c": ["a"]})),
    }
    tables = {side: Table.of(side, each) for side, each in tables_of(paths).items()}
    words = {side: set(each.words(["fare", "c"])[0].tolist()) for side, each in tables.items()}
    assert words["eval"] < words["train"]


def _truncated_gzip() -> bytes:
    return gzip.compress(np.random.default_rng(0).bytes(5000))[:2000]


@pytest.mark.parametrize(
    ("name", "stored", "sentence"),
    [
        ("a.csv", b"", r"a\.csv is empty"),
        ("a.csv", b"x,y\n", r"a\.csv has a header but no rows"),
        ("a.csv", b"x,y\n1,2\n3\n", r"a\.csv, line 3: 1 field instead of 2"),
        ("a.csv", b'x,y\n1,2\n3,"4\n5,6\n', r"a quote is opened and never closed|instead of"),
        ("a.csv", b"x,x\n1,2\n", r"a\.csv has the column `x` more than once"),
        ("a.csv", b",x\n1,2\n", r"no name for column 1 \(the index of a pandas frame"),
        ("a.csv", "kéy\n1\n".encode("latin-1"), r"is not UTF-8 text"),
        ("a.csv", "key\né\n".encode("latin-1"), r"is not UTF-8 text"),
        ("a.csv.gz", _truncated_gzip(), r"a\.csv\.gz is cut short"),
        ("a.parquet", b"PAR1 nothing", r"a\.parquet is damaged or not a Parquet file"),
        ("a.tfrecord", b"not a record at all", r"record 1 has a wrong length checksum"),
        ("a.tfrecord", frame_records([b"\xff\xff"]), r"record 1: is not a tf\.Example"),
        ("a.tfrecord", frame_records([b""] * 3)[:-2], r"record 3 is cut short"),
        ("a.xlsx", b"1", r"has none of the suffixes \.csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, name: str, stored: bytes, sentence: str
) -> None:
    path = written(tmp_path / name, stored)
    with pytest.raises(SluiceError, match=sentence) as refused:
        read_files({"train": path})
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert refused.value.next_command
    assert "\n" not in refused.value.headline


def test_a_path_that_leads_nowhere_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, sentence in (
        ("gone.csv", "does not exist"),
        ("empty", "is a folder without data files"),
        ("*.csv", "matches no file"),
    ):
        with pytest.raises(SluiceError, match=sentence):
            read_files({"train": str(tmp_path / path)})


def test_values_that_are_not_of_the_type_that_was_said_are_refused_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "n,m\n1,a\n\n2.5,b\n")
    with pytest.raises(SluiceError, match=r"a\.csv, line 4: `n` is not an int\.") as refused:
        read_files({"train": path}, {"n": "int"})
    assert refused.value.next_command == f"Look:  zcat -f {path} | sed -n 4p"


def test_images_in_folders_by_class_are_left_to_a_run(tmp_path: Path) -> None:
    write_classes(tmp_path / "images", sample_images(4), ["a", "b"] * 2)
    with pytest.raises(SluiceError, match="holds images in folders by class"):
        read_files({"train": str(tmp_path / "images")})


def test_what_no_example_can_hold_is_looked_at_as_it_stands(tmp_path: Path) -> None:
    held = pa.table(
        {
            "id": pa.array([bytes(16)] * 2, pa.binary(16)),
            "who": [{"a": 1}, None],
            "big": pa.array([2**64 - 1, 1], pa.uint64()),
        }
    )
    pq.write_table(held, tmp_path / "t.parquet")
    read = read_files({"train": str(tmp_path / "t.parquet")})["train"]
    assert read.schema.types == held.schema.types
    assert read.to_pydict() == held.to_pydict()


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "one" / "a.csv", "x,y\n1,2\n")
    written(tmp_path / "one" / "b.csv", "x,z\n1,2\n")
    with pytest.raises(SluiceError, match=r"does not have the columns of .\.csv: it lacks `[yz]` and also has `[yz]`"):
        read_files({"train": str(tmp_path / "one")})
    written(tmp_path / "two" / "a.csv", "x\n1\n")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "two" / "b.parquet")
    with pytest.raises(SluiceError, match="mixes formats"):
        read_files({"train": str(tmp_path / "two")})
    (tmp_path / "three").mkdir()
    pq.write_table(pa.table({"x": ["1"]}), tmp_path / "three" / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "three" / "b.parquet")
    with pytest.raises(SluiceError, match=r"holds (text|numbers) in column `x`, where files before it hold"):
        read_files({"train": str(tmp_path / "three")})


def test_parquet_files_of_different_widths_are_joined(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1, 2], pa.int64())}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": pa.array([1.5, None], pa.float64())}), tmp_path / "b.parquet")
    read = read_files({"train": str(tmp_path / "*.parquet")})["train"]
    assert sorted(value for value in read.column("x").to_pylist() if value) == [1.0, 1.5, 2.0]


def test_a_code_with_leading_zeros_is_a_number_until_its_type_is_said_and_then_its_loss_is_seen(tmp_path: Path) -> None:
    train = written(tmp_path / "train.csv", "zip\n02134\n10001\n90210\n")
    serving = written(tmp_path / "serving.csv", "zip\n2134\n10001\n90210\n")
    both = {"train": train, "serving": serving}
    as_read = tables_of(both)
    assert as_read["train"].column("zip").to_pylist() == as_read["serving"].column("zip").to_pylist()
    as_said = tables_of(both, {"zip": "string"})
    assert as_said["train"].column("zip").to_pylist() == ["02134", "10001", "90210"]
    assert as_said["serving"].column("zip")[0].as_py() == "2134"


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        (["7", "02134", "03"], "02134"),
        (["1.5", "007.25"], "007.25"),
        (["0", "0.5", "-0.5", "0e3", "10"], None),
        (["", "0"], None),
        (["02134", "x"], None),  # text keeps its zeros
        (["+4915112345678", "+33612345678"], "+4915112345678"),
        (["+2", "-3"], None),
    ],
)
def test_numbers_that_lose_leading_zeros_or_a_plus_are_noted_with_one_of_them(tmp_path: Path, cells, named) -> None:
    rows = "".join(f"{cell},1\n" for cell in cells)
    path = written(tmp_path / "train.csv", f"zip,one\n{rows}")
    metadata = read_files({"train": path})["train"].schema.metadata or {}
    assert json.loads(metadata.get(LEADING_ZEROS, b"{}")) == ({"zip": named} if named else {})
    assert not read_files({"train": path}, {"zip": "string"})["train"].schema.metadata
