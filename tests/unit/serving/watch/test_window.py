"""Windows: the numbers of an answer, and a file that a killed process left."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import SluiceError
from serving.watch.window import (
    MOST_OBSERVATIONS,
    Observation,
    Window,
    append_window,
    read_windows,
    scores_of,
    thinned,
)

WINDOW = Window((Observation(0.01, {"tip": 0.5}), Observation(0.2, None)), (Observation(0.02, {"tip": 0.25}),), "17")


def test_of_a_busy_stretch_as_many_answers_are_kept_as_a_window_holds_from_all_of_it() -> None:
    busy = [Observation(float(number), {"tip": 0.5}) for number in range(10 * MOST_OBSERVATIONS + 7)]
    kept = thinned(Window(busy, busy[:MOST_OBSERVATIONS], "3"))
    seconds = [each.seconds for each in kept.canary]
    assert (len(seconds), kept.cursor) == (MOST_OBSERVATIONS, "3")
    gaps = {int(later - earlier) for earlier, later in pairwise(seconds)}
    assert (seconds[0], gaps) == (0.0, {10, 11})
    assert kept.stable == busy[:MOST_OBSERVATIONS]


@pytest.mark.parametrize(
    ("prediction", "scores"),
    [
        ({"label": "tip", "scores": {"tip": 0.7, "none": 0.3}}, {"tip": 0.7, "none": 0.3}),
        ({"price": [3.5]}, {"price": 3.5}),
        ({"price": 3}, {"price": 3.0}),
        ({"scores": [0.1, 0.9]}, {"scores.0": 0.1, "scores.1": 0.9}),
        (0.7, {"0": 0.7}),
        ([0.7], {"0": 0.7}),
        ([0.1, 0.9], {"0": 0.1, "1": 0.9}),
        ({"label": "tip", "sure": True}, {}),
        ("tip", {}),
    ],
)
def test_the_numbers_of_a_prediction_have_names(prediction: object, scores: dict[str, float]) -> None:
    assert scores_of(prediction) == scores


def test_a_window_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    for window in (WINDOW, Window((), ())):
        append_window(path, window)
    assert read_windows(path) == [WINDOW, Window((), ())]
    assert read_windows(tmp_path / "none.jsonl") == []


def test_a_number_that_json_does_not_know_comes_back_as_nan(tmp_path: Path) -> None:
    odd = Window((Observation(0.01, {"tip": math.inf, "none": math.nan}),), ())
    append_window(tmp_path / "windows.jsonl", odd)
    [found] = read_windows(tmp_path / "windows.jsonl")
    scores = found.canary[0].scores
    assert scores is not None
    assert all(math.isnan(value) for value in scores.values())


def test_a_line_that_a_killed_process_left_is_ignored_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    append_window(path, WINDOW)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert read_windows(path) == [WINDOW]
    append_window(path, WINDOW)
    assert read_windows(path) == [WINDOW, WINDOW]


def test_an_altered_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_text(f"{WINDOW.to_line()}\n[1, 2]\n")
    with pytest.raises(SluiceError, match="line 2"):
        read_windows(path)
