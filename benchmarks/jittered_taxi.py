"""Makes a larger taxi CSV from the real one: copies whose fares, distances, durations and times are jittered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

JITTERED = ("fare", "trip_miles", "trip_seconds", "tips")


def write_jittered(real: Path, target: Path, copies: int, seed: int = 0) -> int:
    """Write `copies` times the rows of `real`; the first copy is the original. Returns the number of rows."""
    original = pd.read_csv(real)
    random = np.random.default_rng(seed)
    parts = [original]
    for _ in range(copies - 1):
        part = original.copy()
        # One factor a row for all of them, so that tips stay above or below 20 % of the fare.
        factor = random.normal(1.0, 0.02, len(part))
        for column in JITTERED:
            part[column] = (part[column] * factor).round(0 if column == "trip_seconds" else 2)
        start = part["trip_start_timestamp"]
        part["trip_start_timestamp"] = (start + 900 * random.integers(-8, 9, len(part))).clip(start.min(), start.max())
        parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    rows.to_csv(target, index=False)
    return len(rows)
