"""Data, schema and baselines in a bucket are read as those of a folder are; what cannot be read is one sentence."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.api_core import exceptions
from google.cloud import storage

from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError
from gates.command.app import main as gates
from gates.tables.files import read_files
from pipeline.artifacts.contents import content_of
from pipeline.components.schema_gen import curated_text
from pipeline.config.load import load_workload
from pipeline.config.references import check_baseline, outside_figures
from pipeline.datasets import datasets_here
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.source import Source
from sources.image_folder import ImageFolder, looks_like_classes
from sources.images import ImageShape, read_images
from sources.locate import locate
from sources.storage import match_files, read_stored
from tests.samples.folders import ROOT
from tests.samples.image_files import sample_images, write_classes
from tests.samples.local_runs import TAXI_CSV

CLASSES = ["daisy", "rose"]


@pytest.fixture
def bucket(cloud: LocalCloud) -> storage.Bucket:
    return storage.Client().create_bucket(f"bucket-{uuid.uuid4().hex[:8]}", location="us-central1")


def upload(bucket: storage.Bucket, source: Path, name: str) -> str:
    """A file, or all files of a folder; gives the address."""
    for path in [source] if source.is_file() else sorted(each for each in source.rglob("*") if each.is_file()):
        inside = "" if path == source else f"/{path.relative_to(source).as_posix()}"
        bucket.blob(f"{name}{inside}").upload_from_filename(str(path))
    return f"gs://{bucket.name}/{name}"


@pytest.fixture
def flowers(bucket: storage.Bucket, tmp_path: Path) -> str:
    write_classes(tmp_path / "flowers", sample_images(12), CLASSES * 6)
    return upload(bucket, tmp_path / "flowers", "flowers")


def test_the_content_of_an_artifact_follows_its_objects_and_not_their_metadata(
    bucket: storage.Bucket, tmp_path: Path
) -> None:
    (tmp_path / "artifact/Split-test").mkdir(parents=True)
    (tmp_path / "artifact/Split-test/rows").write_bytes(b"some rows")
    (tmp_path / "artifact/properties").write_bytes(b"")
    uri = upload(bucket, tmp_path / "artifact", "artifact")
    before = content_of(uri)
    rows = bucket.get_blob("artifact/Split-test/rows")
    written = rows.updated
    rows.metadata = {"seen-by": "a person"}
    rows.patch()
    rows.reload()
    assert rows.updated > written, "its time is another now"
    assert content_of(uri) == content_of(f"{uri}/") == before
    rows.upload_from_string(b"some rows")
    assert content_of(uri) == before, "the same bytes again"
    rows.upload_from_string(b"ROWS some")
    assert content_of(uri) != before, "as many bytes, and others"
    assert content_of(f"{uri}/nowhere") == ""


def calls_of(cloud: LocalCloud) -> Counter[str]:
    return Counter(cloud.faults.calls)


def test_a_workload_finds_its_data_and_its_serving_log(bucket: storage.Bucket) -> None:
    data, log = upload(bucket, TAXI_CSV, "data/data.csv"), upload(bucket, TAXI_CSV, "log/data.csv")
    config = load_workload("taxi", (f"data.serving_log={log}",), f"gs://{bucket.name}/data")
    found = datasets_here(config.data, config.split, config.prediction)
    assert found.current.source.files == (data,)
    assert found.serving_log is not None
    assert found.serving_log.source.files == (log,)
    assert found.current.fingerprint == found.serving_log.fingerprint != ""


def test_the_newest_span_and_the_one_before_are_found(bucket: storage.Bucket) -> None:
    first, second = (upload(bucket, TAXI_CSV, f"span-{span}/data.csv") for span in (1, 2))
    config = load_workload("taxi", (), f"gs://{bucket.name}/span-{{SPAN}}/*.csv")
    found = datasets_here(config.data, config.split, config.prediction)
    assert found.current.source.files == (second,)
    assert found.previous_span is not None
    assert found.previous_span.source.files == (first,)


def test_folders_of_images_are_recognised(flowers: str, bucket: storage.Bucket) -> None:
    format_, units = locate(flowers)
    assert (format_.name, units) == ("image_folder", [f"{flowers}/{name}" for name in CLASSES])
    bucket.blob("flowers/table.csv").upload_from_string("a\n1\n")
    assert not looks_like_classes(flowers)
    assert not looks_like_classes(f"{flowers}/table.csv")


def test_the_fingerprint_of_images_takes_a_listing_a_class_and_no_request_an_image(
    flowers: str, cloud: LocalCloud
) -> None:
    units = tuple(ImageFolder().select([flowers]))
    before = calls_of(cloud)
    found = fingerprint(Source(units, "image_folder", None, None, flowers))
    made = calls_of(cloud) - before
    assert len(found) == 32
    assert made["storage.objects.get"] == 0
    assert made["storage.objects.list"] <= 2 * len(CLASSES)


def test_the_fingerprint_follows_the_content_of_images_and_not_their_names(
    flowers: str, bucket: storage.Bucket
) -> None:
    units = tuple(ImageFolder().select([flowers]))
    before = fingerprint(Source(units, "image_folder", None, None, flowers))
    [first, *_] = bucket.list_blobs(prefix="flowers/daisy/")
    bucket.rename_blob(first, "flowers/daisy/other.png")
    assert fingerprint(Source(units, "image_folder", None, None, flowers)) == before
    bucket.blob("flowers/daisy/other.png").upload_from_string(b"no image")
    assert fingerprint(Source(units, "image_folder", None, None, flowers)) != before


def test_images_that_a_table_names_count_with_their_content_and_may_be_absent(
    flowers: str, bucket: storage.Bucket
) -> None:
    names = [blob.name for blob in bucket.list_blobs(prefix="flowers/")]
    table = upload_text(bucket, "table.csv", "path\n" + "\n".join([*names, "flowers/gone.png"]) + "\n")
    source = Source((table,), "csv", None, None, table)
    before = fingerprint(source, "path")
    bucket.blob(names[0]).upload_from_string(b"no image")
    assert fingerprint(source, "path") != before


def test_an_image_that_is_not_there_spoils_its_row_alone(flowers: str) -> None:
    part = ImageFolder().whole(f"{flowers}/daisy")
    paths = [f"{flowers}/{image}" for image in part.images]
    pixels, unreadable = read_images([*paths, f"{flowers}/daisy/gone.png"], ImageShape(8, 6))
    assert pixels[: len(paths)].any(axis=1).all()
    assert unreadable == {len(paths): f"the image {flowers}/daisy/gone.png does not exist"}


def test_gates_reads_the_same_table_there_and_here(bucket: storage.Bucket) -> None:
    address = upload(bucket, TAXI_CSV, "data/data.csv")
    assert read_files({"train": address})["train"].equals(read_files({"train": str(TAXI_CSV)})["train"])


def test_gates_describes_data_in_a_bucket(bucket: storage.Bucket) -> None:
    address = upload(bucket, TAXI_CSV, "data/data.csv")
    result = CliRunner().invoke(gates, ["describe", "--data", address])
    assert result.exit_code == 0, result.output
    assert "15,002" in result.output


def test_gates_refuses_a_bucket_that_is_not_there_in_one_sentence(cloud: LocalCloud) -> None:
    absent = f"gs://absent-{uuid.uuid4().hex[:8]}"
    result = CliRunner().invoke(gates, ["describe", "--data", f"{absent}/data.csv"])
    assert result.exit_code == ExitCode.UNUSABLE
    assert f"{absent}/data.csv" in result.output
    assert f"gcloud storage ls {absent}" in result.output


def test_a_file_that_is_not_there_is_one_sentence(bucket: storage.Bucket) -> None:
    address = f"gs://{bucket.name}/data/gone.csv"
    with pytest.raises(SluiceError, match=r"gone.csv matches no file") as caught:
        locate(address)
    assert caught.value.next_command == f"Look:  gcloud storage ls {address}"
    with pytest.raises(FileNotFoundError):
        read_stored(address)


@pytest.mark.parametrize("pattern", ["x.csv/**", "x.csv/*.csv"])
def test_a_sentence_about_a_bucket_that_is_not_there_has_no_pattern_in_it(cloud: LocalCloud, pattern: str) -> None:
    absent = f"gs://absent-{uuid.uuid4().hex[:8]}"
    with pytest.raises(SluiceError) as caught:
        match_files(f"{absent}/{pattern}")
    assert caught.value.headline == f"{absent}/x.csv does not exist."


@pytest.mark.parametrize("place", ["gs://bucket/x.csv", "gs://bucket/folder", "gs://bucket/span-{SPAN}/*.csv"])
def test_without_credentials_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    config = load_workload("taxi", (), place)
    with pytest.raises(SluiceError, match="needs credentials of Google Cloud") as caught:
        datasets_here(config.data, config.split, config.prediction)
    assert caught.value.next_command == "Log in:  gcloud auth application-default login"


def test_a_bucket_that_may_not_be_read_is_one_sentence(bucket: storage.Bucket, cloud: LocalCloud) -> None:
    address = upload(bucket, TAXI_CSV, "data/data.csv")
    cloud.faults.fail_next(exceptions.Forbidden("no storage.objects.get access"), "storage.objects.get")
    with pytest.raises(SluiceError, match=r"may not read or write gs://.*storage.objects.get"):
        read_stored(address)


def test_the_curated_schema_may_lie_in_a_bucket(bucket: storage.Bucket) -> None:
    schema = ROOT / "schema/taxi/schema.pbtxt"
    assert curated_text(upload(bucket, schema, "schema.pbtxt")) == schema.read_text()
    with pytest.raises(SluiceError, match="the curated schema does not exist"):
        curated_text(f"gs://{bucket.name}/gone.pbtxt")


def test_a_baseline_may_lie_in_a_bucket(bucket: storage.Bucket) -> None:
    figures = upload_text(bucket, "automl/metrics.json", json.dumps({"auc": 0.7, "rows": 900}))
    found = outside_figures(load_workload("taxi", (f"evaluator.baseline={{metrics_file: {figures}}}",)).evaluator)
    assert found is not None
    assert (found.source, dict(found.figures), found.rows) == ("metrics.json", {"auc": 0.7}, 900)
    export = f"gs://{bucket.name}/automl/export"
    config = load_workload("taxi", (f"evaluator.baseline={{saved_model: {export}}}",)).evaluator
    with pytest.raises(SluiceError, match=r"there is no saved_model\.pb in it"):
        check_baseline(config)
    bucket.blob("automl/export/saved_model.pb").upload_from_string(b"graph")
    check_baseline(config)


def upload_text(bucket: storage.Bucket, name: str, text: str) -> str:
    bucket.blob(name).upload_from_string(text)
    return f"gs://{bucket.name}/{name}"
