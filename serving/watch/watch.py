"""The watch over a canary: takes windows one after the other and may be looked at after each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from serving.watch.betting import Floats, lower_bound, upper_bound
from serving.watch.decision import Comparison, Decision, Failed, Passed, Standing, Undecided
from serving.watch.quantities import Differences, Predictions, SlowEnd
from serving.watch.settings import WatchSettings
from serving.watch.window import Observation, Window

FAILURES = "share of failed requests"
SLOWNESS = "share of slow answers"


class Watch:
    """Compares two versions: failures, slow answers, and the mean of every score.

    The same windows in the same order give the same decision. A canary is judged by its difference from the stable
    version in the same window, not by its level.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._failures = Differences()
        self._slowness = Differences()
        self._slow_end = SlowEnd(settings.slowdown)
        self._predictions = Predictions(settings.prediction_margin)
        self._names: frozenset[str] | None = None
        self._invalid_canary = self._invalid_stable = 0
        self._requests = 0

    def add(self, window: Window) -> None:
        """Takes the answers of one window."""
        self._learn_names(window.stable)
        canary, stable = self._valid(window.canary), self._valid(window.stable)
        self._invalid_canary += len([each for each in window.canary if each.scores is not None]) - len(canary)
        self._invalid_stable += len([each for each in window.stable if each.scores is not None]) - len(stable)
        self._requests += len(window.canary)
        self._failures.add(*(self._failed(side) for side in (window.canary, window.stable)))
        self._add_latencies(_seconds(window.canary), _seconds(window.stable))
        self._predictions.add(_by_name(canary), _by_name(stable))

    def decision(self) -> Decision:
        """What the windows so far show."""
        comparisons = self._comparisons()
        # Answers that are no numbers are no matter of degree, unless the stable version gives them too: then they
        # count as failures.
        if self._invalid_canary and not self._invalid_stable:
            sentence = (
                f"{self._invalid_canary:,} of {self._requests:,} answers of the canary hold NaN, infinity or other "
                "scores than the stable version's, which gave none of these."
            )
            return Failed(sentence, comparisons)
        if harmful := [each for each in comparisons if each.standing is Standing.HARMFUL]:
            return Failed(_sentence(harmful), comparisons)
        if self._requests < self._settings.fewest_requests:
            needed = f"{self._settings.fewest_requests:,} are needed"
            return Undecided(f"The canary has answered {self._requests:,} requests; {needed}.", comparisons)
        if not self._predictions.differences:
            sentence = "No scores could be read in the answers, so no prediction was compared."
            return Undecided(sentence, comparisons)
        if still_open := [each for each in comparisons if each.standing is Standing.OPEN]:
            return Undecided(f"Not decided yet: {_sentence(still_open)}", comparisons)
        differences = "; ".join(each.in_brief() for each in comparisons)
        return Passed(f"No harm in {self._requests:,} answers of the canary: {differences}.", comparisons)

    def _comparisons(self) -> list[Comparison]:
        """Each of failures, slowness and predictions has a third of the chance of a false rollback."""
        settings = self._settings
        third = settings.false_rollback / 3
        found = [
            _compare(FAILURES, self._failures, settings.failure_margin, third, settings.false_pass),
            _compare(SLOWNESS, self._slowness, settings.slow_margin, third, settings.false_pass),
        ]
        scored = self._predictions.differences
        for name, differences in scored.items():
            scale = self._predictions.scales.get(name)
            margin = scale.margin if scale else 1.0
            title = f"mean of the score `{name}` on a scale of 0 to 1"
            found.append(_compare(title, differences, margin, third / len(scored), settings.false_pass, both_ways=True))
        return found

    def _learn_names(self, stable: Sequence[Observation]) -> None:
        if self._names is None:
            self._names = next((frozenset(each.scores) for each in stable if each.scores), None)

    def _valid(self, answers: Sequence[Observation]) -> list[Observation]:
        return [each for each in answers if each.scores is not None and self._is_valid(each)]

    def _is_valid(self, answer: Observation) -> bool:
        scores = answer.scores or {}
        if not scores:  # none could be read, as in a very long prediction: these are not other scores, and show nothing
            return True
        has_its_names = self._names is None or self._names == scores.keys()
        return has_its_names and all(math.isfinite(value) for value in scores.values())

    def _failed(self, answers: Sequence[Observation]) -> Floats:
        return np.array([float(each.scores is None or not self._is_valid(each)) for each in answers])

    def _add_latencies(self, canary: Floats, stable: Floats) -> None:
        limit = self._slow_end.limit()
        if limit is not None:
            self._slowness.add((canary > limit).astype(float), (stable > limit).astype(float))
        self._slow_end.learn(stable)


def decide(windows: Iterable[Window], settings: WatchSettings) -> Decision:
    """The decision after these windows."""
    watch = Watch(settings)
    for window in windows:
        watch.add(window)
    return watch.decision()


def _compare(
    name: str, differences: Differences, margin: float, alpha: float, pass_alpha: float, both_ways: bool = False
) -> Comparison:
    """Harm needs the whole interval at `alpha` beyond the margin, no harm that at `pass_alpha` within it.

    The comparison shows the interval that decided. Towards less harm a one-sided interval has no end that decides;
    there, and for the certainty that is shown, both ends share alike.
    """
    values = differences.together()
    effect = float(values.mean()) if len(values) else 0.0
    each_side = alpha / 2 if both_ways else alpha
    lower, upper = lower_bound(values, each_side), upper_bound(values, each_side)
    standing, certainty = Standing.HARMFUL, 1 - 2 * each_side
    if not (lower > margin or (both_ways and upper < -margin)):
        lower, upper = lower_bound(values, pass_alpha), upper_bound(values, pass_alpha)
        certainty = 1 - 2 * pass_alpha
        is_within = upper < margin and (not both_ways or lower > -margin)
        standing = Standing.HARMLESS if is_within else Standing.OPEN
    return Comparison(
        name, effect, lower, upper, certainty, margin, both_ways, differences.canary, differences.stable, standing
    )


def _sentence(comparisons: Sequence[Comparison]) -> str:
    return "; ".join(each.in_words() for each in comparisons) + "."


def _seconds(answers: Sequence[Observation]) -> Floats:
    return np.array([each.seconds for each in answers if each.scores is not None])


def _by_name(answers: Sequence[Observation]) -> dict[str, Floats]:
    names = dict.fromkeys(name for each in answers for name in each.scores or {})
    return {name: np.array([each.scores[name] for each in answers if each.scores]) for name in names}
