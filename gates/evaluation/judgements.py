"""What a limit of the configuration decided about a figure, as the Evaluator stores it and the report draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gates.evaluation.slices import Slice


class LimitKind(str, Enum):
    """What a limit asks: of the value itself, or of its change against the last blessed model."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    NO_WORSE = "no_worse_than_blessed_by"


class Decision(str, Enum):
    """What became of a limit. MISSED refuses the model; DOUBTFUL: it looks missed and the rows are too few to be sure;
    UNJUDGED: too few rows, or no figure."""

    MET = "met"
    MISSED = "missed"
    DOUBTFUL = "doubtful"
    UNJUDGED = "unjudged"


@dataclass(frozen=True)
class Judgement:
    """One limit on one figure. `value` with its interval is the metric's, or its change where the limit asks for that;
    what could not be computed is NaN."""

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
