"""The report's section on tuning: the image of the trials and their table."""

from __future__ import annotations

import math
import re

import pytest

from report.coordinates import FEW, parallel_coordinates
from report.evidence import TunerTrial
from report.sections import tuning
from tests.samples.report_runs import words

TRIALS = [
    TunerTrial("1", {"activation": "relu", "batch_size": 32}, 0.5, False, "completed", 5, 61.0),
    TunerTrial("2", {"activation": "softmax", "batch_size": 128}, 2.0, False, "stopped", 1, 9.0, "it was `poor`"),
    TunerTrial("3", {"activation": "relu", "batch_size": 64}, None, False, "failed", 0, 1.0, "OSError: no space"),
    TunerTrial("4", {"activation": "relu", "batch_size": 64}, 0.25, True, "completed", 5, 60.0),
]


def test_every_trial_is_in_the_table_with_how_it_ended_and_why() -> None:
    text = words(tuning.render(TRIALS).body)
    assert "4 trials, scored on eval" in text and "1 stopped early; 1 failed" in text
    assert text.index("4 chosen 0.250") < text.index("1 0.500") < text.index("2 2.000") < text.index("3 n/a")
    assert "stopped it was poor" in text and "failed OSError: no space" in text


def test_each_trial_with_a_score_is_one_line_through_all_axes() -> None:
    body = str(tuning.render(TRIALS).body)
    assert body.count('<g class="trial') == 3
    assert body.count("<title>trial") == 3
    assert len(re.findall(r'<g class="trial chosen".*?</g>', body, re.DOTALL)[0].split("<line")) - 1 == 2
    assert "<script" not in body


def test_the_best_score_is_at_the_top_and_is_drawn_last() -> None:
    scored = sorted((trial for trial in TRIALS if trial.score is not None), key=lambda trial: trial.score or 0.0)
    plot = parallel_coordinates(scored, "loss")
    assert plot.lines[-1].trial.chosen and plot.lines[-1].rank == 1
    ends = {line.trial.name: line.segments[-1][3] for line in plot.lines}
    assert (ends["4"], ends["2"]) == (100, 0) and ends["1"] == pytest.approx(100 * 2 / 3, abs=0.01)


def test_a_learning_rate_is_drawn_by_its_logarithm() -> None:
    rates = [10 ** (-4 + 2 * index / 10) for index in range(11)]
    trials = [TunerTrial(str(index), {"rate": rate}, 1.0 + index) for index, rate in enumerate(rates)]
    axis = parallel_coordinates(trials, "loss").axes[0]
    assert [(mark.text, mark.place) for mark in axis.marks] == [("0.0001", 0), ("0.001", 50), ("0.01", 100)]


def test_a_few_numbers_have_a_mark_each_in_their_order() -> None:
    trials = [TunerTrial(str(size), {"size": size}, 1.0) for size in (128, 32, 64)]
    marks = parallel_coordinates(trials, "loss").axes[0].marks
    assert [(mark.text, mark.place) for mark in marks] == [("32", 0), ("64", 50), ("128", 100)]
    assert len(marks) <= FEW


def test_a_hyperparameter_that_a_trial_does_not_have_leaves_a_gap() -> None:
    trials = [TunerTrial("1", {"a": 1, "b": 2}, 0.5), TunerTrial("2", {"a": 1}, 0.6)]
    lines = {line.trial.name: line.segments for line in parallel_coordinates(trials, "loss").lines}
    assert (len(lines["1"]), len(lines["2"])) == (2, 0)


def test_long_names_are_cut_on_the_axis_and_whole_beside_it() -> None:
    name = "a_hyperparameter_with_a_long_name"
    axis = parallel_coordinates([TunerTrial("1", {name: 1}, 0.5)], "loss").axes[0]
    assert axis.name.text == "a_hyperparam…" and axis.name.whole == name


def test_a_search_whose_trials_all_failed_still_has_its_table() -> None:
    body = tuning.render(
        [TunerTrial("1", {"a": 1}, None, state="failed", reason="x"), TunerTrial("2", {}, math.nan)]
    ).body
    assert "<svg" not in body and "2 trials" in words(body)
