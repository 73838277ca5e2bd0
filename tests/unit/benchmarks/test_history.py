"""Every `make bench` leaves its row, and the rows before it stay."""

from pathlib import Path

from benchmarks.history import Compared, append_rows
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
