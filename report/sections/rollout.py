"""The steps by which the pushed version got the traffic of the endpoint, or why it was taken back."""

from __future__ import annotations

from report.markup import fragment
from report.run_record import RolloutRecord
from report.sections.section import Section


def render(rollout: RolloutRecord) -> Section:
    """A row for each step that has ended, with what was compared in it."""
    return Section("rollout", "Rollout", fragment("rollout", rollout=rollout))
