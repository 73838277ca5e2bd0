"""A run that has ended, wherever it ran. Free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config.workload import WorkloadConfig
from runners.results.node_result import Results
from runners.results.outcome import Outcome


@dataclass(frozen=True)
class FinishedRun:
    """All that its record and its report are made of. `facts` holds seconds, peak_memory_bytes, git_commit, lock_hash
    and data_fingerprint, and vertex_model where a model was uploaded."""

    config: WorkloadConfig
    run_id: str
    results: Results
    outcome: Outcome
    facts: Mapping[str, Any]
