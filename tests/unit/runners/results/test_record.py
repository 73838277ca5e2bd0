"""What the record of a run keeps of its settings."""

from __future__ import annotations

from core.errors import ExitCode
from core.version import VERSION
from pipeline.config.load import load_workload
from report.run_record import Effort
from runners.results.outcome import Outcome
from runners.results.record import Gathered, effort_of, record_of


def test_it_keeps_what_decides_how_long_training_takes() -> None:
    quick = load_workload("fashion_mnist", profile="quick")
    assert effort_of(quick, epochs_run=5) == Effort(model="models.lenet5", share=0.05, epochs=8, epochs_run=5)


def test_a_search_counts_by_its_trials_unless_its_result_is_frozen() -> None:
    searching = load_workload("taxi", ("tuner.enabled=true", "tuner.max_trials=4", "tuner.epochs=3"))
    found = effort_of(searching)
    assert (found.trials, found.trial_epochs) == (4, 3)
    tuner = searching.tuner.model_copy(update={"frozen": "best.yaml"})
    assert effort_of(searching.model_copy(update={"tuner": tuner})).trials is None


def test_it_keeps_the_version_of_the_package() -> None:
    facts = {"seconds": 1.0, "peak_memory_bytes": 1, "git_commit": None, "lock_hash": None, "data_fingerprint": None}
    outcome = Outcome("stopped", ExitCode.PUSHED, "")
    record = record_of(load_workload("taxi"), "2026-11-30T12-00-00", {}, Gathered(), outcome, facts)
    assert record.sluice_version == VERSION
