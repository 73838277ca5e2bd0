"""A column that is text only by what can be declared is named, with the count and the key; honest text is not."""

from pathlib import Path
from typing import Any

import pytest

from sources.csv import Csv
from sources.csv_form import CsvForm
from sources.joined import why_text
from sources.reading import Reading
from sources.why_text import notes


def notes_on(path: Path, values: list[str], **form: Any) -> tuple[str, ...]:
    path.write_text("a;b\n" + "".join(f"{value};1\n" for value in values))
    survey = Csv(Reading(csv=CsvForm.model_validate({"separator": ";", **form}))).survey(str(path))
    return notes({name: why_text([survey], name) for name in survey.kinds})


NUMBERS = [str(value) for value in range(1000)]


@pytest.mark.parametrize(
    ("values", "says", "key"),
    [
        ([*NUMBERS, *["NA"] * 100], "`a` is text because of `NA` in 100 of 1,100 rows", 'data.csv.missing=["NA"]'),
        (["NA"] * 100 + NUMBERS, "`a` is text because of `NA` in 100 of 1,100 rows", 'data.csv.missing=["NA"]'),
        ([*NUMBERS, "-", "null"], "in 2 of 1,002 rows", 'data.csv.missing=["-", "null"]'),
        ([*NUMBERS, "fehlt"], "because of `fehlt` in 1 of 1,001 rows", 'data.csv.missing=["fehlt"]'),
        ([*NUMBERS, "1,5", "2,25"], "decimal commas such as `1,5` in 2 of 1,002 rows", "data.csv.decimal=comma"),
        ([*NUMBERS, "1,234", "12,345"], "groups of thousands such as `1,234` in 2", "data.csv.thousands=comma"),
        (["1.234,5", "12,5"], "groups of thousands such as `1.234,5` in 2 of 2", "data.csv.thousands=point"),
        (["1'234", "7"], "groups of thousands such as `1'234` in 1 of 2", "data.csv.thousands=apostrophe"),
    ],
)
def test_names_the_reason_the_count_and_the_key(values: list[str], says: str, key: str, tmp_path: Path) -> None:
    [note] = notes_on(tmp_path / "x.csv", values)
    assert says in note
    assert key in note


@pytest.mark.parametrize(
    "values",
    [
        NUMBERS,
        ["Oslo", "Bergen", "NA"] * 50,
        ["1", "2", "A", "B"] * 50,
        ["NA"] * 50,
        [f"{day:02d}.01.2020" for day in range(1, 29)],
        ["1-2", "3-4"] * 30 + ["5"],
        ["99999999999999999999"] * 3 + ["1"],
        [f"N{value}" for value in range(500)] + NUMBERS,
    ],
    ids=["numbers", "words", "grades", "nothing", "days", "ranges", "long", "codes"],
)
def test_says_nothing_of_numbers_and_of_text_by_right(values: list[str], tmp_path: Path) -> None:
    assert notes_on(tmp_path / "x.csv", values) == ()


def test_says_nothing_once_it_is_declared(tmp_path: Path) -> None:
    assert notes_on(tmp_path / "x.csv", [*NUMBERS, "NA"], missing=["NA"]) == ()
    assert notes_on(tmp_path / "x.csv", [*NUMBERS, "1,5"], decimal=",") == ()
