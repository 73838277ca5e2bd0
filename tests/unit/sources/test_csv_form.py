"""CSV that is written otherwise is read when it is declared."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from sources.csv import Csv
from sources.csv_form import CsvForm
from sources.kinds import Kind, to_kind
from sources.reading import Reading


def read(path: Path, text: str, **form: Any) -> tuple[dict[str, Kind], list[list[Any]]]:
    """The kinds of the columns, and each column as it would stand in tf.Examples."""
    path.write_text(text)
    format_ = Csv(Reading.model_validate({"csv": form}))
    kinds = format_.survey(str(path)).kinds
    [rows] = format_.read(format_.whole(str(path)))
    columns = []
    for name, column in zip(rows.columns.schema.names, rows.columns.columns, strict=True):
        texts = column if kinds[name] is Kind.BYTES else rows.number_text(column)
        columns.append(to_kind(texts, kinds[name])[0].to_pylist())
    return kinds, columns


@pytest.mark.parametrize(
    ("word", "sign"), [("semicolon", ";"), ("tab", "\t"), ("pipe", "|"), (";", ";"), ("\\t", "\t"), ("|", "|")]
)
def test_separators_are_read_by_word_and_by_sign(word: str, sign: str, tmp_path: Path) -> None:
    text = f"a{sign}b\n1{sign}x,y\n2{sign}'{sign}'\n".replace("'", '"')
    kinds, columns = read(tmp_path / "x.csv", text, separator=word)
    assert kinds == {"a": Kind.INT, "b": Kind.BYTES}
    assert columns == [[1, 2], [b"x,y", sign.encode()]]


def test_decimal_commas_and_groups_of_thousands_are_numbers_and_text_stays_as_written(tmp_path: Path) -> None:
    text = "a;b;note\n1,5;1.234.567;1,5 m\n-2;12;1.234\n;3.000;7,5\n"
    kinds, columns = read(tmp_path / "x.csv", text, separator=";", decimal=",", thousands=".")
    assert kinds == {"a": Kind.FLOAT, "b": Kind.INT, "note": Kind.BYTES}
    assert columns == [[1.5, -2.0, None], [1234567, 12, 3000], [b"1,5 m", b"1.234", b"7,5"]]


@pytest.mark.parametrize(
    ("form", "text", "is_number"),
    [
        ({"thousands": ","}, "1,234,567.5", True),
        ({"thousands": ","}, "1,23", False),
        ({"thousands": ","}, "1234,567", False),
        ({"thousands": "'"}, "1'234", True),
        ({"thousands": " "}, "1 234", True),
        ({"decimal": ","}, "1.5", False),
        ({"decimal": ","}, "1.234,5", False),
        ({"decimal": ",", "thousands": "."}, "1.5", False),
        ({"decimal": ","}, "1,5e3", True),
        ({"decimal": ","}, "31.12.2020", False),
    ],
)
def test_what_is_no_number_in_the_declared_form_is_none(form: dict[str, str], text: str, is_number: bool) -> None:
    texts = CsvForm.model_validate(form).number_text(pa.array([text]))
    assert (not to_kind(texts, Kind.FLOAT)[1].any()) is is_number


def test_declared_words_are_missing_quoted_or_not_and_in_odd_rows(tmp_path: Path) -> None:
    text = 'a,b\nNA,1\n"NA",2\n-,5" pipe\n7,NA\n'
    kinds, columns = read(tmp_path / "x.csv", text, missing=["NA", "-"])
    assert kinds == {"a": Kind.INT, "b": Kind.BYTES}
    assert columns == [[None, None, None, 7], [b"1", b"2", b'5" pipe', None]]


@pytest.mark.parametrize(
    "form", [{"separator": "x"}, {"decimal": ",", "thousands": ","}, {"missing": [""]}, {"sep": ";"}]
)
def test_refuses_a_form_that_cannot_be(form: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CsvForm.model_validate(form)
