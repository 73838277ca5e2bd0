"""The label of a run, as a value that Google Cloud takes."""

from __future__ import annotations

from cloud.run_label import run_label
from registry.contract import is_label


def test_the_id_of_a_job_is_the_value() -> None:
    assert run_label("taxi-dev-20261129-120000") == "taxi-dev-20261129-120000"


def test_what_a_label_does_not_take_is_replaced() -> None:
    assert run_label("Taxi.dev") == "taxi-dev"


def test_two_long_ids_that_begin_alike_have_two_values() -> None:
    one, other = run_label("t" * 100), run_label("t" * 101)
    assert one != other
    assert is_label("run", one) and is_label("run", other)
