"""CSV as it is met: quotes, line ends, byte order marks, and the physical line of every row."""

import gzip

import pyarrow as pa
import pytest

from sources import csv
from sources.csv import cut_into_parts, read_blocks, read_header
from sources.kinds import Kind, kind_of_texts, to_kind


def rows_and_lines(path) -> tuple[list[tuple], list[int], list[tuple[int, str]]]:
    rows, lines, rejects = [], [], []
    for block in read_blocks(read_header(str(path))):
        rows += [tuple(row.values()) for row in block.rows.to_pylist()]
        lines += block.lines.tolist()
        rejects += [(reject.line, reject.reason) for reject in block.rejects]
    return rows, lines, rejects


@pytest.mark.parametrize("block", [7, 40, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quotes_blank_lines_and_unicode_in_any_block_size(block, packed, newline, tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "BLOCK_BYTES", block)
    text = newline.join(["\ufeffname,größe", '"a, ""b""\n c",1', "", "ß漢,", '"",2', '"x\n\ny",3', "last,4"])
    path = tmp_path / "data.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_header(str(path)).columns == ("name", "größe")
    rows, lines, rejects = rows_and_lines(path)
    assert rows == [('a, "b"\n c', "1"), ("ß漢", None), (None, "2"), ("x\n\ny", "3"), ("last", "4")]
    assert lines == [2, 5, 6, 7, 10]
    assert rejects == []


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_a_bad_row_costs_only_itself(block, tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "BLOCK_BYTES", block)
    path = tmp_path / "data.csv"
    path.write_bytes(b'a,b\n"x\ny",1\nonly\nz,2\n1,2,3\n\xff,1\nw,3\n')
    rows, lines, rejects = rows_and_lines(path)
    assert rows == [("x\ny", "1"), ("z", "2"), ("w", "3")]
    assert lines == [2, 5, 8]
    assert rejects == [(4, "1 field instead of 2"), (6, "3 fields instead of 2"), (7, "is not UTF-8 text")]


def test_parts_together_give_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "BLOCK_BYTES", 64)
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "".join(f'"{i}\n",{i}\n' for i in range(100)))
    whole, ends = read_header(str(path)), []
    expected = [
        (row, line)
        for b in read_blocks(whole, ends=ends)
        for row, line in zip(b.rows.to_pylist(), b.lines, strict=True)
    ]
    parts = cut_into_parts(whole, 200, ends)
    assert len(parts) > 3
    seen = [
        (r, n) for part in parts for b in read_blocks(part) for r, n in zip(b.rows.to_pylist(), b.lines, strict=True)
    ]
    assert seen == expected


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-2", None], Kind.INT),
        (["1", "2.5"], Kind.FLOAT),
        (["1", "+2"], Kind.INT),
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
    values, unfit = to_kind(pa.array(["1e400", "-inf", "0.1"]), Kind.FLOAT)
    assert values.to_pylist() == [float("inf"), float("-inf"), pytest.approx(0.1, abs=1e-8)]
