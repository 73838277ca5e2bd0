"""What is learned from earlier runs, and from which."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.cost import Span
from report.run_record import Effort
from runners.vertex.hours import ASSUMED, ASSUMED_TRAINING, History, learned
from tests.samples.run_times import NOW, write_run


def seconds_of(history: History) -> list[float]:
    """What its runs say of the Trainer."""
    return [each.likely for each in history.seconds["Trainer"]]


def test_without_a_run_the_hours_are_assumed(tmp_path: Path) -> None:
    for history in (learned(None, "taxi", NOW), learned(tmp_path, "taxi", NOW)):
        assert history.work("Trainer", ASSUMED_TRAINING) == ASSUMED_TRAINING
        assert history.work("DataGate") == ASSUMED
        assert "assumed" in history.basis


def test_a_component_takes_what_it_took_and_the_machine_may_be_another(tmp_path: Path) -> None:
    for day, seconds in (("01", 10.0), ("02", 30.0), ("03", 20.0)):
        write_run(tmp_path / "taxi" / f"2026-11-{day}T00-00-00", f"2026-11-{day}T00-00-00", seconds)
    history = learned(tmp_path, "taxi", NOW)
    assert history.work("Trainer") == Span(5.0, 20.0, 60.0)
    assert "3 earlier runs over 100 rows, the newest 2026-11-03T00-00-00" in history.basis
    assert history.work("DataGate") == ASSUMED


def test_only_the_newest_five_over_the_same_rows_count(tmp_path: Path) -> None:
    for day in range(10, 20):
        run_id = f"2026-11-{day}T00-00-00"
        write_run(tmp_path / "taxi" / run_id, run_id, float(day), rows=50 if day == 18 else 100)
    history = learned(tmp_path, "taxi", NOW)
    assert seconds_of(history) == [19.0, 17.0, 16.0, 15.0, 14.0]


@pytest.mark.parametrize("state", ["reused", "skipped", "failed"])
def test_a_component_that_did_not_run_to_its_end_says_nothing(tmp_path: Path, state: str) -> None:
    write_run(tmp_path / "taxi" / "2026-11-01T00-00-00", "2026-11-01T00-00-00", 1.0, state=state)
    assert "assumed" in learned(tmp_path, "taxi", NOW).basis


def test_a_rehearsal_counts_by_its_time_whatever_its_name(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    write_run(tmp_path / "taxi" / "rehearsal" / "a" / "runs", "taxi-20261104000000", 4.0)
    assert seconds_of(learned(tmp_path, "taxi", NOW)) == [5.0, 4.0]


def test_the_pointer_to_the_latest_run_is_no_second_run(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    (tmp_path / "taxi" / "latest").symlink_to("2026-11-05T00-00-00", target_is_directory=True)
    assert seconds_of(learned(tmp_path, "taxi", NOW)) == [5.0]


def test_a_file_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    (tmp_path / "taxi" / "broken").mkdir()
    (tmp_path / "taxi" / "broken" / "run.json").write_text("{")
    assert seconds_of(learned(tmp_path, "taxi", NOW)) == [5.0]


def work(folder: Path, then: Effort | None, now: Effort, component: str = "Trainer") -> Span:
    """What a run with the settings `then`, in which the component took 10 s, says of one with those of `now`."""
    write_run(folder / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 10.0, effort=then, component=component)
    return learned(folder, "taxi", now).work(component, ASSUMED_TRAINING)


def test_more_epochs_take_more_hours(tmp_path: Path) -> None:
    assert work(tmp_path, NOW, NOW.model_copy(update={"epochs": 100})) == Span(5.0, 100.0, 200.0)


def test_of_fewer_epochs_the_high_end_stays(tmp_path: Path) -> None:
    assert work(tmp_path, NOW, NOW.model_copy(update={"epochs": 1})) == Span(0.5, 1.0, 20.0)


def test_a_training_that_ended_early_may_take_all_its_epochs_the_next_time(tmp_path: Path) -> None:
    assert work(tmp_path, NOW.model_copy(update={"epochs_run": 5}), NOW) == Span(5.0, 10.0, 40.0)


@pytest.mark.parametrize(
    "then", [None, NOW.model_copy(update={"model": "models.cnn"}), NOW.model_copy(update={"max_steps": 10})]
)
def test_a_training_whose_epochs_are_unknown_or_other_work_is_assumed(tmp_path: Path, then: Effort | None) -> None:
    write_run(tmp_path / "taxi" / "2026-11-06T00-00-00", "2026-11-06T00-00-00", 1.0, effort=then, component="DataGate")
    assert work(tmp_path, then, NOW) == ASSUMED_TRAINING
    history = learned(tmp_path, "taxi", NOW)
    assert history.work("DataGate") == Span(0.5, 1.0, 2.0)
    assert "Those of the training are assumed" in history.basis


def test_a_search_takes_as_long_as_its_trials_and_their_epochs(tmp_path: Path) -> None:
    then = NOW.model_copy(update={"trials": 5, "trial_epochs": 2})
    now = NOW.model_copy(update={"trials": 30, "trial_epochs": 4})
    assert work(tmp_path, then, now, "Tuner").likely == 120.0
    assert work(tmp_path, NOW, now, "Tuner") == ASSUMED_TRAINING, "there was no search"


def test_more_of_the_rows_take_every_component_longer(tmp_path: Path) -> None:
    quick = NOW.model_copy(update={"share": 0.1})
    assert work(tmp_path, quick, NOW, "Transform") == Span(5.0, 100.0, 200.0)
    assert "with other settings" in learned(tmp_path, "taxi", NOW).basis


def test_runs_with_the_settings_of_now_count_before_newer_ones_with_others(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    quick = NOW.model_copy(update={"epochs": 1})
    write_run(tmp_path / "taxi" / "2026-11-06T00-00-00", "2026-11-06T00-00-00", 1.0, effort=quick)
    assert seconds_of(learned(tmp_path, "taxi", NOW)) == [5.0]
    assert seconds_of(learned(tmp_path, "taxi", quick)) == [1.0]
