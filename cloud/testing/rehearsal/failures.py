"""Why a container failed, in one sentence, from what it has printed."""

from __future__ import annotations

import re
from pathlib import Path

# As Python ends a traceback, and as our commands print it.
_OURS = re.compile(r"^(?:(?:[\w.]*\.)?SluiceError|sluice): (?P<text>.*(?:\n {8}.*)*)", re.MULTILINE)
_RAISED = re.compile(r"^(?P<text>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?)$", re.MULTILINE)
_TRACE = "Traceback (most recent call last):"
_LONGEST = 2000


def reason(log: Path, status: int) -> str:
    """The last sentence for a user with its next command, else the last line of the last traceback, else the exit
    status."""
    text = log.read_text(encoding="utf-8", errors="replace")
    ours = [found["text"] for found in _OURS.finditer(text)]
    if ours:
        return ours[-1].rstrip()[:_LONGEST]
    if status < 0:
        return f"The container was ended by signal {-status}."
    if _TRACE in text:
        raised = _RAISED.search(text.rpartition(_TRACE)[2])
        if raised:
            return raised["text"][:_LONGEST]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ending = f": {lines[-1][:_LONGEST]}" if lines else "."
    return f"The container exited with status {status}{ending}"
