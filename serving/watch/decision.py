"""What a comparison of two versions ends with: a typed value with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Standing(str, Enum):
    """What the answers so far show about one quantity."""

    HARMFUL = "harmful"
    HARMLESS = "harmless"
    OPEN = "open"


@dataclass(frozen=True)
class Comparison:
    """One quantity of the canary minus that of the stable version, in the same windows.

    `effect` with its interval from `lower` to `upper`, which holds at all times at once with `certainty`; `margin` is
    the largest difference that is no harm, upwards or, with `both_ways`, in either direction. `canary` and `stable` are
    the numbers of answers that were compared. Without any, the interval is all that is possible.
    """

    name: str
    effect: float
    lower: float
    upper: float
    certainty: float
    margin: float
    both_ways: bool
    canary: int
    stable: int
    standing: Standing

    def in_words(self) -> str:
        """One sentence without its full stop, for people."""
        counts = f"{self.canary:,} answers of the canary, {self.stable:,} of the stable version"
        if self.canary == 0 or self.stable == 0:
            return f"{self.name}: nothing to compare ({counts})"
        allowed = f"{'±' if self.both_ways else ''}{self.margin:.3g}"
        interval = f"{self.lower:+.3g} to {self.upper:+.3g} with {self.certainty:.1%} certainty"
        return f"{self.name}: canary minus stable {self.effect:+.3g} ({interval}; allowed {allowed}; {counts})"

    def in_brief(self) -> str:
        """The effect, and how far from none it can be: "share of failed requests +0.001 (at most 0.004)"."""
        farthest = max(self.upper, -self.lower) if self.both_ways else self.upper
        return f"{self.name} {self.effect:+.3g} (at most {farthest:.3g}; allowed {self.margin:.3g})"


@dataclass(frozen=True)
class Passed:
    """The canary is shown to be no worse than the stable version by more than the margins."""

    reason: str
    comparisons: Sequence[Comparison] = ()


@dataclass(frozen=True)
class Failed:
    """Harm is shown."""

    reason: str
    comparisons: Sequence[Comparison] = ()


@dataclass(frozen=True)
class Undecided:
    """Neither is shown yet: the canary keeps the share that it has, and more is observed."""

    reason: str
    comparisons: Sequence[Comparison] = ()


Decision = Passed | Failed | Undecided
