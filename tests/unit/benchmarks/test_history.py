"""Every `make bench` leaves its row, and the rows before it stay."""

from pathlib import Path

from benchmarks.history import Compared, append_rows
from benchmarks.serving.measured import Measured
from benchmarks.serving.page import append_row
from benchmarks.timed_process import ProcessCost


def cost(seconds: float, gib: float) -> ProcessCost:
    return ProcessCost(seconds, int(gib * 2**30), 17, {})


def test_appends_a_row_for_each_size_and_keeps_those_before(tmp_path: Path) -> None:
    history = tmp_path / "history.md"
    small = Compared("15 k", [cost(30, 1.0), cost(40, 1.5)], [cost(60, 1.0), cost(50, 1.0)])
    append_rows([small], history)
    first = history.read_text()
    append_rows([small, Compared("300 k", [cost(80, 2.0)], [cost(160, 1.0)])], history)
    rows = [line.split(" | ")[2:] for line in history.read_text().removeprefix(first).splitlines()]
    assert rows == [
        ["2", "15 k", "35.0", "55.0", "0.65", "1.50 |"],
        ["1", "300 k", "80.0", "160.0", "0.50", "2.00 |"],
    ]
    assert first.startswith("# Speed over time") and first.endswith("| 0.65 | 1.50 |\n")


def test_rows_of_the_endpoint_and_of_runs_stay_apart_in_whatever_order_they_come(tmp_path: Path) -> None:
    history = tmp_path / "history.md"
    run = Compared("15 k", [cost(30, 1.0)], [cost(60, 1.0)])
    limit = Measured(1500, 0.6, 0.9, 0.65, 100, 0)
    ours = {1: Measured(800, 1.2, 2, 1.1, 100, 0), 64: Measured(5000, 10, 20, 0.2, 100, 0)}
    plain = {1: Measured(900, 1.0, 2, 1.0, 100, 0), 64: Measured(1000, 60, 90, 1.5, 100, 0)}
    append_rows([run], history)
    append_row(limit, ours, plain, history)
    append_rows([run], history)
    append_row(limit, ours, plain, history)
    tables = [part for part in history.read_text().split("\n\n") if part.startswith("|")]
    rows = [[line.split(" | ")[2:] for line in table.splitlines()[2:]] for table in tables]
    assert rows == [
        [["1", "15 k", "30.0", "60.0", "0.50", "1.00 |"]] * 2,
        [["1.20", "0.60", "5,000", "1,000", "5.00", "0.20 |"]] * 2,
    ]
