"""The measurement of one comparison of a check, before the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gates.verdict.finding import Chart, RowSample, Severity


@dataclass(frozen=True)
class Measurement:
    """What a check measured of one subject, before the decision. Larger values are worse.

    `p_value`: of the effect being chance alone, before any correction; None for a fact that chance cannot make.
    `upper`: one-sided 99 % upper bound of the value; a tier-1 check whose bound is above `sound_below` (the margin when
    None) is in doubt. `beyond` replaces `value > margin` where the comparison is another. `reason` and `remedy` are
    whole sentences; `at_most` caps the severity. A check leaves out its name and its margin: `Check.measure` fills them
    in.
    """

    subject: str
    statistic: str
    value: float
    n: int
    reason: str
    remedy: str = "Nothing to do."
    p_value: float | None = None
    upper: float | None = None
    sound_below: float | None = None
    beyond: bool | None = None
    at_most: Severity = Severity.BLOCK
    rows_to_decide: int | None = None
    chart: Chart | None = None
    sample: RowSample | None = None
    column: str | None = None  # which column of the data it is about, where `subject` says more than that
    table: str | None = None  # which table was compared with train
    looked_at: str = ""  # what the check looked at, where its bound left a part out: "looked at … of …"
    check: str = ""
    margin: float | None = None  # given by a check only where it differs from its own

    def named(self, check: str, margin: float) -> Measurement:
        """A copy with the check's name, and with the check's margin where it has none."""
        return replace(self, check=check, margin=margin if self.margin is None else self.margin)

    @property
    def is_beyond(self) -> bool:
        """Whether the effect matters; a value that could not be computed counts as one."""
        if self.beyond is not None:
            return self.beyond
        return self.margin is None or not self.value <= self.margin

    @property
    def is_doubtful(self) -> bool:
        """Whether the bound leaves room for an effect that matters."""
        bound = self.margin if self.sound_below is None else self.sound_below
        return self.upper is not None and (bound is None or self.upper > bound)
