"""What a notebook and an interpreter show of a report."""

from __future__ import annotations

import pyarrow as pa

import gates


def test_a_notebook_shows_what_blocks_and_an_interpreter_one_line() -> None:
    rows = list(range(400))
    table = pa.table({"<b>fare</b>": rows, "tipped": [row % 2 for row in rows]})
    report = gates.check(table, table.slice(0, 100), label="tipped")
    assert "exact_duplicates" in {each.check for each in report.blocking}
    assert all(each not in report.blocking for each in report.warnings)
    page = report._repr_html_()
    assert "exact_duplicates" in page and report.blocking[0].remedy in page
    assert "<b>fare" not in page
    assert repr(report).startswith("<data_gate fail: ") and "\n" not in repr(report)


def test_a_report_without_findings_has_no_table() -> None:
    table = pa.table({"fare": [row / 7 for row in range(200)], "tipped": [row % 2 for row in range(200)]})
    page = gates.check(table.slice(0, 150), table.slice(150), label="tipped")._repr_html_()
    assert "0 blocking" in page and "<table>" not in page
