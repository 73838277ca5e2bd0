"""What a check saw and what a gate decides: typed values that carry their reason, in and out of JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Severity(str, Enum):
    """How much a finding weighs: INFO is told, WARN is shown in the verdict, BLOCK refuses."""

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Verdict(str, Enum):
    """A gate's decision. INCONCLUSIVE means that the data cannot decide; it never counts as a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Finding:
    """What one check saw about one subject. `reason` and `remedy` are for people and are never empty."""

    check: str  # "exact_duplicates"
    subject: str  # a feature, split, slice or signature
    statistic: str  # the name of `value`: "share of eval rows present in train"
    value: float
    threshold: float
    n: int
    severity: Severity
    reason: str
    remedy: str
    p_value: float | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip() or not self.remedy.strip():
            raise ValueError(f"a finding of {self.check} on {self.subject} has no reason or no remedy")

    def to_json(self) -> dict[str, Any]:
        """A plain dict in which a figure that JSON cannot hold (NaN, infinity) is None."""
        plain = dataclasses.asdict(self)
        plain["severity"] = self.severity.value
        for key in ("value", "threshold", "p_value"):
            if plain[key] is not None and not math.isfinite(plain[key]):
                plain[key] = None
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Finding:
        """The inverse of `to_json`; a figure that was not finite comes back as NaN."""
        figures = {key: float("nan") if plain[key] is None else float(plain[key]) for key in ("value", "threshold")}
        return cls(**{**plain, **figures, "severity": Severity(plain["severity"])})


@dataclass(frozen=True)
class SkippedCheck:
    """A check that did not run, and why: shown, never silently passed."""

    check: str
    why: str


@dataclass(frozen=True)
class GateReport:
    """All that one gate has to say about one run."""

    gate: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    checks_run: tuple[str, ...] = ()
    checks_skipped: tuple[SkippedCheck, ...] = ()
    seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def blessed(self) -> bool:
        """Whether what hangs on this gate may go on."""
        return self.verdict is Verdict.PASS

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity, in the order in which they were found."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def to_json(self) -> dict[str, Any]:
        """The shape that `run.json` and `--json` write."""
        return {
            "gate": self.gate,
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
            "checks_run": list(self.checks_run),
            "checks_skipped": [dataclasses.asdict(skipped) for skipped in self.checks_skipped],
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> GateReport:
        """The inverse of `to_json`."""
        return cls(
            gate=plain["gate"],
            verdict=Verdict(plain["verdict"]),
            findings=tuple(Finding.from_json(finding) for finding in plain["findings"]),
            checks_run=tuple(plain["checks_run"]),
            checks_skipped=tuple(SkippedCheck(**skipped) for skipped in plain["checks_skipped"]),
            seconds=plain["seconds"],
            versions=plain.get("versions", {}),
        )

    def dumps(self) -> str:
        """The report as JSON text, as gate components store it."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def loads(cls, text: str) -> GateReport:
        """The inverse of `dumps`."""
        return cls.from_json(json.loads(text))


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """FAIL when any finding blocks, else PASS."""
    blocks = any(finding.severity is Severity.BLOCK for finding in findings)
    return Verdict.FAIL if blocks else Verdict.PASS
