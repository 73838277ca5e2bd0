"""The checks of the data before a run begins."""

from __future__ import annotations

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_workload
from pipeline.datasets import datasets_here, datasets_there


def test_a_misspelt_withheld_column_is_refused_before_it_leaks() -> None:
    config = load_workload("taxi", ["prediction.known_from.payment=[payment_typ, tips]"])
    with pytest.raises(SluiceError, match=r"`payment_typ`.*did you mean `payment_type`"):
        datasets_here(config.data, config.split, config.prediction)


def test_a_withheld_column_that_this_data_does_not_have_is_no_fault() -> None:
    config = load_workload("taxi", ["prediction.never=[surcharge_code]"])
    assert datasets_here(config.data, config.split, config.prediction).current.fingerprint


def test_a_job_for_another_machine_names_no_file_of_this_one() -> None:
    found = datasets_there(load_workload("taxi").data).current
    assert found.source.files == ()
    assert found.fingerprint == ""
    assert found.source.pattern.startswith("package:")


def test_a_job_for_another_machine_takes_the_places_that_it_may_have() -> None:
    assert datasets_there(load_workload("fashion_mnist").data).current.source.pattern == (
        "/usr/share/datasets/fashion-mnist",
    )
