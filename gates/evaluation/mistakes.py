"""Rows of test that the model takes for another class: which of them are shown, with their images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.evaluation.class_metrics import codes_of
from gates.evaluation.measure import Scored, class_names

OF_A_CLASS = 6
# More cannot be looked at. The classes with most errors come first.
CLASSES = 20


@dataclass(frozen=True)
class Mistake:
    """A row of test, its class, the class that the model took it for, and the probability that it gave to that."""

    row: int  # from 0, in the order in which test was read
    truth: str
    answer: str
    probability: float
    image: str = ""  # PNG in base64

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Mistake:
        """The inverse of `to_json`."""
        return cls(**plain)

    def to_json(self) -> dict[str, Any]:
        """The same as a plain dict."""
        return dataclasses.asdict(self)


def mistakes(scored: Scored, names: Sequence[str] = ()) -> list[Mistake]:
    """A handful of each class, the ones that the model was surest of first; the class with most errors first."""
    chances = scored.predictions
    if scored.is_binary:
        chances = np.column_stack([1 - chances, chances])
    truth, answers = codes_of(scored.labels, scored.classes), chances.argmax(axis=1)
    sureness = chances[np.arange(len(answers)), answers]
    wrong = np.flatnonzero((truth >= 0) & (truth != answers) & np.isfinite(sureness))
    counts = np.bincount(truth[wrong], minlength=scored.classes)
    called = class_names(scored.classes, names)
    found = []
    for code in np.argsort(-counts, kind="stable")[:CLASSES]:
        rows = wrong[truth[wrong] == code]
        for row in rows[np.argsort(-sureness[rows], kind="stable")][:OF_A_CLASS]:
            found.append(Mistake(int(row), called[code], called[answers[row]], float(sureness[row])))
    return found
