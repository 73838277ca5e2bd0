"""Data in a bucket as they are looked at before a job is submitted: the real rides, read by Beam's own client."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from google.cloud import storage

from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from pipeline.config.load import load_workload
from pipeline.datasets import Datasets, datasets_as_seen, datasets_here


@pytest.fixture
def spans(cloud: LocalCloud) -> Iterator[str]:
    """Two spans of the taxi data."""
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(name, "europe-west4")
    config = load_workload("taxi")
    [rides] = datasets_here(config.data, config.split, config.prediction).current.source.files
    bucket = storage.Client(cloud.project).bucket(name)
    for span in (1, 2):
        bucket.blob(f"span-{span}/rides.csv").upload_from_filename(rides)
    yield f"gs://{name}"


def seen(place: str, *changes: str) -> Datasets:
    config = load_workload("taxi", changes, f"{place}/span-{{SPAN}}/*.csv")
    return datasets_as_seen(config.data, config.split, config.prediction, network=True)


def test_the_newest_span_and_the_one_before_are_found_and_hashed(spans: str) -> None:
    found = seen(spans)
    assert (found.current.source.files, found.current.source.span) == ((f"{spans}/span-2/rides.csv",), 2)
    assert found.previous_span is not None
    assert found.previous_span.source.files == (f"{spans}/span-1/rides.csv",)
    assert found.current.fingerprint
    assert found.current.fingerprint == found.previous_span.fingerprint  # the same rides
    assert seen(spans) == found


def test_a_misspelt_withheld_column_is_known_from_the_data(spans: str) -> None:
    with pytest.raises(SluiceError, match=r"`payment_typ`.*did you mean `payment_type`"):
        seen(spans, "prediction.known_from.payment=[payment_typ, tips]")


def test_data_that_are_not_there_are_refused(spans: str) -> None:
    with pytest.raises(SluiceError, match="cannot be found"):
        seen(f"{spans}/elsewhere")
