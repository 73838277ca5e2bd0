"""Windows of answers, drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from serving.watch.window import Observation, Window


@dataclass(frozen=True)
class Behaviour:
    """How a version answers: `slowness` multiplies its latencies, `shift` moves its scores, in standard deviations."""

    failures: float = 0.005
    slowness: float = 1.0
    shift: float = 0.0
    nan: float = 0.0
    name: str = "tip"

    def answers(self, count: int, rng: np.random.Generator) -> list[Observation]:
        """So many answers, in turn."""
        seconds = self.slowness * rng.lognormal(-4.0, 0.5, count)
        scores = np.clip(rng.beta(2.0, 5.0, count) + 0.16 * self.shift, 0.0, 1.0)
        scores = np.where(rng.random(count) < self.nan, math.nan, scores)
        failed = rng.random(count) < self.failures
        return [
            Observation(float(each), None if bad else {self.name: float(score)})
            for each, score, bad in zip(seconds, scores, failed, strict=True)
        ]


def windows(
    canary: Behaviour, stable: Behaviour, count: int = 40, size: int = 500, share: float = 0.1, seed: int = 0
) -> Iterator[Window]:
    """`count` windows of `size` requests, of which the canary gets `share`."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        of_canary = int(rng.binomial(size, share))
        yield Window(canary.answers(of_canary, rng), stable.answers(size - of_canary, rng))
