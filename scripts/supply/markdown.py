"""Rows of tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def rule(columns: int, numbers: int = 0) -> str:
    """The line below the heading; the last columns, which hold numbers, are set to the right."""
    return row(["---"] * (columns - numbers) + ["--:"] * numbers)
