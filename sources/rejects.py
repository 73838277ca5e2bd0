"""Rows that cannot be used: what is kept of them, and the file in which they are put aside."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

UNUSABLE_FILE = "unusable_rows.jsonl"
KEPT_PER_PART = 10_000  # of each piece of work: all are counted, a hopeless file must not be copied as JSON
_TEXT_LENGTH = 500


@dataclass(frozen=True)
class Reject:
    """One unusable row. `line` is the physical line of a CSV file (the header is line 1) or the row of another
    file (the first is 1)."""

    file: str
    line: int
    reason: str
    text: str
    lines: int = 1  # an unclosed quote can swallow several

    def to_json(self) -> str:
        """A line of the file."""
        row = {key: value for key, value in asdict(self).items() if key != "lines"}
        return json.dumps({**row, "text": self.text[:_TEXT_LENGTH]}, ensure_ascii=False)
