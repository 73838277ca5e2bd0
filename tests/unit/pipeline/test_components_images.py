"""Images on their way from examples to features: statistics, schema, what is refused, the gate's table, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts

from gates.data.declared import Declared
from gates.tables.table import ColumnKind, Table
from gates.verdict.finding import GateReport
from pipeline.artifacts.examples import Facts, describe_examples, raw_batches
from pipeline.artifacts.schema import read_schema
from pipeline.components.example_validator import Statistics, validate
from pipeline.components.schema_gen import SchemaGen, SchemaGenInputs, curated_text
from pipeline.components.statistics_gen import count_empty_as_missing, describe
from pipeline.config.paths import ROOT
from pipeline.evidence.data import MOST_PIXELS, share_read, table_of
from preprocessing.fashion_mnist import preprocessing_fn
from tests.samples import taxi_artifacts as samples
from tests.samples.image_files import sample_images

Image = np.ndarray | None
SCHEMA = str(ROOT / "schema/fashion_mnist/schema.pbtxt")
ROWS = 120
CLEAN = list(sample_images(ROWS, shape=(28, 28)))


def examples_of(rows: Sequence[Image], path: Path) -> str:
    """The rows as a TFRecord file: `image`, left out where there is none, and `label`."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, row in enumerate(rows):
            features = {"label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 10]))}
            if row is not None and row.dtype == np.float32:
                features["image"] = tf.train.Feature(float_list=tf.train.FloatList(value=row.ravel()))
            elif row is not None:
                features["image"] = tf.train.Feature(int64_list=tf.train.Int64List(value=row.ravel()))
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return str(path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Statistics:
    return statistics_of(CLEAN, tmp_path_factory.mktemp("clean"))


def statistics_of(rows: Sequence[Image], folder: Path) -> Statistics:
    return count_empty_as_missing(describe([examples_of(rows, folder / "rows.tfrecord")]))


def judged(train: Statistics, clean: Statistics, classes: int = 10) -> GateReport:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = text_format.Parse(curated_text(SCHEMA), schema_pb2.Schema())
    return validate({"train": train, "eval": clean, "test": clean}, schema, None, None, {}, {}, "label", classes)[0]


def test_clean_images_pass_the_curated_schema(clean):
    assert judged(clean, clean).findings == ()


@pytest.mark.parametrize(
    ("fault", "check", "reason"),
    [
        (
            "resized",
            "schema_shape",
            "image holds 1,024 values a row in train, where the schema expects 28 x 28 x 1",
        ),
        ("one cut", "schema_shape", "image holds from 100 to 784 values a row in train"),
        ("scaled", "schema_type", "image holds decimal numbers (from 0 to 1) in train, where the schema expects whole"),
        ("brighter", "schema_domain", "image goes up to 355 in train; the schema allows at most 255."),
        ("some missing", "schema_presence", "image has no value in 5 of 120 rows of train"),
        ("some empty", "schema_presence", "image has no value in 5 of 120 rows of train"),
        ("none", "schema_missing_column", "image does not exist in train"),
    ],
)
def test_other_images_are_refused_in_plain_words(fault, check, reason, clean, tmp_path):
    last = [image.astype(np.int64) for image in CLEAN]
    rows: dict[str, list[Image]] = {
        "resized": list(sample_images(ROWS, shape=(32, 32))),
        "one cut": [*last[:-1], last[-1].ravel()[:100]],
        "scaled": [(image / 255).astype(np.float32) for image in last],
        "brighter": [image + 100 for image in last],
        "some missing": [*last[5:], *[None] * 5],
        "some empty": [*last[5:], *[np.zeros(0, np.int64)] * 5],
        "none": [None] * ROWS,
    }
    [finding] = judged(statistics_of(rows[fault], tmp_path), clean).findings
    assert finding.check == check and finding.severity.value == "block"
    assert finding.reason.startswith(reason)


def test_a_label_beyond_the_classes_is_refused(clean):
    [finding] = judged(clean, clean, classes=3).findings
    assert finding.check == "label_values"
    assert finding.reason == "`label` holds values from 0 to 9; Sluice learns the 3 classes 0 to 2."


def test_a_proposed_schema_gives_images_their_fixed_shape(tmp_path):
    frame = samples.rides().head(200)
    statistics = samples.write_statistics(samples.assign(frame), tmp_path / "statistics")
    for split in ("train", "eval", "test"):
        written = statistics_of(CLEAN, tmp_path)
        (tmp_path / f"statistics/Split-{split}/FeatureStats.pb").write_bytes(written.SerializeToString())
    describe_examples(statistics, Facts(), {}, {"image": [28, 28, 1]})
    artifact = samples.artifact(standard_artifacts.Schema, tmp_path / "schema")
    given = SchemaGenInputs(label="label", withheld=[])
    SchemaGen.test_call(statistics=statistics, schema=artifact, config=given.to_property(), code="")
    proposed = read_schema(artifact.uri)
    spec = schema_utils.schema_as_feature_spec(proposed).feature_spec["image"]
    assert spec == tf.io.FixedLenFeature([28, 28, 1], tf.int64)
    domain = next(feature.int_domain for feature in proposed.feature if feature.name == "image")
    assert (domain.min, domain.max) == (0, 255)


def test_the_gate_holds_images_as_bytes_and_finds_their_copies_in_any_type(tmp_path):
    path = examples_of(CLEAN, tmp_path / "rows.tfrecord")
    table = table_of("train", raw_batches(path))
    assert table.kinds["image"] is ColumnKind.IMAGE
    assert table.arrow.schema.field("image").type == pa.list_(pa.uint8(), 784)
    decimal = pa.array([image.ravel().astype(np.float32) for image in CLEAN])
    other = Table.of("other", pa.table({"image": decimal}))
    assert (np.sort(table.words(["image"])[0]) == np.sort(other.words(["image"])[0])).all()


def test_the_gate_reads_images_of_several_sizes_and_missing_ones(tmp_path):
    rows: list[Image] = [*CLEAN[:50], None, np.full(100, 300), *CLEAN[50:]]
    parts = [examples_of(rows[start : start + 40], tmp_path / f"{start}") for start in (0, 40, 80)]
    batches = [batch for part in parts for batch in raw_batches(part)]
    table = table_of("train", batches)
    assert table.rows == 120 and table.kinds["image"] is ColumnKind.OTHER


def test_the_gate_reads_batches_whose_images_have_each_a_size_of_their_own(tmp_path):
    parts = [examples_of([np.full(size, 7)] * 20, tmp_path / f"{size}") for size in (100, 144)]
    table = table_of("train", [batch for part in parts for batch in raw_batches(part)])
    assert table.rows == 40 and table.kinds["image"] is ColumnKind.OTHER


@pytest.mark.parametrize("sparse", [False, True])
def test_features_are_pixels_between_0_and_1(sparse):
    rows = sample_images(3, shape=(28, 28, 1)).astype(np.int64)
    column = tf.sparse.from_dense(rows.reshape(3, 784) + 0) if sparse else tf.constant(rows)
    image = preprocessing_fn({"image": column})["image"]
    assert image.dtype == tf.float32 and image.shape == (3, 28, 28, 1)
    assert np.allclose(image.numpy(), rows / 255)


def test_the_gate_reads_fewer_rows_the_larger_their_images_are():
    assert share_read(60_000, 28 * 28) == 1.0
    assert share_read(60_000, 224 * 224 * 3) * 60_000 * 224 * 224 * 3 == pytest.approx(MOST_PIXELS)


def test_findings_call_classes_by_their_names():
    declared = Declared(label="label", class_names=("boot", "coat"))
    assert [declared.called(value) for value in ("0", "1", "2", "-1", "red")] == ["boot", "coat", "2", "-1", "red"]
