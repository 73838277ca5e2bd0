"""What must be the same on both stacks, and where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.stacks.measured import Measured

# Of half the width of the metric's own 95 % interval on the first run: so small that a threshold, which is held against
# the end of the interval, decides the same; and one row of a slice with 60 rows may be predicted otherwise.
TOLERANCE = 0.25


@dataclass(frozen=True)
class Distance:
    """A metric of one slice in two runs. `allowed`: the difference that is within the tolerance."""

    where: str
    metric: str
    one: float
    other: float
    allowed: float

    @property
    def share(self) -> float:
        """The difference as a share of the one allowed; above 1 it is too large."""
        difference = abs(self.one - self.other)
        return difference / self.allowed if self.allowed else (float("inf") if difference else 0.0)


def differences(one: Measured, other: Measured) -> list[str]:
    """A sentence for each verdict, split or metric in which `other` is not as `one`; empty where there is none."""
    found = [*_of_verdicts(one, other), *_of_splits(one, other)]
    measured, others = figures(one), figures(other)
    for name in sorted(measured.keys() ^ others.keys()):
        found.append(f"{' '.join(name)} was measured in one of the two runs alone.")
    for distance in distances(one, other):
        if not distance.share <= 1:
            found.append(
                f"{distance.where} {distance.metric} is {distance.one:.4f} and {distance.other:.4f}, more than "
                f"{distance.allowed:.4f} apart."
            )
    return found


def distances(one: Measured, other: Measured) -> list[Distance]:
    """Every metric that both runs have, the farthest apart first."""
    measured, others = figures(one), figures(other)
    found = [
        Distance(*name, value, others[name][0], TOLERANCE * half_width)
        for name, (value, half_width) in measured.items()
        if name in others
    ]
    return sorted(found, key=lambda each: -each.share)


def figures(run: Measured) -> dict[tuple[str, str], tuple[float, float]]:
    """(slice, metric) → the metric and half the width of its interval. Those without an interval are counts, or are
    judged as findings."""
    metrics = run.record["metrics"]
    places: list[tuple[str, dict[str, Any]]] = [("overall", metrics["overall"])]
    places += [(each["slice"], each) for each in metrics["slices"]]
    return {
        (where, name): (value, (measured[f"{name}_upper"] - measured[f"{name}_lower"]) / 2)
        for where, measured in places
        for name, value in measured.items()
        if measured.get(f"{name}_lower") is not None and measured.get(f"{name}_upper") is not None
    }


def _of_verdicts(one: Measured, other: Measured) -> Iterator[str]:
    first, second = Counter(one.verdicts()), Counter(other.verdicts())
    for change, found in (("missing", first - second), ("new", second - first)):
        for gate, check, subject, verdict in found:
            yield f"{gate}: {', '.join(filter(None, (check, subject, verdict)))} is {change}."


def _of_splits(one: Measured, other: Measured) -> Iterator[str]:
    for name in sorted(one.splits.keys() | other.splits.keys()):
        if one.splits.get(name) != other.splits.get(name):
            yield f"The rows of {name} are others: {one.splits.get(name)} and {other.splits.get(name)}."
    if one.record["rows"] != other.record["rows"]:
        yield f"The numbers of rows are others: {one.record['rows']} and {other.record['rows']}."
