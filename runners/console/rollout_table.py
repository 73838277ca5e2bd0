"""The steps of a rollout as a table on the console."""

from __future__ import annotations

from rich.table import Table

from report.run_record import RolloutRecord


def rollout_table(rollout: RolloutRecord) -> Table:
    """A row for each step that has ended."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for step in rollout.steps:
        table.add_row(step.step, f"{step.share} %", step.outcome, step.reason)
    return table
