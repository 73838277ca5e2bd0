"""Records of runs from which hours are learned."""

from __future__ import annotations

import json
from pathlib import Path

from report.run_record import Effort

NOW = Effort(model="models.wide_and_deep", share=1.0, epochs=10)


def write_run(
    folder: Path,
    run_id: str,
    seconds: float,
    rows: int = 100,
    state: str = "ran",
    effort: Effort | None = NOW,
    component: str = "Trainer",
) -> None:
    """The record of a run in which one component took so long, in a folder."""
    record = {
        "run_id": run_id,
        "workload": "taxi",
        "outcome": "pushed",
        "exit_code": 0,
        "reason": "Every blessing is present.",
        "pushed_version": None,
        "pushed_to": None,
        "components": [{"name": component, "seconds": seconds, "state": state}],
        "gates": [],
        "metrics": {},
        "rows": {"train": rows},
        "seconds": seconds,
        "peak_memory_bytes": 1,
        "seed": 7,
        "data_fingerprint": None,
        "git_commit": None,
        "lock_hash": None,
        "effort": effort and effort.model_dump(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record))
