"""Records of CSV end where Python's own reader ends them, whatever quotes stand in the cells."""

from pathlib import Path

import pytest

from benchmarks.csv_fuzz import compare
from sources.csv_records import last_record_end, records_in


@pytest.mark.parametrize(
    ("raw", "ends"),
    [
        (b'5" pipe,1\n6" pipe,2\n', [9, 19]),
        (b'a"b\n"c\nd"\n', [3, 9]),
        (b'"a""\n""b",1\nc\n', [11, 13]),
        (b'"a" b"\n"c"\n', [6, 10]),
        (b'x,"a\n', []),
        (b'1\n"open\n2\n', [1]),
    ],
)
def test_a_quote_opens_a_cell_only_at_its_start(raw: bytes, ends: list[int]) -> None:
    assert records_in(raw, ",").ends.tolist() == ends
    assert last_record_end(raw, ",") == (ends[-1] + 1 if ends else 0)


def test_the_separator_says_where_a_cell_starts() -> None:
    assert records_in(b'a;"b\nc"\n', ";").ends.tolist() == [7]
    assert records_in(b'a;"b\nc"\n', ",").ends.tolist() == [4, 7]


def test_an_open_quote_is_known_as_such() -> None:
    assert records_in(b'1\n"open\n2\n', ",").is_open
    assert not records_in(b'1\n5" pipe\n', ",").is_open


def test_generated_files_give_the_rows_of_pythons_reader_or_are_refused_with_their_line(tmp_path: Path) -> None:
    """A part of what `python -m benchmarks.csv_fuzz` compares."""
    found = compare(range(100_000, 100_150), tmp_path)
    assert found.different == []
    assert found.files == 150
    assert found.equal > 1000
