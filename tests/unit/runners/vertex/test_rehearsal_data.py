"""Local data in the bucket of a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud.testing.storage.objects import ObjectStore
from core.errors import SluiceError
from pipeline.config.workload import DataConfig
from runners.vertex.rehearsal_data import in_bucket


@pytest.fixture
def files() -> ObjectStore:
    store = ObjectStore()
    store.create_bucket("bucket")
    return store


def config(source: Any, **others: Any) -> DataConfig:
    return DataConfig(source=source, label="tipped", **others)


def names(files: ObjectStore) -> list[str]:
    return [each.name for each in files.objects("bucket")]


def test_a_file_a_folder_and_a_pattern_keep_their_shape(files: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "span-1").mkdir()
    for name in ("data.csv", "span-1/a.csv", "span-1/b.csv"):
        (tmp_path / name).write_text(name)
    for source, address in (
        ("data.csv", "gs://bucket/d/source/data.csv"),
        ("span-1", "gs://bucket/d/source/span-1"),
        ("span-1/*.csv", "gs://bucket/d/source/*.csv"),
        ("span-{SPAN}/*.csv", "gs://bucket/d/source/span-{SPAN}/*.csv"),
    ):
        assert in_bucket(config(f"{tmp_path}/{source}"), files, "bucket", "d").source == address
    inner = ["d/source/span-1/a.csv", "d/source/span-1/b.csv"]
    assert names(files) == ["d/source/a.csv", "d/source/b.csv", "d/source/data.csv", *inner]
    assert files.read("bucket", "d/source/a.csv")[1] == b"span-1/a.csv"


def test_unchanged_files_are_not_written_again(files: ObjectStore, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    generations = []
    for content in ("1", "1", "2"):
        data.write_text(content)
        in_bucket(config(str(data)), files, "bucket", "d")
        generations.append(files.find("bucket", "d/source/data.csv").generation)
    assert generations[0] == generations[1] < generations[2]


def test_the_first_of_several_places_that_exists_is_taken(files: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second/x").write_text("x")
    places = [str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path)]
    assert in_bucket(config(places), files, "bucket", "d").source == "gs://bucket/d/source/second"


def test_a_serving_log_is_brought_along(files: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "log.tfrecord").write_text("x")
    log = str(tmp_path / "log.tfrecord")
    given = config("package:tfx/data.csv", serving_log=log)
    changed = in_bucket(given, files, "bucket", "d")
    assert (changed.source, changed.serving_log) == ("package:tfx/data.csv", "gs://bucket/d/serving/log.tfrecord")
    assert names(files) == ["d/serving/log.tfrecord"]


@pytest.mark.parametrize("place", ["gs://elsewhere/data.csv", "/no/such/place.csv"])
def test_data_that_are_not_on_this_machine_are_refused(files: ObjectStore, place: str) -> None:
    with pytest.raises(SluiceError) as caught:
        in_bucket(config(place), files, "bucket", "d")
    assert place in caught.value.headline
    assert "--data" in caught.value.next_command


def test_data_in_the_bucket_of_the_rehearsal_stay_there(files: ObjectStore) -> None:
    assert in_bucket(config("gs://bucket/x.csv"), files, "bucket", "d").source == "gs://bucket/x.csv"
