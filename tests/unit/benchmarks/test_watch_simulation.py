"""The simulation decides as the watch does, and a small one of fixed seed keeps the promises of the large one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.watch_simulation import HARM, NO_HARM, Scenario, simulate
from serving.watch.betting import log_capital_at, paired_differences
from serving.watch.decision import Comparison, Failed
from serving.watch.settings import WatchSettings
from serving.watch.watch import FAILURES, Watch
from serving.watch.window import Window
from tests.samples.traffic import Behaviour, windows

SETTINGS = WatchSettings()


@pytest.mark.parametrize("scenario", [NO_HARM[4], NO_HARM[-1]], ids=lambda each: each.name)
def test_no_harm_is_not_rolled_back(scenario: Scenario) -> None:
    outcomes = simulate(scenario, 40, SETTINGS)
    assert sum(math.isfinite(each.failed_at) for each in outcomes) <= 1


@pytest.mark.parametrize("scenario", [HARM[1], HARM[3], HARM[4]], ids=lambda each: each.name)
def test_harm_is_caught_before_it_passes(scenario: Scenario) -> None:
    outcomes = simulate(scenario, 20, SETTINGS)
    assert all(each.failed_at < each.passed_at for each in outcomes)
    assert np.median([each.failed_at for each in outcomes]) < 1_000


def test_the_same_scenario_gives_the_same_outcomes() -> None:
    assert simulate(HARM[1], 5, SETTINGS) == simulate(HARM[1], 5, SETTINGS)


def test_the_watch_decides_at_the_look_at_which_the_simulation_does() -> None:
    observed = list(windows(Behaviour(failures=0.04), Behaviour(failures=0.005), count=40))
    watch, failed_after = Watch(SETTINGS), math.inf
    for number, window in enumerate(observed):
        watch.add(window)
        decision = watch.decision()
        if isinstance(decision, Failed):
            failed_after = number
            break
    values, counts = zip(*(_side(observed, name) for name in ("canary", "stable")), strict=True)
    differences = paired_differences(values[0], counts[0], values[1], counts[1])
    capital = log_capital_at(differences, SETTINGS.failure_margin, np.minimum(*counts).cumsum())
    assert failed_after == np.argmax(capital > math.log(3 / SETTINGS.false_rollback)) > 0
    assert isinstance(decision, Failed)
    assert _failures(decision).effect == pytest.approx(differences[: _failures(decision).canary].mean())


def _side(observed: list[Window], name: str) -> tuple[np.ndarray, np.ndarray]:
    sides = [getattr(window, name) for window in observed]
    values = np.array([float(each.scores is None) for side in sides for each in side])
    return values, np.array([len(side) for side in sides])


def _failures(decision: Failed) -> Comparison:
    return next(each for each in decision.comparisons if each.name == FAILURES)
