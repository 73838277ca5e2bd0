"""A wrong command line or unusable data ends in one sentence with the next command, and leaves no files behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.samples.local_runs import TAXI_CSV, run_locally, start_locally

pytestmark = pytest.mark.e2e


def _csv_without(column: str, folder: Path) -> Path:
    lines = [line.split(",") for line in TAXI_CSV.read_text().splitlines()[:500]]
    place = lines[0].index(column)
    target = folder / "data.csv"
    target.write_text("\n".join(",".join(cells[:place] + cells[place + 1 :]) for cells in lines))
    return target


def _truncated(folder: Path) -> Path:
    target = folder / "data.csv.gz"
    packed = gzip.compress(TAXI_CSV.read_bytes())
    target.write_bytes(packed[: len(packed) // 2])
    return target


def _empty_folder(folder: Path) -> Path:
    target = folder / "nothing_here"
    target.mkdir()
    return target


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda folder: folder / "absent.csv", "absent.csv"),
        (lambda folder: _csv_without("tips", folder), "tips"),
        (lambda folder: _csv_without("trip_start_timestamp", folder), "trip_start_timestamp"),
        (_truncated, "data.csv.gz"),
        (_empty_folder, "nothing_here"),
    ],
    ids=["absent file", "column of the label missing", "time column missing", "truncated gzip", "empty folder"],
)
def test_bad_data_is_one_sentence_and_exit_code_3(make, named: str, tmp_path: Path) -> None:
    run = run_locally(tmp_path / "out", "--data", str(make(tmp_path)))
    printed = run.printed + run.complaints
    assert run.exit_code == 3, printed
    assert named in printed
    assert "Traceback" not in printed
    assert run.record["outcome"] == "failed"
    assert run.record["exit_code"] == 3
    assert run.versions() == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--set", "evaluator.treshold=1"), "thresholds"),
        (("--set", "train.epochs=ten"), "train.epochs"),
        (("--workload", "taxy"), "taxi"),
        (("--until", "Traner"), "Trainer"),
        (("--wrkload", "taxi"), "--workload"),
        (("--explain", "split.bye"), "split.by"),
        (("fashion_mnist",), "fashion_mnist"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_right_one(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    run = run_locally(tmp_path / "out", *arguments)
    assert run.exit_code == 3, run.printed
    assert named in run.complaints
    assert "Traceback" not in run.complaints
    assert not (tmp_path / "out/taxi/latest").exists()


def test_an_output_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "out"
    blocked.write_text("a file, not a folder")
    run = run_locally(blocked)
    assert run.exit_code == 3
    assert str(blocked) in run.complaints
    assert "Traceback" not in run.complaints


def test_a_component_that_the_configuration_leaves_out_cannot_be_run_until(tmp_path: Path) -> None:
    run = run_locally(tmp_path / "out", "--until", "Tuner")
    assert run.exit_code == 3
    assert "has no Tuner" in run.printed


def test_a_reader_that_leaves_early_does_not_end_the_run(tmp_path: Path) -> None:
    process = start_locally(tmp_path / "out", "--until", "SchemaGen")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=120)
    assert process.returncode == 0
    assert '"outcome": "stopped"' in (tmp_path / "out/taxi/latest/run.json").read_text()
