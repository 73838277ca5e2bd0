"""What `gates check` and `gates describe` print of data that holds control characters."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gates.command.app import main

COLUMN = "\x1b[2J\x1b[H\x9b1m[red]fare"
CLASS = "yes\nPASS  nothing blocks \x1b[31m"


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
