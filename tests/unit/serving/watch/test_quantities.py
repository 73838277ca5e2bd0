"""What values are measured by: earlier windows of the stable version, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from serving.watch.quantities import CALIBRATION, Differences, Predictions, Scale, SlowEnd


def test_the_slow_end_is_known_after_enough_answers_and_follows_the_load() -> None:
    end = SlowEnd(slowdown=1.5)
    end.learn(np.full(CALIBRATION - 1, 0.1))
    assert end.limit() is None
    end.learn(np.array([0.1]))
    assert end.limit() == pytest.approx(0.15)
    end.learn(np.full(2_000, 0.4))
    assert end.limit() == pytest.approx(0.6)


def test_scores_that_are_shares_keep_their_scale() -> None:
    scale = Scale.of(np.array([0.1, 0.5, 0.9]), 0.1)
    assert (scale.low, scale.high) == (0.0, 1.0)
    assert scale.margin == pytest.approx(0.1 * np.std([0.1, 0.5, 0.9]))


def test_other_scores_are_cut_off_at_the_stable_versions_tails() -> None:
    values = np.random.default_rng(0).normal(100.0, 20.0, 10_000)
    scale = Scale.of(values, 0.1)
    assert scale.apply(np.array([-1e9, 100.0, 1e9])) == pytest.approx([0.0, 0.5, 1.0], abs=0.02)
    assert scale.margin * (scale.high - scale.low) == pytest.approx(0.1 * 20.0, rel=0.05)


def test_a_constant_score_has_a_scale_and_a_margin() -> None:
    scale = Scale.of(np.full(300, 7.0), 0.1)
    assert scale.margin > 0
    assert np.isfinite(scale.apply(np.array([7.0, 8.0]))).all()


def test_a_window_in_which_one_version_has_no_answer_is_left_out() -> None:
    differences = Differences()
    differences.add(np.array([1.0]), np.empty(0))
    differences.add(np.empty(0), np.array([1.0]))
    assert (differences.canary, differences.stable, len(differences.together())) == (0, 0, 0)
    differences.add(np.array([1.0]), np.array([0.0, 0.5]))
    assert differences.together() == pytest.approx([0.75])


def test_the_answers_that_make_the_scale_are_not_compared() -> None:
    predictions = Predictions(0.1)
    window = {"tip": np.linspace(0.0, 1.0, CALIBRATION)}
    predictions.add(window, window)
    assert predictions.differences["tip"].canary == 0
    predictions.add(window, window)
    assert predictions.differences["tip"].canary == CALIBRATION
