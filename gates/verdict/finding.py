"""The findings of a check and the decision of a gate: typed values with their reasons, to and from JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from core.printable import json_text
from core.text import counted
from gates.verdict.notebook import page_of


class Severity(str, Enum):
    """The weight of a finding: INFO is listed, WARN is shown in the verdict, BLOCK refuses."""

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Verdict(str, Enum):
    """A gate's decision. INCONCLUSIVE: nothing blocks, but the rows are too few to be sure."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


_OPTIONAL = ("chart", "sample", "waiver", "waived_until", "column", "table", "undecided")


@dataclass(frozen=True)
class Chart:
    """A small image of a finding: one bar a label and series. Counts or shares, never more than 40 labels."""

    caption: str  # "share of rows by trip_miles"
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float, ...]]  # {"train": (…), "serving": (…)}
    marked: str | None = None  # the label that the finding is about

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Chart:
        """The inverse of `dataclasses.asdict`, after JSON."""
        series = {name: tuple(values) for name, values in plain["series"].items()}
        return cls(plain["caption"], tuple(plain["labels"]), series, plain["marked"])


@dataclass(frozen=True)
class RowSample:
    """A few of the offending rows, as text; never more than 5."""

    caption: str  # "rows of eval that are also in train"
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> RowSample:
        """The inverse of `dataclasses.asdict`, after JSON."""
        return cls(plain["caption"], tuple(plain["columns"]), tuple(tuple(row) for row in plain["rows"]))


@dataclass(frozen=True)
class Finding:
    """The result of one check on one subject. `reason` and `remedy` are for people and are never empty."""

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
    chart: Chart | None = None
    sample: RowSample | None = None
    waiver: str | None = None  # the reason for which it may pass
    waived_until: str | None = None  # the last day on which it may, as YYYY-MM-DD
    column: str | None = None  # which column of the data it is about, where `subject` says more than that
    table: str | None = None  # which table was compared with train
    undecided: bool = False  # the rows are too few to say: it leaves the verdict inconclusive

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
        return {key: value for key, value in plain.items() if value not in (None, False) or key not in _OPTIONAL}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Finding:
        """The inverse of `to_json`; a figure that was not finite comes back as NaN."""
        figures = {key: float("nan") if plain[key] is None else float(plain[key]) for key in ("value", "threshold")}
        chart, sample = plain.get("chart"), plain.get("sample")
        evidence = {"chart": chart and Chart.from_json(chart), "sample": sample and RowSample.from_json(sample)}
        return cls(**{**plain, **figures, **evidence, "severity": Severity(plain["severity"])})


@dataclass(frozen=True)
class SkippedCheck:
    """A check that did not run, and why; it is shown and does not count as passed."""

    check: str
    why: str


@dataclass(frozen=True, repr=False)
class GateReport:
    """The verdict of one gate on one run, with its findings. Printed it is one line, in a notebook a table."""

    gate: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    checks_run: tuple[str, ...] = ()
    checks_skipped: tuple[SkippedCheck, ...] = ()
    seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # remarks on the whole report: that it rests on a sample, for instance

    @property
    def blessed(self) -> bool:
        """Whether the components after this gate may run. Under `gates.strict` a finding in doubt blocks."""
        return self.verdict is not Verdict.FAIL

    @property
    def in_doubt(self) -> tuple[str, ...]:
        """The checks that leave the verdict inconclusive, or would: each once, in the order of their findings."""
        return tuple(dict.fromkeys(finding.check for finding in self.findings if finding.undecided))

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity, in the order in which they were found."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return self.of(Severity.BLOCK)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are shown and do not refuse."""
        return self.of(Severity.WARN)

    def __repr__(self) -> str:
        return f"<{self._in_one_line()}>"

    def _repr_html_(self) -> str:
        rows = [
            (each.severity.value, each.check, each.subject, each.reason, each.remedy)
            for each in (*self.blocking, *self.warnings)
        ]
        return page_of(self._in_one_line(), ("", "check", "on", "why", "next"), rows, self.notes)

    def _in_one_line(self) -> str:
        found = f"{len(self.blocking)} blocking, {counted(len(self.warnings), 'warning')}"
        checks = f"{len(self.checks_run)} checks run, {len(self.checks_skipped)} skipped"
        return f"{self.gate} {self.verdict.value}: {found}; {checks}"

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
            "notes": list(self.notes),
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
            notes=tuple(plain.get("notes", ())),
        )

    def dumps(self) -> str:
        """The report as JSON text, as gate components store it."""
        return json_text(self.to_json())

    @classmethod
    def loads(cls, text: str) -> GateReport:
        """The inverse of `dumps`."""
        return cls.from_json(json.loads(text))


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """FAIL when any finding blocks, else PASS."""
    blocks = any(finding.severity is Severity.BLOCK for finding in findings)
    return Verdict.FAIL if blocks else Verdict.PASS
