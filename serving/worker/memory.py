"""Whether a model fits into the memory that is left; free of TensorFlow, for whoever asks before it is loaded."""

from __future__ import annotations

from pathlib import Path

import psutil

# An idle process with TensorFlow, and as much again as the variables while they are read.
_BASE_BYTES, _COPIES = 500_000_000, 2
_GROUP = Path("/sys/fs/cgroup")


def lacking_memory(model_bytes: int) -> str:
    """Why a model with files of this size should not be loaded now; empty: it fits."""
    needed = _BASE_BYTES + _COPIES * model_bytes
    free = free_memory()
    if needed <= free:
        return ""
    return f"loading it takes about {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB of memory are free"


def free_memory(group: Path = _GROUP) -> int:
    """Bytes that are free on this machine, or that its container may still take where that is less."""
    free = psutil.virtual_memory().available
    left = _left_to(group)
    return free if left is None else min(free, left)


def _left_to(group: Path) -> int | None:
    """The limit of a control group (version 2) without what is in use; None where there is no limit."""
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((group / "memory.current").read_text())
        figures = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Files that were read and can be dropped at any time.
        return max(0, int(limit) - used + int(figures.get("inactive_file", 0)))
    except (OSError, ValueError):
        return None
