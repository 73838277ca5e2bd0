"""The checks of the data before a run begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_workload
from pipeline.config.workload import DataConfig, PredictionConfig, SplitConfig
from pipeline.datasets import datasets_as_seen, datasets_here, datasets_there


def test_a_misspelt_withheld_column_is_refused_before_it_leaks() -> None:
    config = load_workload("taxi", ["prediction.known_from.payment=[payment_typ, tips]"])
    with pytest.raises(SluiceError, match=r"`payment_typ`.*did you mean `payment_type`"):
        datasets_here(config.data, config.split, config.prediction)


def test_a_withheld_column_that_this_data_does_not_have_is_no_fault() -> None:
    config = load_workload("taxi", ["prediction.never=[surcharge_code]"])
    assert datasets_here(config.data, config.split, config.prediction).current.fingerprint


@pytest.mark.parametrize(
    ("column", "sentence"), [("compnay", "did you mean `company`"), ("zone", "it has `pickup_community_area`")]
)
def test_a_slice_by_a_column_that_is_not_there_is_refused_before_the_training(column: str, sentence: str) -> None:
    config = load_workload("taxi")
    with pytest.raises(SluiceError, match=rf"evaluator\.slices names `{column}`.*{sentence}"):
        datasets_here(config.data, config.split, config.prediction, [["company"], [column, "payment_type"]])
    slices = [*config.evaluator.slices, [config.data.label]]
    assert datasets_here(config.data, config.split, config.prediction, slices).current.fingerprint


def test_a_slice_by_a_column_of_any_file_of_json_lines_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"age": 1, "y": 0}\n')
    (tmp_path / "b.jsonl").write_text('{"age": 1, "y": 0, "zone": 2}\n')
    data = DataConfig(source=str(tmp_path / "*.jsonl"), label="y")
    assert datasets_here(data, SplitConfig(), PredictionConfig(), [["zone"]]).current.fingerprint
    with pytest.raises(SluiceError, match=r"names `area`.*it has `age`, `y`, `zone`"):
        datasets_here(data, SplitConfig(), PredictionConfig(), [["area"]])


def test_a_job_for_another_machine_names_no_file_of_this_one() -> None:
    found = datasets_there(load_workload("taxi").data).current
    assert found.source.files == ()
    assert found.fingerprint == ""
    assert found.source.pattern.startswith("package:")


def test_a_job_for_another_machine_takes_the_places_that_it_may_have() -> None:
    assert datasets_there(load_workload("fashion_mnist").data).current.source.pattern == (
        "/usr/share/datasets/fashion-mnist",
    )


def test_spans_of_another_machine_are_compared_with_the_one_before() -> None:
    spans = DataConfig(source="gs://bucket/span-{SPAN}/*.csv", label="x")
    assert datasets_there(spans).previous_span is not None
    assert datasets_there(DataConfig(source="gs://bucket/*.csv", label="x")).previous_span is None


def test_data_that_both_machines_have_is_hashed_here_and_found_there() -> None:
    config = load_workload("taxi")
    found = datasets_as_seen(config.data, config.split, config.prediction, network=False).current
    here = datasets_here(config.data, config.split, config.prediction).current
    assert found.fingerprint == here.fingerprint != ""
    assert (found.source.files, found.source.pattern) == ((), config.data.source)


def test_a_misspelt_withheld_column_of_data_that_both_machines_have_is_refused() -> None:
    config = load_workload("taxi", ["prediction.known_from.payment=[payment_typ, tips]"])
    with pytest.raises(SluiceError, match=r"`payment_typ`.*did you mean `payment_type`"):
        datasets_as_seen(config.data, config.split, config.prediction, network=False)


@pytest.mark.parametrize("source", ["gs://bucket/*.csv", "/no/such/place/*.csv"])
def test_what_cannot_be_read_from_here_is_left_to_the_job(source: str) -> None:
    data = DataConfig(source=source, label="x")
    assert datasets_as_seen(data, SplitConfig(), PredictionConfig(), network=False) == datasets_there(data)


def test_a_serving_log_in_a_bucket_is_left_to_the_job_when_the_rest_is_read(tmp_path: Path) -> None:
    data = load_workload("taxi").data.model_copy(update={"serving_log": "gs://bucket/log/*"})
    found = datasets_as_seen(data, SplitConfig(), PredictionConfig(), network=False)
    assert found.current.fingerprint
    assert found.serving_log is not None
    assert (found.serving_log.fingerprint, found.serving_log.source.pattern) == ("", "gs://bucket/log/*")
