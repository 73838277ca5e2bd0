"""CSV as it is met: quotes, line ends, byte order marks, and the physical line of every row."""

import gc
import gzip

import pyarrow as pa
import pytest

from core.errors import SluiceError
from sources import text_files
from sources.csv import Csv
from sources.csv_cells import rows_of
from sources.kinds import Kind, kind_of_texts, to_kind


def rows_and_lines(path) -> tuple[list[tuple], list[int], list[tuple[int, str]]]:
    rows, lines, rejects = [], [], []
    for batch in Csv().read(Csv().whole(str(path))):
        rows += [tuple(row.values()) for row in batch.columns.to_pylist()]
        lines += batch.lines.tolist()
        rejects += [(reject.line, reject.reason) for reject in batch.rejects]
    return rows, lines, rejects


@pytest.mark.parametrize("block", [7, 40, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quotes_blank_lines_and_unicode_in_any_block_size(block, packed, newline, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", block)
    text = newline.join(["\ufeffname,größe", '"a, ""b""\n c",1', "", "ß漢,", '"",2', '"x\n\ny",3', "last,4"])
    path = tmp_path / "data.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert Csv().columns(str(path)) == ("name", "größe")
    rows, lines, rejects = rows_and_lines(path)
    assert rows == [('a, "b"\n c', "1"), ("ß漢", None), (None, "2"), ("x\n\ny", "3"), ("last", "4")]
    assert lines == [2, 5, 6, 7, 10]
    assert rejects == []


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_a_bad_row_costs_only_itself(block, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", block)
    path = tmp_path / "data.csv"
    path.write_bytes(b'a,b\n"x\ny",1\nonly\nz,2\n1,2,3\n\xff,1\nw,3\n')
    rows, lines, rejects = rows_and_lines(path)
    assert rows == [("x\ny", "1"), ("z", "2"), ("w", "3")]
    assert lines == [2, 5, 8]
    assert rejects == [(4, "1 field instead of 2"), (6, "3 fields instead of 2"), (7, "is not UTF-8 text")]


@pytest.mark.parametrize("other", ["", '5" pipe,2\n', "\ufdd0,3\n"])
def test_a_nul_is_a_character_whatever_stands_in_other_rows(other: str, tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(f'a,b\nx\0y,1\n"\0, ""z""",2\n{other}'.encode())
    rows, _, rejects = rows_and_lines(path)
    assert rows[:2] == [("x\0y", "1"), ('\0, "z"', "2")]
    assert rejects == []


def test_refuses_a_header_that_is_no_csv_in_one_sentence(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a," + b"x" * 200_000 + b"\n1,2\n")
    with pytest.raises(SluiceError, match=r"data\.csv: its header cannot be read as CSV \(field larger"):
        Csv().whole(str(path))


def test_parts_together_give_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "BLOCK_BYTES", 64)
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "".join(f'"{i}\n",{i}\n' for i in range(100)))
    monkeypatch.setattr(text_files, "PART_BYTES", 200)

    def seen(*parts):
        batches = [batch for part in parts for batch in Csv().read(part)]
        return [(row, n) for batch in batches for row, n in zip(batch.columns.to_pylist(), batch.lines, strict=True)]

    parts = Csv().survey(str(path)).parts
    assert len(parts) > 3
    assert seen(*parts) == seen(Csv().whole(str(path)))


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-2", None], Kind.INT),
        (["1", "2.5"], Kind.FLOAT),
        (["1", "+2"], Kind.INT),
        (["+4915112345678", "+33612345678"], Kind.INT),
        (["+2.5", "+1"], Kind.FLOAT),
        (["1", "1-2"], Kind.BYTES),
        (["2.5", "99999999999999999999"], Kind.BYTES),
        (["0.12345678901234567890", "1"], Kind.FLOAT),
        (["1", "nan"], Kind.FLOAT),
        (["0x10"], Kind.BYTES),
        (["true"], Kind.BYTES),
        ([None, None], Kind.NONE),
    ],
)
def test_a_column_is_of_the_widest_kind_of_its_values(texts, kind):
    assert kind_of_texts(pa.array(texts, pa.string()), Kind.NONE) is kind
    one_by_one = Kind.NONE
    for text in texts:
        one_by_one = kind_of_texts(pa.array([text], pa.string()), one_by_one)
    assert one_by_one is kind


def test_numbers_are_read_as_python_reads_them():
    values, unfit = to_kind(pa.array([" 7", "+1", "1_000", None, "x", "0x1F"]), Kind.INT)
    assert values.to_pylist() == [7, 1, 1000, None, None, None]
    assert unfit.tolist() == [False, False, False, False, True, True]
    values, _ = to_kind(pa.array(["+9007199254740993", "+1"]), Kind.INT)
    assert values.to_pylist() == [2**53 + 1, 1]
    values, unfit = to_kind(pa.array(["9007199254740993.0", "9007199254740991.0"]), Kind.INT)
    assert (values.to_pylist(), unfit.tolist()) == ([None, 2**53 - 1], [True, False])
    values, unfit = to_kind(pa.array(["1e400", "-inf", "0.1"]), Kind.FLOAT)
    assert values.to_pylist() == [float("inf"), float("-inf"), pytest.approx(0.1, abs=1e-8)]


@pytest.mark.parametrize("is_frozen", [False, True])
def test_what_the_collector_leaves_out_is_the_same_after_cells_were_read(is_frozen: bool) -> None:
    gc.unfreeze()
    if is_frozen:
        gc.freeze()
    try:
        rows_of("data.csv", ("a",), b"1\n2\n", 1, None)
        assert (gc.get_freeze_count() > 0) is is_frozen
    finally:
        gc.unfreeze()
