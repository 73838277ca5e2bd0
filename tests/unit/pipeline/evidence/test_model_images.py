"""The evidence of the ModelGate for models of images and of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from gates.data.declared import Declared
from gates.model.evidence import ModelEvidence, Probe
from gates.model.gate import judge_model
from gates.verdict.finding import Severity
from models.export.batches import MOST_BYTES, by_size
from models.export.replay import PLAIN_IMAGES, probes
from pipeline.artifacts.schema import is_wide, shape_of
from pipeline.evidence.model import _as_text, _stump
from tests.samples import digits as samples

IMAGE = tf.io.FixedLenFeature([28, 28, 1], tf.int64)


def test_an_image_that_every_row_must_have_is_probed_all_dark_and_all_bright() -> None:
    columns = {"image": np.full((4, 28, 28, 1), 7), "size": np.array([1.0, 2.0, 3.0, 4.0], np.float32)}
    specs: dict[str, Any] = {"image": IMAGE, "size": tf.io.FixedLenFeature([], tf.float32)}
    found = dict(probes(specs, columns))
    assert set(found) == {"image/all 0", "image/all 255"}
    for case, value in PLAIN_IMAGES[tf.int64].items():
        probed = found[f"image/{case}"]
        assert probed["image"].shape == (4, 28, 28, 1) and (probed["image"] == value).all()
        assert probed["size"] is columns["size"]


def test_optional_fields_beside_an_image_are_probed_as_before() -> None:
    columns = {"image": np.zeros((2, 28, 28, 1), np.int64), "town": np.array([b"a", b"b"], dtype=object)}
    found = dict(probes({"image": IMAGE, "town": tf.io.VarLenFeature(tf.string)}, columns))
    assert [name for name in found if name.startswith("town")] == ["town/missing", "town/unknown", "town/extreme"]
    assert found["town/missing"]["town"].tolist() == [b"", b""]


def test_a_model_that_gives_nan_for_a_black_image_is_refused() -> None:
    sound, broken = np.full((3, 10), 0.1), np.full((3, 10), np.nan)
    for scores, severity in ((sound, Severity.INFO), (broken, Severity.BLOCK)):
        evidence = ModelEvidence(probes=(Probe("image", "all 0", scores), Probe("image", "all 255", sound)))
        (finding,) = [each for each in judge_model(evidence).findings if each.check == "optional_fields"]
        assert (finding.severity, finding.subject) == (severity, "image")


def test_no_optional_field_and_no_image_is_a_skipped_check() -> None:
    assert dict(probes({"x": tf.io.FixedLenFeature([], tf.int64)}, {"x": np.array([1])})) == {}
    skipped = {each.check: each.why for each in judge_model(ModelEvidence()).checks_skipped}
    assert skipped["optional_fields"] == "no optional field was probed"


def test_an_image_is_shown_by_its_size_and_scale() -> None:
    images = np.zeros((2, 28, 28, 1), np.int64)
    images[1, 3, 3] = 255
    shown = _as_text({"image": images, "fare": np.array([2.5, 3.0]), "town": np.array([b"x", b"y"], dtype=object)})
    assert shown.rows[1] == ("28 x 28 x 1, from 0 to 255, mean 0.3253", "3", "y")


def test_large_rows_are_predicted_a_few_at_a_time_and_none_is_lost() -> None:
    rows = np.array([bytes([number]) * (MOST_BYTES // 4) for number in range(10)], dtype=object)
    parts = list(by_size(rows))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert [len(part) for part in by_size(np.array([b"x" * 100 * MOST_BYTES], dtype=object))] == [1]
    assert [len(part) for part in by_size(np.array([], dtype=object))] == [0]


@pytest.mark.parametrize(
    ("feature", "shape", "wide"),
    [
        ("type: INT shape { dim { size: 28 } dim { size: 28 } dim { size: 1 } }", (28, 28, 1), True),
        ("type: INT value_count { min: 784 max: 784 }", (784,), True),
        ("type: FLOAT value_count { min: 1 max: 1 }", (), False),
        ("type: FLOAT shape { dim { size: 1 } }", (1,), False),
        ("type: BYTES shape { dim { size: 3 } }", (3,), False),
        ("type: FLOAT shape { }", (), False),
    ],
)
def test_wide_columns_are_those_of_many_numbers_a_row(feature: str, shape: tuple[int, ...], wide: bool) -> None:
    parsed = text_format.Parse(f'name: "x" {feature}', schema_pb2.Feature())
    assert (shape_of(parsed), is_wide(parsed)) == (shape, wide)


DECLARED = Declared(label="label")


def test_images_have_no_best_single_feature() -> None:
    rows = np.array(samples.serialized(*samples.digits()["eval"]), dtype=object)
    assert _stump(rows, rows, samples.schema(), 10, DECLARED) is None


def test_the_best_single_feature_of_several_classes_has_every_class_in_its_place() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 2, 3], 400)  # train lacks class 1
    rows = []
    for label in labels:
        example = tf.train.Example()
        example.features.feature["label"].int64_list.value.append(int(label))
        example.features.feature["x"].float_list.value.append(float(label + 0.2 * rng.normal()))
        rows.append(example.SerializeToString())
    schema = text_format.Parse(
        'feature { name: "x" type: FLOAT } feature { name: "label" type: INT }', schema_pb2.Schema()
    )
    found = _stump(np.array(rows[:300], dtype=object), np.array(rows[300:], dtype=object), schema, 4, DECLARED)
    assert found is not None and found.feature == "x"
    assert found.scores.shape == (100, 4) and (found.scores[:, 1] == 0).all()
    assert (found.scores.argmax(axis=1) == labels[300:]).mean() > 0.9
    # A model of three classes knows no class 3: there is nothing to compare.
    assert _stump(np.array(rows[:300], dtype=object), np.array(rows[300:], dtype=object), schema, 3, DECLARED) is None
