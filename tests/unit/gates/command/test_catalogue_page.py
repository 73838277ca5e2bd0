"""docs/gates.md is what the catalogue says, and its examples name what there is."""

from __future__ import annotations

import re

import yaml

from gates.command.catalogue_page import page
from gates.verdict.catalogue import check_named, checks
from gates.verdict.settings import GateSettings
from tests.samples.folders import ROOT

PAGE = ROOT / "docs/gates.md"


def test_the_page_is_in_step_with_the_catalogue() -> None:
    hint = "run `python -m gates list --markdown > docs/gates.md`"
    assert PAGE.read_text(encoding="utf-8") == page(checks()), hint


def test_every_check_has_one_row_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)`", page(checks()), flags=re.MULTILINE)
    assert sorted(rows) == sorted(check.name for check in checks())
    assert len(rows) > 30


def test_every_row_has_as_many_cells_as_its_head() -> None:
    cells = re.compile(r"(?<!\\)\|")
    rows = [line for line in page(checks()).splitlines() if line.startswith("| `")]
    assert {len(cells.split(row)) for row in rows} == {7}


def test_every_check_says_what_it_catches_how_and_where_that_comes_from() -> None:
    for check in checks():
        for text in (check.catches, check.statistic, check.rule, check.source, check.group):
            assert text.strip(), check.name
        assert check.margin >= 0


def test_the_examples_on_the_page_can_be_used() -> None:
    example = re.search(r"```yaml\n(.*?)```", page([]), flags=re.DOTALL)
    assert example
    settings = yaml.safe_load(example[1])["gates"]
    for configured in settings["checks"].values():
        if "waive" in configured:
            configured["waive"]["expires"] = str(configured["waive"]["expires"])
    assert GateSettings.model_validate(settings).strict
    for name in re.findall(r'"check": "(\w+)"', page([])):
        check_named(name)
