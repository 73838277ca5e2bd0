"""One run of taxi, measured: what each stack is asked for, as JSON between the two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What the page names of a stack; the first is the stack's own version.
PACKAGES = ("tfx", "tensorflow", "apache-beam", "keras", "numpy", "pyarrow", "pandas", "protobuf")
_PUSHER = "pusher"
Verdict = tuple[str, str, str, str]


@dataclass(frozen=True)
class Measured:
    """The cost of one run, and all that has to be the same on both stacks."""

    python: str
    versions: Mapping[str, str]
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output_lines: int
    load_before: float  # processes that wanted a core in the minute before
    splits: Mapping[str, str]  # split → a hash of its rows
    record: Mapping[str, Any]  # run.json

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, line: str) -> Measured:
        """The reverse of `as_json`."""
        return cls(**json.loads(line))

    def verdicts(self) -> list[Verdict]:
        """The severity of each finding by gate, check and subject, and of each gate its verdict."""
        found: list[Verdict] = [("run", "", "", self.record["outcome"])]
        for gate in self.record["gates"]:
            found.append((gate["gate"], "", "", gate["verdict"]))
            for finding in gate["findings"]:
                # The subject of a push is its version, which is its time.
                subject = "" if gate["gate"] == _PUSHER else finding["subject"]
                found.append((gate["gate"], finding["check"], subject, finding["severity"]))
        return found
