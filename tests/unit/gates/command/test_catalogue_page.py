"""docs/gates.md is the catalogue, its examples name existing files, and its sources lead to existing sections."""

from __future__ import annotations

import re

import yaml

from gates.command.catalogue_page import DERIVATION, page
from gates.verdict.catalogue import check_named, checks
from gates.verdict.settings import GateSettings
from tests.samples.folders import ROOT

PAGE = ROOT / "docs/gates.md"
STATISTICS = ROOT / "docs/statistics.md"


def test_the_page_is_in_step_with_the_catalogue() -> None:
    hint = "run `python -m gates list --markdown --output docs/gates.md`"
    assert PAGE.read_text(encoding="utf-8") == page(checks()), hint


def test_every_check_has_one_row_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)`", page(checks()), flags=re.MULTILINE)
    assert sorted(rows) == sorted(check.name for check in checks())
    assert len(rows) > 30


def test_every_row_has_as_many_cells_as_its_head() -> None:
    cells = re.compile(r"(?<!\\)\|")
    rows = [line for line in page(checks()).splitlines() if line.startswith("| `")]
    assert {len(cells.split(row)) for row in rows} == {7}


def test_every_check_has_what_it_catches_its_statistic_and_its_source() -> None:
    for check in checks():
        for text in (check.catches, check.statistic, check.rule, check.source, check.group):
            assert text.strip(), check.name
        assert check.margin >= 0


def test_every_derivation_that_a_source_names_is_a_section_of_the_page() -> None:
    sections = set(re.findall(r"^## (.+)$", STATISTICS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = [name for check in checks() for name in DERIVATION.findall(check.source)]
    assert len(named) > 20
    assert set(named) <= sections


def test_no_source_names_a_page_that_is_not_in_the_repository() -> None:
    for check in checks():
        for path in re.findall(r"[\w/]+\.md", check.source):
            assert (ROOT / path).is_file(), f"{check.name}: {path}"


def test_every_link_of_a_source_leads_to_a_section() -> None:
    headings = re.findall(r"^## (.+)$", STATISTICS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\(statistics\.md#([^)]+)\)", page(checks()))
    assert len(links) > 20
    assert set(links) <= anchors


def test_every_module_that_a_derivation_names_exists() -> None:
    folder = ""
    for path in re.findall(r"`([\w/]+\.py)`", STATISTICS.read_text(encoding="utf-8")):
        folder = path.rpartition("/")[0] or folder
        assert (ROOT / folder / path.rpartition("/")[2]).is_file(), path


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
