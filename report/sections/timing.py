"""The time of each component."""

from __future__ import annotations

from report.markup import fragment
from report.run_record import RunRecord
from report.sections.section import Section, not_reached

TITLE = "Time"


def render(record: RunRecord) -> Section:
    """A bar for each component, in the order of the run."""
    if not record.components:
        return not_reached("time", TITLE, "no component was started")
    longest = max(component.seconds for component in record.components) or 1.0
    bars = [(component, round(100 * component.seconds / longest, 1)) for component in record.components]
    elsewhere = max(0.0, record.seconds - sum(component.seconds for component in record.components))
    return Section("time", TITLE, fragment("timing", bars=bars, record=record, elsewhere=elsewhere))
