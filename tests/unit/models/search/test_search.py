"""The trials that a search chooses, ends early and selects, decided without training."""

from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from models import cnn, lenet5
from models.search.ledger import Ledger
from models.search.median_stopping import is_worse_than_median
from models.search.pool import Epoch
from models.search.proposals import Proposals
from models.search.ranking import by_configuration, with_the_best_chosen
from models.search.search import WINDOW, Search, SearchLimits
from models.search.trial import Task, Trial, TrialOutcome
from tests.samples.tuning_pool import PretendPool, curve, loss_of

PATIENT = SearchLimits(seconds=None, failures=100, median_stopping=False, window=WINDOW)


def searched(
    folder: Path, algorithm: str = "grid", pool: Any = None, limits: SearchLimits = PATIENT, **settings: Any
) -> list[Trial]:
    space = settings.pop("space", None) or lenet5.search_space()
    proposals = Proposals(algorithm, space, **{"seed": 0, "max_trials": 27, "epochs": 4, **settings})
    return Search(proposals, Ledger(str(folder)), pool or PretendPool(1), limits).run()


def summaries(trials: list[Trial]) -> list[Any]:
    return [(trial.number, trial.hyperparameters, trial.outcome.state, trial.outcome.score) for trial in trials]


def test_the_grid_of_lenet_has_27_points_and_each_is_tried_once(tmp_path: Path) -> None:
    trials = searched(tmp_path)
    assert len({str(trial.hyperparameters) for trial in trials}) == len(trials) == 27
    assert {trial.hyperparameters["batch_size"] for trial in trials} == {32, 64, 128}


def test_the_best_is_chosen_by_its_loss_on_eval(tmp_path: Path) -> None:
    trials = searched(tmp_path)
    [best] = [trial for trial in trials if trial.chosen]
    assert best.outcome.score == min(trial.outcome.score for trial in trials if trial.outcome.score is not None)


@pytest.mark.parametrize("algorithm", ["grid", "random", "hyperband"])
@pytest.mark.parametrize("size", [2, 4])
def test_the_trials_are_the_same_however_many_run_at_a_time(tmp_path: Path, algorithm: str, size: int) -> None:
    limits = SearchLimits(seconds=None, failures=100, median_stopping=algorithm != "hyperband", window=WINDOW)
    one_by_one = searched(tmp_path / "1", algorithm, limits=limits)
    for chance in range(3):
        side_by_side = searched(tmp_path / str(chance + 2), algorithm, PretendPool(size, chance), limits)
        assert summaries(side_by_side) == summaries(one_by_one)


def test_another_seed_draws_other_trials_and_zero_is_a_seed(tmp_path: Path) -> None:
    first, again, other = (
        summaries(searched(tmp_path / name, "random", space=cnn.search_space(), seed=seed, max_trials=5))
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first == again
    assert first != other


def test_learning_rates_are_drawn_evenly_by_their_logarithm(tmp_path: Path) -> None:
    trials = searched(tmp_path, "random", space=cnn.search_space(), max_trials=200, epochs=1)
    rates = sorted(trial.hyperparameters["learning_rate"] for trial in trials)
    assert rates[0] >= 1e-4 and rates[-1] <= 1e-2
    assert 0.0007 < rates[100] < 0.0014


def test_bayesian_search_comes_nearer_to_the_best_than_its_first_draws(tmp_path: Path) -> None:
    pool = PretendPool(1, lose=lambda task, _epoch: abs(task.values["dropout"] - 0.37))
    limits = SearchLimits(seconds=None, failures=100, median_stopping=False, window=1)
    trials = searched(tmp_path, "bayesian", pool, limits, space=cnn.search_space(), max_trials=12, epochs=1)
    scores = [trial.outcome.score or 0.0 for trial in trials]
    assert min(scores[6:]) < min(scores[:6])


def test_a_point_that_bayesian_search_comes_back_to_is_not_tried_again(tmp_path: Path) -> None:
    space = keras_tuner.HyperParameters()
    space.Choice("units", [1, 2, 3, 4])
    pool = PretendPool(2, lose=lambda task, _epoch: task.values["units"])
    limits = SearchLimits(seconds=None, failures=100, median_stopping=False, window=2)
    trials = searched(tmp_path, "bayesian", pool, limits, space=space, max_trials=8, epochs=1)
    assert len(pool.begun) == len({str(task.values) for task in pool.begun}) == len(trials) <= 4


def test_hyperband_goes_on_with_the_best_of_a_round_from_where_they_were(tmp_path: Path) -> None:
    pool = PretendPool(2)
    trials = searched(tmp_path, "hyperband", pool, space=cnn.search_space(), epochs=9)
    later = [(task, weights) for task, weights in zip(pool.begun, pool.carried, strict=True) if task.learnt]
    assert later and all(weights and str(task.continues) in weights for task, weights in later)
    assert {trial.outcome.state: trial.outcome.epochs for trial in trials if trial.chosen} == {"completed": 9}
    stopped = [trial for trial in trials if trial.outcome.state == "stopped"]
    assert stopped and all(trial.outcome.epochs < 9 and trial.outcome.reason for trial in stopped)
    assert sum(trial.outcome.epochs for trial in trials) == sum(task.epochs - task.learnt for task in pool.begun)


def test_a_failed_trial_of_hyperband_keeps_no_round_from_ending(tmp_path: Path) -> None:
    fails = {"yes": True}

    def lose(task: Task, epoch: int) -> float:
        return -1.0 if fails.pop("yes", False) else loss_of(task, epoch)

    without, failing = PretendPool(1), PretendPool(1, lose=lose)
    for name, pool in (("without", without), ("failing", failing)):
        searched(tmp_path / name, "hyperband", pool, space=cnn.search_space(), epochs=9)
    assert len(failing.begun) == len(without.begun)
    assert max(task.epochs for task in failing.begun) == 9


def test_after_a_kill_only_what_had_not_ended_is_run(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def killed_later(task: Task, epoch: int) -> float:
        if task.number == 8:
            raise Killed
        return loss_of(task, epoch)

    for algorithm in ("grid", "random", "hyperband", "bayesian"):
        folder = tmp_path / algorithm
        before, after = PretendPool(2, lose=killed_later), PretendPool(2)
        with pytest.raises(Killed):
            searched(folder, algorithm, before)
        done = {path.stem.removeprefix("trial-") for path in folder.glob("trial-*.json")}
        resumed = searched(folder, algorithm, after)
        assert done and not done & {task.key for task in after.begun}
        assert summaries(resumed) == summaries(searched(tmp_path / f"{algorithm} whole", algorithm))


def test_a_larger_budget_goes_on_from_a_smaller_one(tmp_path: Path) -> None:
    searched(tmp_path, max_trials=10)
    pool = PretendPool(1)
    assert len(searched(tmp_path, pool=pool, max_trials=27)) == 27
    assert len(pool.begun) == 17


def test_a_search_without_time_takes_the_best_so_far(tmp_path: Path) -> None:
    whole = searched(tmp_path, max_trials=5)
    pool = PretendPool(1)
    late = searched(
        tmp_path, pool=pool, limits=SearchLimits(seconds=-1.0, failures=100, median_stopping=False, window=WINDOW)
    )
    assert pool.begun == []
    assert summaries(late) == summaries(whole)


def test_a_trial_that_time_ran_out_for_is_shown_and_tried_again_with_more_time(tmp_path: Path) -> None:
    class Slow(PretendPool):
        """Time is over after the first epoch of the third trial."""

        def next_event(self, timeout: float | None) -> Any:
            event = super().next_event(timeout)
            if isinstance(event, Epoch) and event.task.number == 3:
                search._deadline = 0.0
            return event

    proposals = Proposals("grid", lenet5.search_space(), seed=0, max_trials=27, epochs=4)
    search = Search(proposals, Ledger(str(tmp_path)), Slow(1), PATIENT)  # type: ignore[arg-type]
    trials = search.run()
    assert [trial.outcome.state for trial in trials] == ["completed", "completed", "stopped"]
    assert "the time of the search was over" in trials[2].outcome.reason and trials[2].outcome.epochs == 1
    assert [trial.chosen for trial in trials].index(True) < 2
    pool = PretendPool(1)
    searched(tmp_path, pool=pool)
    assert pool.begun[0].number == 3


def test_failures_do_not_end_a_search_until_there_are_too_many(tmp_path: Path) -> None:
    def lose(task: Task, epoch: int) -> float:
        return -1.0 if task.number % 3 == 0 else loss_of(task, epoch)

    few = searched(tmp_path / "few", pool=PretendPool(2, lose=lose))
    assert [trial.number for trial in few if trial.outcome.state == "failed"] == list(range(3, 28, 3))
    limits = SearchLimits(seconds=None, failures=3, median_stopping=False, window=WINDOW)
    many = searched(tmp_path / "many", pool=PretendPool(1, lose=lose), limits=limits)
    assert max(trial.number for trial in many) == 9
    assert sum(trial.chosen for trial in many) == 1


def test_trials_worse_than_the_median_are_stopped_and_the_best_never_is(tmp_path: Path) -> None:
    limits = SearchLimits(seconds=None, failures=100, median_stopping=True, window=WINDOW)
    whole, saving = searched(tmp_path / "whole"), searched(tmp_path / "saving", limits=limits)
    stopped = [trial.number for trial in saving if trial.outcome.state == "stopped"]
    assert stopped and all(trial.outcome.epochs < 4 for trial in saving if trial.number in stopped)
    assert [trial.number for trial in saving if trial.chosen] == [trial.number for trial in whole if trial.chosen]


def test_the_median_rule_looks_at_averages_up_to_the_same_epoch() -> None:
    known = [[1.0, 0.2], [1.0, 0.4], [1.0, 0.6, 0.0]]
    assert not is_worse_than_median([0.9, 0.7], known)
    assert is_worse_than_median([0.9, 0.71], known)
    assert not is_worse_than_median([5.0, 5.0, 5.0], known)  # one curve is that long, and one has no median
    assert not is_worse_than_median([5.0], known[:2])


def test_a_trial_that_was_stopped_is_chosen_only_when_none_was_completed() -> None:
    stopped = Trial(1, {}, TrialOutcome("stopped", curve([0.1])))
    completed = Trial(2, {}, TrialOutcome("completed", curve([0.5])))
    failed = Trial(3, {}, TrialOutcome("failed", curve([0.0])))
    assert [trial.chosen for trial in with_the_best_chosen([stopped, completed, failed])] == [False, True, False]
    assert [trial.chosen for trial in with_the_best_chosen([stopped, failed])] == [True, False]
    assert not any(trial.chosen for trial in with_the_best_chosen([failed]))


def test_a_loss_that_is_no_number_is_no_score() -> None:
    assert TrialOutcome("completed", curve([float("nan"), 0.5])).score == 0.5
    assert TrialOutcome("stopped", curve([float("nan")])).score is None


def test_rounds_of_one_configuration_are_one_trial() -> None:
    first = Task(1, {"units": 3}, epochs=1)
    second = Task(2, {"units": 3}, epochs=3, learnt=1, continues=first.key)
    outcomes = {1: TrialOutcome("completed", curve([0.9]), 2.0), 2: TrialOutcome("completed", curve([0.8, 0.7]), 3.0)}
    [trial] = by_configuration([first, second], outcomes, epochs=3)
    assert (trial.number, trial.outcome.curves, trial.outcome.seconds) == (1, curve([0.9, 0.8, 0.7]), 5.0)
    assert trial.outcome.state == "completed"


def test_an_outcome_that_was_only_half_written_counts_for_nothing(tmp_path: Path) -> None:
    task = Task(1, {"units": 3}, epochs=1)
    Ledger(str(tmp_path)).keep(task, TrialOutcome("completed", curve([0.5])))
    [whole] = tmp_path.glob("trial-*.json")
    whole.rename(whole.with_suffix(".json.part"))
    assert Ledger(str(tmp_path)).find(task) is None


def test_a_damaged_outcome_counts_for_nothing(tmp_path: Path) -> None:
    task = Task(1, {"units": 3}, epochs=1)
    Ledger(str(tmp_path)).keep(task, TrialOutcome("completed", curve([0.5])))
    [whole] = tmp_path.glob("trial-*.json")
    whole.write_text("")
    assert Ledger(str(tmp_path)).find(task) is None
