"""The page that a notebook shows of a report."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def page_of(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """A title, a table (none without rows) and notes, in HTML. All is escaped: much of it comes from data."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<p><b>{escape(title)}</b></p>{table}" + "".join(f"<p>{escape(note)}</p>" for note in notes)
