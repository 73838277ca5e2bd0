"""A section of the page."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from report.markup import fragment


@dataclass(frozen=True)
class Section:
    """One part of the report, with the anchor and the short name that the navigation uses."""

    anchor: str
    title: str
    body: Markup


def not_reached(anchor: str, title: str, what: str) -> Section:
    """A section without evidence in this run: one line in its place."""
    return Section(anchor, title, fragment("not_reached", what=what))
