"""The watch: harm fails, no harm passes, and silence is neither."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from serving.log.answer_line import answer_in, line_of
from serving.log.answer_source import observed_of
from serving.log.answered import Answered
from serving.watch.decision import Failed, Passed, Standing, Undecided
from serving.watch.settings import WatchSettings
from serving.watch.watch import FAILURES, SLOWNESS, Watch, decide
from serving.watch.window import Observation, Window
from tests.samples.traffic import Behaviour, windows

SETTINGS = WatchSettings()
STABLE = Behaviour()


@pytest.mark.parametrize(
    ("canary", "named"),
    [
        (Behaviour(failures=0.1), FAILURES),
        (Behaviour(slowness=2.0), SLOWNESS),
        (Behaviour(shift=0.5), "`tip`"),
        (Behaviour(shift=-0.5), "`tip`"),
    ],
)
def test_harm_fails_and_only_that_quantity_is_named(canary: Behaviour, named: str) -> None:
    decision = decide(windows(canary, STABLE), SETTINGS)
    assert isinstance(decision, Failed)
    assert named in decision.reason
    harmful = [each.name for each in decision.comparisons if each.standing is Standing.HARMFUL]
    assert len(harmful) == 1
    assert named in harmful[0]


def test_a_canary_like_the_stable_version_passes_after_enough_traffic() -> None:
    decision = decide(windows(STABLE, STABLE, count=140), SETTINGS)
    assert isinstance(decision, Passed)
    for each in decision.comparisons:
        assert each.lower < each.effect < each.upper < each.margin
        assert each.canary > 1_000


def test_a_canary_like_the_stable_version_is_not_decided_early() -> None:
    assert isinstance(decide(windows(STABLE, STABLE, count=5), SETTINGS), Undecided)


@pytest.mark.parametrize(
    "window",
    [
        Window((), ()),
        Window((), [Observation(0.01, {"tip": 0.5})] * 500),
        Window([Observation(0.01, {"tip": 0.5})] * 50, ()),
    ],
)
def test_silence_on_either_side_is_undecided(window: Window) -> None:
    assert isinstance(decide([window] * 200, SETTINGS), Undecided)


def test_few_requests_pass_under_no_margins() -> None:
    wide = WatchSettings(failure_margin=0.9, slow_margin=0.9, prediction_margin=5.0)
    assert isinstance(decide(windows(STABLE, STABLE, count=3), wide), Undecided)
    assert isinstance(decide(windows(STABLE, STABLE, count=10), wide), Passed)


def test_a_stable_version_that_already_fails_does_not_sink_the_canary() -> None:
    failing = Behaviour(failures=0.3)
    for canary in (failing, STABLE):
        assert not isinstance(decide(windows(canary, failing, count=100), SETTINGS), Failed)


def _with_refusals(
    answers: Sequence[Observation], share: float, code: int, rng: np.random.Generator
) -> list[Observation]:
    """What is observed of a version that refuses this share of the requests."""
    refused = answer_in(line_of(Answered(1.0, "2", code, 0.01, b"")))
    assert refused is not None
    of_one = observed_of([refused], "2")
    return [each for answer in answers for each in (of_one if rng.random() < share else (answer,))]


@pytest.mark.parametrize("code", [400, 429, 499])
def test_a_canary_that_refuses_requests_which_the_stable_version_answers_fails(code: int) -> None:
    rng = np.random.default_rng(3)
    seen = [Window(_with_refusals(w.canary, 0.5, code, rng), w.stable) for w in windows(STABLE, STABLE)]
    decision = decide(seen, SETTINGS)
    assert isinstance(decision, Failed)
    assert FAILURES in decision.reason


def test_requests_that_both_versions_refuse_are_no_harm() -> None:
    rng = np.random.default_rng(3)
    wide = WatchSettings(failure_margin=0.1)
    seen = [
        Window(*(_with_refusals(side, 0.2, 400, rng) for side in (w.canary, w.stable)))
        for w in windows(STABLE, STABLE, count=140)
    ]
    assert not isinstance(decide(seen, SETTINGS), Failed)
    assert isinstance(decide(seen, wide), Passed)


def test_a_load_that_slows_both_down_is_no_harm() -> None:
    slow = Behaviour(slowness=5.0)
    both = [*windows(STABLE, STABLE, count=20), *windows(slow, slow, count=40, seed=1)]
    assert not isinstance(decide(both, SETTINGS), Failed)


def test_an_outage_of_both_is_no_harm() -> None:
    down = Behaviour(failures=0.9)
    both = [*windows(STABLE, STABLE, count=20), *windows(down, down, count=5, seed=1)]
    assert not isinstance(decide(both, SETTINGS), Failed)


def test_one_answer_that_is_no_number_fails() -> None:
    [window] = windows(STABLE, STABLE, count=1)
    odd = Window([*window.canary, Observation(0.01, {"tip": float("nan")})], window.stable)
    decision = decide([odd], SETTINGS)
    assert isinstance(decision, Failed)
    assert decision.reason.startswith("1 of ")


def test_scores_with_other_names_fail() -> None:
    assert isinstance(decide(windows(Behaviour(name="tips"), STABLE, count=1), SETTINGS), Failed)


def test_answers_that_are_no_numbers_count_as_failures_where_the_stable_version_gives_them_too() -> None:
    few, many = Behaviour(nan=0.05), Behaviour(nan=0.3)
    assert not isinstance(decide(windows(few, few), SETTINGS), Failed)
    decision = decide(windows(many, few), SETTINGS)
    assert isinstance(decision, Failed)
    assert FAILURES in decision.reason


SILENT = Observation(0.01, {})  # as of gRPC, or of a form that is not read


def test_where_no_score_could_be_read_nothing_passes() -> None:
    decision = decide([Window([SILENT] * 50, [SILENT] * 450)] * 80, SETTINGS)
    assert isinstance(decision, Undecided)
    assert "no scores could be read" in decision.reason.lower()
    assert {each.name for each in decision.comparisons} == {FAILURES, SLOWNESS}


def test_answers_without_readable_scores_can_still_fail() -> None:
    bad = Window([SILENT, Observation(0.01, None)] * 25, [SILENT] * 450)
    assert isinstance(decide([bad] * 80, SETTINGS), Failed)


@pytest.mark.parametrize("silent_first", [True, False])
def test_answers_without_readable_scores_beside_others_are_no_other_scores(silent_first: bool) -> None:
    """Requests in JSON and by gRPC, in turn."""

    def mixed(answers: Sequence[Observation]) -> list[Observation]:
        pairs = [(Observation(each.seconds, {}), each) for each in answers]
        return [one for pair in pairs for one in (pair if silent_first else pair[::-1])]

    seen = [Window(mixed(w.canary), mixed(w.stable)) for w in windows(STABLE, STABLE, count=140)]
    decision = decide(seen, WatchSettings(failure_margin=0.1))
    assert isinstance(decision, Passed)
    assert any("`tip`" in each.name for each in decision.comparisons)


def test_a_canary_whose_scores_cannot_be_read_never_passes() -> None:
    seen = [Window([SILENT] * len(w.canary), w.stable) for w in windows(STABLE, STABLE, count=140)]
    assert not isinstance(decide(seen, SETTINGS), Passed)


def test_the_same_windows_give_the_same_decision() -> None:
    one, other = (decide(windows(Behaviour(shift=0.3), STABLE), SETTINGS) for _ in range(2))
    assert one == other


def test_looking_after_every_window_changes_nothing() -> None:
    watch = Watch(SETTINGS)
    for window in windows(STABLE, STABLE, count=30):
        watch.add(window)
        looked_at = watch.decision()
    assert looked_at == decide(windows(STABLE, STABLE, count=30), SETTINGS)


def test_a_sentence_names_effect_interval_margin_and_counts() -> None:
    decision = decide(windows(Behaviour(failures=0.1), STABLE), SETTINGS)
    [failures] = [each for each in decision.comparisons if each.name == FAILURES]
    assert failures.in_words().startswith(f"{FAILURES}: canary minus stable +0.0")
    for part in ("certainty", "allowed 0.005", f"{failures.canary:,} answers of the canary"):
        assert part in failures.in_words()
