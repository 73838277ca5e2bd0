"""`gates check` and `gates describe` read files as a run that is configured alike."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from gates.command.app import main

COLUMN = "\x1b[2J\x1b[H\x9b1m[red]fare"
CLASS = "yes\nPASS  nothing blocks \x1b[31m"


def gates(*arguments: str) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def described(*arguments: str) -> dict[str, str]:
    found = json.loads(gates("describe", "--json", *arguments).stdout)
    return {column["name"]: column["kind"] for column in found["columns"]}


@pytest.fixture
def european(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("income;city\n" + "".join(f"1.{i:03d},5;Oslo\n" for i in range(100, 130)) + "k. A.;Oslo\n")
    return path


def test_another_separator_is_refused_with_the_option_and_the_key(european: Path) -> None:
    result = gates("describe", "--data", str(european))
    assert result.exit_code == 3
    assert "a semicolon stood between its cells" in result.output
    assert "--set data.csv.separator=semicolon" in result.output
    assert "--separator semicolon" in result.output


def test_options_declare_how_numbers_are_written(european: Path) -> None:
    options = ("--data", str(european), "--separator", ";")
    assert described(*options)["income"] == "category"
    assert described(*options, "--decimal", ",", "--thousands", ".", "--missing", "k. A.")["income"] == "number"


def test_the_notes_of_a_check_give_the_reason_the_count_and_the_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("age,y\n" + "".join(f"{i if i % 10 else 'NA'},{i % 2}\n" for i in range(400)))
    report = json.loads(gates("check", "--train", str(path), "--json", "-").stdout)
    [note] = [each for each in report["notes"] if "`age`" in each]
    assert note.startswith('`age` is text because of `NA` in 40 of 400 rows; set data.csv.missing: ["NA"]')
    config = tmp_path / "workload.yaml"
    config.write_text("data:\n  label: y\n  csv: {missing: [NA]}\n")
    report = json.loads(gates("check", "--train", str(path), "--config", str(config), "--json", "-").stdout)
    assert report["notes"] == []


@pytest.mark.parametrize("by", ["option", "config"])
def test_a_column_that_cannot_be_held_is_left_out(by: str, tmp_path: Path) -> None:
    path, config = tmp_path / "rows.parquet", tmp_path / "workload.yaml"
    pq.write_table(pa.table({"y": [0, 1] * 50, "x": range(100), "extra": [{"a": 1}] * 100}), path)
    config.write_text("data:\n  label: y\n  ignore_columns: [extra]\n")
    options = ("--ignore-column", "extra", "--label", "y") if by == "option" else ("--config", str(config))
    report = json.loads(gates("check", "--train", str(path), *options, "--json", "-").stdout)
    assert "extra" not in json.dumps(report)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ignore-column", "agee"), "names `agee`, which is no column of"),
        (("--separator", "x"), "`separator` cannot be used"),
        (("--decimal", ",", "--thousands", ","), "`thousands` and `decimal` are both comma"),
    ],
)
def test_refuses_options_that_cannot_be_used(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("age,y\n1,0\n2,1\n")
    result = gates("describe", "--data", str(path), *options)
    assert result.exit_code == 3
    assert says in result.output


def test_refuses_a_key_of_the_configuration_with_its_line(tmp_path: Path) -> None:
    path, config = tmp_path / "rows.csv", tmp_path / "workload.yaml"
    path.write_text("age,y\n1,0\n2,1\n")
    config.write_text("data:\n  csv:\n    separator: x\n")
    result = gates("check", "--train", str(path), "--config", str(config))
    assert result.exit_code == 3
    assert "line 3: `data.csv.separator` cannot be used" in result.output


def test_line_numbers_are_those_of_the_file_whatever_stands_in_quotes(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + '"two\nlines",1\n' * 10 + '5" pipe,2\n\nonly\n')
    result = gates("check", "--train", str(path))
    assert result.exit_code == 3
    assert "line 24: 1 field instead of 2" in result.output
    assert "sed -n 24p" in result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A column and a class whose names hold control characters, and a leak, so that findings name them."""
    file = tmp_path / "\x1b[31mtrain.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([COLUMN, "b", "label"])
        for row in range(400):
            writer.writerow([row % 2, (row * 7919) % 101, CLASS if row % 2 else "no"])
    return file


def _raw(text: str) -> set[str]:
    return set(text) & set("\x1b\x9b\r")


@pytest.mark.parametrize("options", [[], ["--verbose"], ["--json", "-"]], ids=["short", "verbose", "json"])
def test_a_check_prints_no_control_character_of_data(table: Path, options: list[str]) -> None:
    done = CliRunner().invoke(main, ["check", "--train", str(table), "--label", "label", *options])
    assert done.exit_code == 2, done.output
    assert not _raw(done.output)
    assert "[red]fare" in done.output
    assert not [line for line in done.output.splitlines() if line.startswith("PASS")]


def test_a_description_prints_no_control_character_of_data(table: Path) -> None:
    done = CliRunner().invoke(main, ["describe", "--data", str(table), "--label", "label"])
    assert done.exit_code == 0, done.output
    assert not _raw(done.output)
    assert r"yes\nPASS" in done.output


def test_the_json_of_a_description_still_holds_the_names(table: Path) -> None:
    done = CliRunner().invoke(main, ["describe", "--data", str(table), "--json"])
    assert not _raw(done.output)
    assert COLUMN in [each["name"] for each in json.loads(done.output)["columns"]]


def test_an_error_prints_no_control_character_of_a_name(table: Path) -> None:
    done = CliRunner().invoke(main, ["check", "--train", str(table), "--label", f"{COLUMN}s"])
    assert done.exit_code == 3
    assert not _raw(done.output)
