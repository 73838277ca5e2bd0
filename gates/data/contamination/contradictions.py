"""Rows with equal features and different labels across a split, and their number by chance.

The derivation: docs/statistics.md, Contradictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gates.data.assignment import without_row_numbers
from gates.data.evidence import Data, pair_name
from gates.data.target import target_in, target_of
from gates.data.units import Unit
from gates.statistics.sampling import effective_rows
from gates.tables.table import Codes, Table, joint_codes
from gates.verdict.catalogue import NotApplicable
from gates.verdict.finding import Chart, Severity
from gates.verdict.measurement import Measurement


@dataclass(frozen=True)
class Contradictions:
    """Held-out rows whose label contradicts train's rows with equal features."""

    seen: float  # weighted by the rarity of their label among equal rows
    expected: float
    variance: float

    def p_value(self, rows_a_row: float) -> float:
        """Bennett's bound of as many by chance; `rows_a_row`: effective rows a row, below 1 when rows are clustered."""
        beyond = (self.seen - self.expected) * rows_a_row
        spread = self.variance * rows_a_row
        if beyond <= 0:
            return 1.0
        if spread <= 0:
            return 1.0 if beyond < 1e-9 else 0.0
        ratio = beyond / spread
        return float(np.exp(-spread * ((1 + ratio) * np.log1p(ratio) - ratio)))


def contradictions(features: tuple[Codes, Codes], labels: tuple[Codes, Codes]) -> Contradictions:
    """Labels of equal features under exchange between train and the held-out rows; codes of both sides.

    In a content of three rows or more, a row's weight is the share of the other rows with another label, and the
    held-out rows are a draw of all. Contents of two rows are pooled: pairs across the split are a draw of these and of
    the pairs within train.
    """
    split = len(features[0])
    _, content = np.unique(np.concatenate(features), return_inverse=True)
    repeated = np.bincount(content)[content] > 1
    held_out = (np.arange(len(content)) >= split)[repeated]
    _, content = np.unique(content[repeated], return_inverse=True)
    label = np.concatenate(labels)[repeated]
    if not len(content):
        return Contradictions(0.0, 0.0, 0.0)
    _, joint = np.unique(content * (int(label.max()) + 2) + label, return_inverse=True)
    total, alike = np.bincount(content), np.bincount(joint)[joint]
    drawn = np.bincount(content, held_out).astype(np.float64)
    weight = 1.0 - (alike - 1) / np.maximum(total[content] - 1, 1)
    mean = np.bincount(content, weight) / total
    spread = np.maximum(np.bincount(content, weight**2) / total - mean**2, 0.0)
    several = (total >= 3) & (drawn > 0) & (drawn < total)
    seen = float(weight[held_out & several[content]].sum())
    expected = float((drawn * mean)[several].sum())
    variance = float((drawn * (total - drawn) / np.maximum(total - 1, 1) * spread)[several].sum())

    pairs = (total == 2) & (drawn < 2)
    across = pairs & (drawn == 1)
    all_pairs, crossing = int(pairs.sum()), int(across.sum())
    if 0 < crossing < all_pairs:
        rate = float(mean[pairs].mean())
        seen += float(mean[across].sum())
        expected += crossing * rate
        variance += crossing * (all_pairs - crossing) / max(all_pairs - 1, 1) * rate * (1 - rate)
    return Contradictions(seen, expected, variance)


def judge_contradictions(data: Data, split: str, other: Table, margin: float) -> Measurement | None:
    """The measurement of one split; None when it shares no feature or one of the two does not hold the label."""
    names = without_row_numbers([data.train, other], [name for name in data.features if other.has(name)])
    try:
        train_target = target_of(data)
        other_target = target_in(other, train_target)
    except NotApplicable:
        return None
    if not names or train_target.is_regression:
        return None
    kept = train_target.present, other_target.present
    features = joint_codes([data.train, other], names)
    found = contradictions(
        (features[0][kept[0]], features[1][kept[1]]), (train_target.codes[kept[0]], other_target.codes[kept[1]])
    )
    rows = max(1, other_target.rows)
    groups = data.groups(other)
    rows_a_row = (
        effective_rows(train_target.codes.astype(float), other_target.codes.astype(float), groups)[1] / other.rows
    )
    value, base = (found.seen - found.expected) / rows, data.train.name
    beyond = value > margin
    return Measurement(
        subject=pair_name(data.train, split),
        statistic=f"share of {split} rows that contradict equal rows of {base}, beyond {base}'s own contradictions",
        value=value,
        n=rows,
        p_value=found.p_value(rows_a_row),
        beyond=beyond,
        at_most=Severity.WARN if data.unit(other) is Unit.TIME else Severity.BLOCK,
        reason=f"Of {rows:,} {split} rows about {found.seen:,.0f} have the features of rows with another label; "
        f"{found.expected:,.0f} would, were labels of equal rows assigned to both sides at random.",
        remedy=f"Look at how the label was joined to {split}: equal rows are labelled otherwise than in {base}."
        if beyond
        else "Nothing to do.",
        chart=Chart(
            f"rows of {split} that contradict equal rows",
            ("seen", "expected"),
            {split: (found.seen, found.expected)},
        )
        if beyond
        else None,
    )
