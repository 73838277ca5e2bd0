"""The origin of the model: data, schema, code, lock, seed, and the model that it was compared with."""

from __future__ import annotations

from collections.abc import Mapping

from report.markup import fragment
from report.run_record import RunRecord
from report.sections.section import Section


def render(record: RunRecord, lineage: Mapping[str, str | None]) -> Section:
    """The lineage of the evidence; a run that ended earlier has the facts of its record."""
    known = {
        "data fingerprint": record.data_fingerprint,
        "git commit": record.git_commit,
        "lock": record.lock_hash,
        "seed": str(record.seed),
    }
    return Section("lineage", "Lineage", fragment("lineage", entries=lineage or known))
