"""docs/cost.md is what the tool says."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from runners.vertex.cost_page import RUN_TIMES, cost_page, main
from tests.samples.folders import ROOT


def test_the_page_is_the_output_of_the_tool() -> None:
    assert (ROOT / "docs/cost.md").read_text(encoding="utf-8") == cost_page()


def test_its_hours_are_learned_from_records_that_are_there() -> None:
    assert {file.parts[-3] for file in RUN_TIMES.glob("*/*/run.json")} == {"taxi", "fashion_mnist"}
    assert cost_page().count("Hours are learned from") == 2


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "cost.md"
    assert CliRunner().invoke(main, ["--output", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8") == cost_page()
    assert list(tmp_path.iterdir()) == [page]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--output", str(tmp_path / "absent" / "cost.md")])
    assert result.exit_code == 3
    assert "cannot be written" in result.output
