"""The images that the model takes for another class."""

from __future__ import annotations

from collections.abc import Sequence

from gates.evaluation.mistakes import CLASSES, Mistake
from report.markup import fragment
from report.sections.section import Section


def render(mistakes: Sequence[Mistake]) -> Section:
    """A row of images for each true class."""
    by_class: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        by_class.setdefault(mistake.truth, []).append(mistake)
    return Section("mistakes", "Mistakes", fragment("mistakes", classes=by_class, most=CLASSES))
