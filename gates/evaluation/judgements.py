"""What a limit of the configuration decided about a figure, as the Evaluator stores it and the report draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gates.evaluation.slices import Slice


class LimitKind(str, Enum):
    """What a limit applies to: the value itself, or its change against the last blessed model."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    NO_WORSE = "no_worse_than_blessed_by"


class Decision(str, Enum):
    """Whether a figure meets a limit. MISSED refuses the model; DOUBTFUL: the value misses it, and the rows are too few
    to be certain; UNJUDGED: too few rows, or no figure."""

    MET = "met"
    MISSED = "missed"
    DOUBTFUL = "doubtful"
    UNJUDGED = "unjudged"


@dataclass(frozen=True)
class Judgement:
    """One limit on one figure. `value` with its interval is the metric's, or its change's where the limit is on the
    change; what could not be computed is NaN."""

    metric: str  # "auc"
    slice: Slice
    kind: LimitKind
    limit: float
    min_examples: int  # among many slices or classes, one with fewer rows is not judged
    n: int  # rows of test in the slice
    value: float
    lower: float
    upper: float
    decision: Decision
    reason: str  # one sentence
