"""What a gate said about one case, and whether that was right: caught by the right check, for the wrong reason, missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum

from benchmarks.faults.plants import Plant
from gates.catalogue import check_named
from gates.finding import Finding, GateReport, Severity


class Outcome(str, Enum):
    """How a planted fault ended."""

    CAUGHT = "caught"
    WRONG_REASON = "wrong reason"  # refused, but not by a check that should
    BESIDES = "caught, and more"  # refused by a check that should, and by one that should not
    MISSED = "missed"


@dataclass(frozen=True)
class Said:
    """The blocking findings of one verdict, as plain values."""

    blocks: tuple[dict[str, object], ...]
    warns: tuple[dict[str, object], ...]
    seconds: float
    verdict: str

    def to_json(self) -> dict[str, object]:
        """For the cache."""
        return asdict(self)


def kind_of(check: str) -> str:
    """contamination, leakage, label, skew or model: by the module that holds the check."""
    module = check_named(check).run.__module__
    _, family, topic = module.split(".")[:3]
    return "label" if topic == "labels" else family


def said_by(report: GateReport) -> Said:
    """Of a report, what this suite needs."""
    return Said(
        blocks=tuple(map(_plain, report.of(Severity.BLOCK))),
        warns=tuple(map(_plain, report.of(Severity.WARN))),
        seconds=round(report.seconds, 3),
        verdict=report.verdict.value,
    )


def _plain(finding: Finding) -> dict[str, object]:
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


def outcome_of(plant: Plant, said: Said) -> Outcome:
    """Whether the refusal was the one that the fault deserves. A name in `expects` is a check or a kind."""
    if not said.blocks:
        return Outcome.MISSED
    blamed = [{str(each["check"]), str(each["kind"])} for each in said.blocks]
    right = any(each & plant.expects for each in blamed)
    strange = any(not each & (plant.expects | plant.also) for each in blamed)
    if not right:
        return Outcome.WRONG_REASON
    return Outcome.BESIDES if strange else Outcome.CAUGHT
