"""How the gates may be configured: `gates:` in a workload's YAML."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeFloat


class _Strict(BaseModel):
    """A frozen model that refuses unknown keys; the string under a field is its documentation."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _as_date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_as_date)]
Sentence = Annotated[str, Field(pattern=r"\S")]


class Waiver(_Strict):
    """Lets a blocking finding pass as a warning, for a reason and for a time."""

    reason: Sentence
    """Why this finding may pass. It is printed in every verdict and stored in the model's metadata."""
    expires: Day
    """The last day on which it may, as YYYY-MM-DD; from the day after it blocks again."""
    subject: str | None = None
    """The column, split, slice or signature that is waived; every subject of the check when absent."""


class CheckSettings(_Strict):
    """What may be changed about one check."""

    threshold: NonNegativeFloat | None = None
    """Replaces the check's margin."""
    severity: Literal["warn", "block"] = "block"
    """`warn`: its findings are shown and never refuse."""
    enabled: bool = True
    """False: it does not run, and is shown as skipped by configuration."""
    waive: Waiver | list[Waiver] = []
    """Findings that may pass for a time."""

    @property
    def waivers(self) -> list[Waiver]:
        """The waivers as a list."""
        return self.waive if isinstance(self.waive, list) else [self.waive]


class GateSettings(_Strict):
    """Of DataGate and ModelGate."""

    strict: bool = False
    """True: where the data cannot decide a tier-1 check, it refuses. For pushes to production."""
    checks: dict[str, CheckSettings] = {}
    """Changes to single checks, by name; `python -m gates list` names them all."""
