"""What is learned from earlier runs, and from which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud.cost import Span
from runners.vertex.hours import ASSUMED, ASSUMED_TRAINING, learned


def write_run(folder: Path, run_id: str, seconds: float, rows: int = 100, state: str = "ran") -> None:
    record = {
        "run_id": run_id,
        "workload": "taxi",
        "outcome": "pushed",
        "exit_code": 0,
        "reason": "Every blessing is present.",
        "pushed_version": None,
        "pushed_to": None,
        "components": [{"name": "Trainer", "seconds": seconds, "state": state}],
        "gates": [],
        "metrics": {},
        "rows": {"train": rows},
        "seconds": seconds,
        "peak_memory_bytes": 1,
        "seed": 7,
        "data_fingerprint": None,
        "git_commit": None,
        "lock_hash": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record))


def test_without_a_run_the_hours_are_assumed(tmp_path: Path) -> None:
    for history in (learned(None, "taxi"), learned(tmp_path, "taxi")):
        assert history.work("Trainer", ASSUMED_TRAINING) == ASSUMED_TRAINING
        assert history.work("DataGate") == ASSUMED
        assert "assumed" in history.basis


def test_a_component_takes_what_it_took_and_the_machine_may_be_another(tmp_path: Path) -> None:
    for day, seconds in (("01", 10.0), ("02", 30.0), ("03", 20.0)):
        write_run(tmp_path / "taxi" / f"2026-11-{day}T00-00-00", f"2026-11-{day}T00-00-00", seconds)
    history = learned(tmp_path, "taxi")
    assert history.work("Trainer") == Span(5.0, 20.0, 60.0)
    assert "3 earlier runs over 100 rows, the newest 2026-11-03T00-00-00" in history.basis
    assert history.work("DataGate") == ASSUMED


def test_only_the_newest_five_over_the_same_rows_count(tmp_path: Path) -> None:
    for day in range(10, 20):
        run_id = f"2026-11-{day}T00-00-00"
        write_run(tmp_path / "taxi" / run_id, run_id, float(day), rows=50 if day == 18 else 100)
    history = learned(tmp_path, "taxi")
    assert history.seconds["Trainer"] == (19.0, 17.0, 16.0, 15.0, 14.0)


@pytest.mark.parametrize("state", ["reused", "skipped", "failed"])
def test_a_component_that_did_not_run_to_its_end_says_nothing(tmp_path: Path, state: str) -> None:
    write_run(tmp_path / "taxi" / "2026-11-01T00-00-00", "2026-11-01T00-00-00", 1.0, state=state)
    assert "assumed" in learned(tmp_path, "taxi").basis


def test_a_rehearsal_counts_by_its_time_whatever_its_name(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    write_run(tmp_path / "taxi" / "rehearsal" / "a" / "runs", "taxi-20261104000000", 4.0)
    assert learned(tmp_path, "taxi").seconds["Trainer"] == (5.0, 4.0)


def test_the_pointer_to_the_latest_run_is_no_second_run(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    (tmp_path / "taxi" / "latest").symlink_to("2026-11-05T00-00-00", target_is_directory=True)
    assert learned(tmp_path, "taxi").seconds["Trainer"] == (5.0,)


def test_a_file_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 5.0)
    (tmp_path / "taxi" / "broken").mkdir()
    (tmp_path / "taxi" / "broken" / "run.json").write_text("{")
    assert learned(tmp_path, "taxi").seconds["Trainer"] == (5.0,)
