"""What a finding rests on is drawn to scale, and a report without script stays one."""

from __future__ import annotations

import math

from gates.verdict.finding import Chart, Finding, GateReport, RowSample, Severity, Verdict
from report.evidence import Evidence
from report.page import render
from report.proof import HEIGHT, draw
from tests.samples.report_runs import sample_record


def test_the_widest_bar_fills_the_row_and_the_others_are_in_proportion() -> None:
    drawn = draw(Chart("AUC by feature", ("payment_type", "fare"), {"AUC": (0.9, 0.45)}, marked="payment_type"))
    assert [bar.length for row in drawn.rows for bar in row.bars] == [100.0, 50.0]
    assert [row.marked for row in drawn.rows] == [True, False]


def test_many_labels_stand_upright_within_the_drawing() -> None:
    labels = tuple(str(i) for i in range(30))
    drawn = draw(Chart("rows by hour", labels, {"train": tuple(range(30)), "serving": tuple(range(30, 0, -1))}))
    assert not drawn.rows
    assert len(drawn.columns) == 60
    assert max(column.height for column in drawn.columns) == HEIGHT
    assert all(column.x >= 0 and column.x + column.width <= 100.01 for column in drawn.columns)
    assert drawn.ends == ("0", "29")


def test_what_is_not_finite_is_drawn_as_nothing() -> None:
    drawn = draw(Chart("odd", ("a", "b"), {"train": (math.nan, 2.0)}))
    assert [bar.length for row in drawn.rows for bar in row.bars] == [0.0, 100.0]


def test_the_report_shows_chart_rows_and_remedy_of_a_finding_escaped() -> None:
    finding = Finding(
        "single_feature",
        "payment_type",
        "AUC",
        0.93,
        0.75,
        12_000,
        Severity.BLOCK,
        "It knows too much.",
        "Leave it out.",
        chart=Chart("AUC by feature", ("payment_type", "fare"), {"AUC": (0.93, 0.61)}, marked="payment_type"),
        sample=RowSample("rows of eval", ("company", "fare"), (("<script>alert(1)</script>", "7.5"),)),
    )
    page = render(sample_record(), Evidence(gates=(GateReport("data_gate", Verdict.FAIL, (finding,)),)))
    for part in ("AUC by feature", "payment_type", "Leave it out.", "rows of eval", "&lt;script&gt;alert(1)"):
        assert part in page
    assert "<script" not in page


def test_findings_keep_their_evidence_through_json() -> None:
    finding = Finding(
        "exact_duplicates",
        "eval",
        "share",
        0.1,
        0.001,
        1_500,
        Severity.BLOCK,
        "Copied.",
        "Split again.",
        p_value=None,
        chart=Chart("c", ("a",), {"train": (1.0,)}),
        sample=RowSample("s", ("x",), (("1",),)),
        waiver="agreed",
    )
    report = GateReport("data_gate", Verdict.FAIL, (finding,))
    assert GateReport.loads(report.dumps()) == report


def test_a_column_in_a_caption_is_set_as_code() -> None:
    chart = Chart("share of rows by `big_tipper`", ("no", "yes"), {"train": (0.8, 0.2)})
    finding = Finding(
        "label_shift",
        "eval",
        "distance",
        0.08,
        0.05,
        1_500,
        Severity.WARN,
        "It moved.",
        "See why.",
        chart=chart,
        sample=RowSample("rows with `fare`", ("x",), (("1",),)),
    )
    page = render(sample_record(), Evidence(gates=(GateReport("data_gate", Verdict.PASS, (finding,)),)))
    assert "by <code>big_tipper</code>" in page and "rows with <code>fare</code>" in page
