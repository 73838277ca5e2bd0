"""Whether a split kept equal rows together, as a split by a hash of the row does. Then contents were drawn, not rows.

The derivation: docs/statistics.md, Equal rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gates.data.assignment import RandomAssignment, shared_columns
from gates.tables.table import Codes, Table, joint_codes

# The share of rows that repeat another one above which the draw of contents differs notably from one of rows.
REPEATED = 0.02
# So few of the hits that a random assignment of rows makes, and so many standard deviations fewer, are no chance.
_HITS_LEFT, _SPREADS = 0.5, 5.0


def content_of(train: Table, other: Table, label: str | None) -> list[str]:
    """The columns that a hash of the row covers: all that both tables hold, without the label."""
    return [name for name in shared_columns(train, other) if name != label]


def content_codes(train: Table, other: Table, label: str | None) -> tuple[Codes, Codes]:
    """Both tables' rows as codes that are equal where the contents are."""
    train_codes, other_codes = joint_codes([train, other], content_of(train, other, label))
    return train_codes, other_codes


def keeps_equal_rows_together(train: Table, held_out: Mapping[str, Table], label: str | None) -> bool:
    """Whether train repeats contents and shares hardly any with the held-out tables.

    All of them must agree: where a single one shares none with train, its values were changed.
    """
    found = [_is_kept_apart(train, other, label) for other in held_out.values() if other.rows]
    known = [each for each in found if each is not None]
    return bool(known) and all(known)


def _is_kept_apart(train: Table, other: Table, label: str | None) -> bool | None:
    """None where too few rows repeat to say."""
    names = content_of(train, other, label)
    if not names or repeated_share(train.words(names)[0]) < REPEATED:
        return None
    assigned = RandomAssignment.of(train, other, names)
    if assigned.expected < max(REPEATED * other.rows, _SPREADS * assigned.spread):
        return None
    return assigned.hits <= min(_HITS_LEFT * assigned.expected, assigned.expected - _SPREADS * assigned.spread)


def repeated_share(contents: np.ndarray) -> float:
    """The share of rows whose content another row has as well."""
    _, counts = np.unique(contents, return_counts=True)
    return float(counts[counts > 1].sum() / max(len(contents), 1))
