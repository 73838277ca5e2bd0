"""A replica of a custom or tuning job for tests of the rehearsal. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

NAMES = ("AIP_MODEL_DIR", "CLOUD_ML_JOB_ID", "CLOUD_ML_TRIAL_ID", "CLUSTER_SPEC", "TF_CONFIG", "SET_BY_THE_JOB")


def main(out: Path, orders: list[str]) -> None:
    """Write arguments and environment into the folder `out`; report a metric as cloudml-hypertune does."""
    environment = {name: os.environ[name] for name in NAMES if name in os.environ}
    given = dict(word.removeprefix("--").split("=", 1) for word in orders if "=" in word)
    task = json.loads(os.environ["CLUSTER_SPEC"])["task"]
    place = out / f"{task['type']}-{task['index']}-{task.get('trial', '')}.json"
    fresh = place.with_suffix(".fresh")
    fresh.write_text(json.dumps({"environment": environment, "given": given}))
    fresh.replace(place)
    if "wait" in orders:
        time.sleep(600)
    if "fail" in orders or given.get("rate") == "1":
        raise ValueError("this replica cannot")
    if "rate" in given:
        line = {"timestamp": 0.0, "trial": "1", "loss": given["rate"], "global_step": "1", "checkpoint_path": ""}
        Path(os.environ["CLOUD_ML_HP_METRIC_FILE"]).write_text(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
