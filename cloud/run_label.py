"""The label by which everything that works for a pipeline job is found again. No heavy imports."""

from __future__ import annotations

import hashlib
import re

RUN_LABEL = "sluice_run"
_LONGEST = 63


def run_label(job: str) -> str:
    """The label's value for the pipeline job of that id: Google Cloud takes 63 of a-z, 0-9, _ and -, and an id may be
    longer. Then the value ends with a hash of the whole id, so that no other job has the same."""
    value = re.sub(r"[^a-z0-9_-]", "-", job.lower())
    if len(value) <= _LONGEST:
        return value
    digest = hashlib.sha256(job.encode()).hexdigest()[:8]
    return f"{value[: _LONGEST - len(digest) - 1]}-{digest}"
