"""The configuration of the gates: `gates:` in a workload's YAML."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, model_validator

from core.strict import Strict, conflict
from core.text import did_you_mean


def _as_date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_as_date)]
Sentence = Annotated[str, Field(pattern=r"\S")]


class Waiver(Strict):
    """Lets a blocking finding pass as a warning, for a reason and for a time; under `strict` also a change that weakens
    a check of tier 1 (`enabled: false`, `severity: warn`, a `threshold` above its margin)."""

    reason: Sentence
    """Why this finding may pass. It is printed in every verdict and stored in the model's metadata."""
    expires: Day
    """The last day on which it may, as YYYY-MM-DD; from the day after it blocks again."""
    subjects: list[str] = []
    """The columns, splits, slices or signatures that may pass, as findings name them, or the changes (`enabled`,
    `severity`, `threshold`); all of the check when empty."""


class Tolerance(Strict):
    """Lets the anomalies of a column pass as warnings, for a reason and for a time."""

    reason: Sentence
    """Why they may pass. It is printed in every verdict."""
    expires: Day
    """The last day on which they may, as YYYY-MM-DD; from the day after they block again."""


class CheckSettings(Strict):
    """What may be changed about one check."""

    threshold: NonNegativeFloat | None = None
    """Replaces the check's margin. Under `strict` a larger one needs `waive` where the check is of tier 1."""
    severity: Literal["warn", "block"] = "block"
    """`warn`: its findings are shown and never refuse. Under `strict` it needs `waive` where the check is of tier 1."""
    enabled: bool = True
    """False: it does not run, and is shown as skipped by configuration. Under `strict` it needs `waive` where the check
    is of tier 1."""
    waive: Waiver | None = None
    """Lets its findings pass for a time."""


class GateSettings(Strict):
    """How DataGate and ModelGate judge; `python -m gates list` shows every check with its margin."""

    strict: bool = False
    """True: where a tier-1 check is in doubt, could not judge, or is weakened without a waiver, the gate refuses. For
    pushes to production."""
    checks: dict[str, CheckSettings] = {}
    """Changes to single checks, by name; `python -m gates list` names them all."""
    latency_ms: PositiveFloat | None = None
    """The 99th percentile of one request to the exported model may take this many milliseconds, measured on the machine
    that runs the ModelGate; not judged when absent."""
    export_mb: PositiveFloat | None = None
    """The exported model may have this many megabytes; not judged when absent."""

    @model_validator(mode="after")
    def _checks_exist(self) -> GateSettings:
        if self.checks:
            from gates.verdict.catalogue import checks

            names = [check.name for check in checks()]
            for name in self.checks:
                if name not in names:
                    hint = did_you_mean(name, names, "; `python -m gates list` names them all")
                    raise conflict(f"there is no check `{name}`{hint}", "checks", name)
        return self
