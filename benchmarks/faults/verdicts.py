"""The verdict of a gate on one case, and whether it was right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from benchmarks.faults.plants import Plant
from gates.verdict.catalogue import check_named
from gates.verdict.finding import Finding, GateReport, Severity


class FaultOutcome(str, Enum):
    """How a planted fault ended."""

    CAUGHT = "caught"
    WRONG_REASON = "wrong reason"  # refused, but not by a check that should
    BESIDES = "caught, and more"  # refused by a check that should, and by one that should not
    MISSED = "missed"


@dataclass(frozen=True)
class VerdictRecord:
    """The blocking findings of one verdict, as plain values."""

    blocks: tuple[dict[str, Any], ...]
    warns: tuple[dict[str, Any], ...]
    seconds: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """The verdict for the cache."""
        return asdict(self)


def kind_of(check: str) -> str:
    """contamination, leakage, label, skew or model: by the group of the check, else by the module that holds it."""
    entry = check_named(check)
    family, topic, *_ = entry.run.__module__.removeprefix("gates.").removeprefix("data.").split(".")
    if "leakage" in entry.group:
        return "leakage"
    return "label" if topic == "labels" else family


def record_of(report: GateReport) -> VerdictRecord:
    """The part of a report that this suite needs."""
    return VerdictRecord(
        blocks=tuple(map(_plain, report.of(Severity.BLOCK))),
        warns=tuple(map(_plain, report.of(Severity.WARN))),
        seconds=round(report.seconds, 3),
        verdict=report.verdict.value,
    )


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "kind": kind_of(finding.check),
        "subject": finding.subject,
        "value": finding.value,
        "threshold": finding.threshold,
        "n": finding.n,
        "p_value": finding.p_value,
        "reason": finding.reason,
    }


def outcome_of(plant: Plant, record: VerdictRecord) -> FaultOutcome:
    """Whether the refusal was right: by an expected check, and by no other kind of check.

    A name in `expects` or `also` is that of a check or of a kind.
    """
    if not record.blocks:
        return FaultOutcome.MISSED
    blamed = [{str(each["check"]), str(each["kind"])} for each in record.blocks]
    if not any(each & plant.expects for each in blamed):
        return FaultOutcome.WRONG_REASON
    own = plant.expects | plant.also | {plant.family}
    return FaultOutcome.CAUGHT if all(each & own for each in blamed) else FaultOutcome.BESIDES
