"""The exported model: what is measured is what is served, and every loader of the stack can load it."""

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from sklearn.metrics import roc_auc_score

from core.errors import SluiceError
from models.export.saved_model import export_model
from models.export.signatures import public_names
from models.features import transformed_feature_spec
from models.wide_and_deep import build_model
from tests.samples.folders import scratch
from tests.samples.taxi_training import trained
from tests.samples.taxi_transformed import BEAM, TEXT, WHOLE, as_example, prepared, taxi_rows, transformed_rows

INT_MISSING = np.iinfo(np.int64).min
SEEN = [name for name in taxi_rows(1600).columns if name not in ("payment_type", "tips", "big_tipper")]


def exported() -> str:
    return str(trained() / "model")


@functools.cache
def loaded() -> Any:
    return tf.saved_model.load(exported())


def by_examples(serialized: list[bytes]) -> np.ndarray:
    found: np.ndarray = (
        loaded().signatures["serving_examples"](examples=tf.constant(serialized, tf.string))["predictions"].numpy()
    )
    return found


def raw_columns(rows: list[dict[str, Any]]) -> dict[str, tf.Tensor]:
    """Rows as a client sends them to `serving_default`: a sentinel for each missing value."""
    columns = {}
    for name in SEEN:
        values = [row[name] for row in rows]
        missing = [value != value for value in values]
        if name in TEXT:
            columns[name] = tf.constant(["" if m else v for v, m in zip(values, missing, strict=True)])
        elif name in WHOLE:
            whole = [INT_MISSING if m else int(v) for v, m in zip(values, missing, strict=True)]
            columns[name] = tf.constant(whole, tf.int64)
        else:
            columns[name] = tf.constant(values, tf.float32)
    return columns


def test_raw_columns_and_examples_give_the_same_predictions() -> None:
    rows = prepared().rows.to_dict("records")
    assert sum(row["company"] != row["company"] for row in rows) > 100
    default = loaded().signatures["serving_default"](**raw_columns(rows))["predictions"].numpy()
    np.testing.assert_allclose(default, by_examples(prepared().serialized), atol=1e-6)


@pytest.mark.parametrize("name", SEEN)
def test_a_sentinel_means_the_same_as_a_missing_value(name: str) -> None:
    rows = [{**row, name: float("nan")} for row in prepared().rows.head(20).to_dict("records")]
    default = loaded().signatures["serving_default"](**raw_columns(rows))["predictions"].numpy()
    absent = by_examples([as_example({k: v for k, v in row.items() if k != name}) for row in rows])
    np.testing.assert_allclose(default, absent, atol=1e-6)
    np.testing.assert_allclose(by_examples([as_example(row) for row in rows]), absent, atol=1e-6)


def test_predictions_are_probabilities_of_shape_batch_by_1() -> None:
    found = by_examples(prepared().serialized)
    assert found.shape == (1600, 1)
    assert found.dtype == np.float32
    assert 0 < found.min() < found.max() < 1


def test_no_signature_asks_for_the_label_or_a_withheld_column() -> None:
    _, inputs = loaded().signatures["serving_default"].structured_input_signature
    assert set(inputs) == set(SEEN)
    outputs = loaded().signatures["transform_features"].structured_outputs
    assert "fare_scaled" in outputs
    assert not {"big_tipper", "tips", "payment_type"} & set(outputs)


def test_transform_features_gives_what_transform_wrote_for_training() -> None:
    served = loaded().signatures["transform_features"](examples=tf.constant(prepared().serialized[1200:]))
    for name, written in transformed_rows(prepared(), "eval").items():
        if name != "big_tipper":
            np.testing.assert_allclose(np.sort(served[name].numpy()), np.sort(written), atol=1e-6, err_msg=str(name))


def test_an_empty_batch_gives_no_predictions() -> None:
    assert by_examples([]).shape == (0, 1)


IN_A_FRESH_PROCESS = """
import json, sys
import numpy as np, tensorflow as tf
taxi, rows, awkward = sys.argv[1:]
records = [r.numpy() for r in tf.data.TFRecordDataset(rows, "GZIP")]
signatures = tf.saved_model.load(taxi).signatures
two = signatures["serving_examples"](examples=tf.constant(records))["predictions"].numpy()
features = signatures["transform_features"](examples=tf.constant(records))
with tf.compat.v1.Session(graph=tf.Graph()) as session:  # as BulkInferrer loads it
    graph = tf.compat.v1.saved_model.load(session, ["serve"], taxi)
    signature = graph.signature_def["serving_examples"]
    one = session.run(signature.outputs["predictions"].name, {signature.inputs["examples"].name: records})
signatures = tf.saved_model.load(awkward).signatures
values = {name: [1.0 + i, 2.0] for i, name in enumerate(json.loads(open(awkward + "/columns.json").read()))}
def example(row):
    lists = {name: tf.train.FloatList(value=[column[row]]) for name, column in values.items()}
    feature = {name: tf.train.Feature(float_list=each) for name, each in lists.items()}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
requested = sorted(signatures["serving_default"].structured_input_signature[1])
by_name = {public: values[raw] for raw, public in json.loads(open(awkward + "/columns.json").read()).items()}
default = signatures["serving_default"](**{name: tf.constant(column) for name, column in by_name.items()})
examples = signatures["serving_examples"](examples=tf.constant([example(0), example(1)]))
print(json.dumps({
    "two": two.tolist(), "one": one.tolist(), "features": len(features), "requested": requested,
    "default": default["predictions"].numpy().tolist(), "examples": examples["predictions"].numpy().tolist(),
}))
"""

# scikit-learn's own names and worse, with what `serving_default` calls them.
AWKWARD = {
    "mean radius": "mean_radius",
    "worst area (mm²)": "worst_area__mm__",
    "a.b": "a_b",
    "price/unit": "price_unit",
    "_id": "arg__id",
    "2nd": "arg_2nd",
    "self": "arg_self",
    "class": "arg_class",
    "größe": "gr__e",
    "function": "function",
}


def awkward_features(inputs: dict[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    return {f"{name} scaled": tf.reshape(tf.sparse.to_dense(column), [-1]) for name, column in inputs.items()}


@functools.cache
def exported_with_awkward_names() -> str:
    home = scratch()
    specs = {name: tf.io.VarLenFeature(tf.float32) for name in AWKWARD}
    metadata = tft.DatasetMetadata.from_feature_spec(specs)
    with beam.Pipeline(options=PipelineOptions(BEAM)) as pipeline, tft_beam.Context(temp_dir=str(home / "beam")):
        rows = pipeline | beam.Create([{name: [float(i)] for name in AWKWARD} for i in range(3)])
        function = (rows, metadata) | tft_beam.AnalyzeDataset(awkward_features)
        function | tft_beam.WriteTransformFn(str(home / "graph"))
        metadata | tft_beam.WriteMetadata(str(home / "graph/metadata"), pipeline=pipeline)
    transformed = tft.TFTransformOutput(str(home / "graph"))
    model = build_model({"hidden_units": [4]}, transformed.transformed_feature_spec())
    export_model(model, transformed, set(), str(home / "model"), "label", [])
    (home / "model/columns.json").write_text(json.dumps(AWKWARD))
    return str(home / "model")


@functools.cache
def found_in_a_fresh_process() -> dict[str, Any]:
    rows = str(scratch() / "rows.gz")
    with tf.io.TFRecordWriter(rows, "GZIP") as writer:
        for example in prepared().serialized[:50]:
            writer.write(example)
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS, exported(), rows, exported_with_awkward_names()]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "0"}
    done = subprocess.run(command, check=True, cwd=scratch(), stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_was_exported_where_tensorflow_transform_had_switched_tf_keras_to_legacy() -> None:
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_predicts_in_a_fresh_process_and_in_a_tf1_session() -> None:
    found = found_in_a_fresh_process()
    expected = by_examples(prepared().serialized[:50])
    np.testing.assert_allclose(found["two"], expected, atol=1e-6)
    np.testing.assert_allclose(found["one"], expected, atol=1e-6)
    assert found["features"] > 20


def test_columns_whose_names_tensorflow_cannot_use_are_requested_by_a_public_name() -> None:
    found = found_in_a_fresh_process()
    assert found["requested"] == sorted(AWKWARD.values())
    np.testing.assert_allclose(found["default"], found["examples"], atol=1e-6)
    assert found["default"][0] != found["default"][1]


@pytest.mark.parametrize("pair", [("mean radius", "mean_radius"), ("a (b)", "a [b]"), ("Fare", "fare")])
def test_refuses_two_columns_that_would_share_a_public_name_and_names_both(pair: tuple[str, str]) -> None:
    with pytest.raises(SluiceError, match=re.escape(f"`{pair[0]}` and `{pair[1]}`")):
        public_names(["other", *pair])


def test_evaluator_measures_serving_examples_against_the_raw_label(tmp_path: Path) -> None:
    rows = str(tmp_path / "rows.gz")
    with tf.io.TFRecordWriter(rows, "GZIP") as writer:
        for example in prepared().serialized[1200:]:
            writer.write(example)
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="serving_examples", label_key="big_tipper")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=tfma.metrics.specs_from_metrics([tfma.metrics.AUC(name="auc", num_thresholds=10000)]),
    )
    model = tfma.default_eval_shared_model(exported(), eval_config=config)
    result = tfma.run_model_analysis(
        model, config, data_location=rows, output_path=str(tmp_path / "tfma"), pipeline_options=PipelineOptions(BEAM)
    )
    measured = result.get_metrics_for_slice()["auc"]["doubleValue"]
    expected = roc_auc_score(prepared().rows.big_tipper[1200:], by_examples(prepared().serialized[1200:])[:, 0])
    assert measured == pytest.approx(expected, abs=2e-3)


def test_a_model_with_a_look_up_layer_is_exported_with_its_table(tmp_path: Path) -> None:
    """Its table is no variable, and lies in a model inside the model here."""
    transformed = tft.TFTransformOutput(prepared().graph)
    features, _ = transformed_feature_spec(transformed, "big_tipper")
    name = next(name for name, spec in features.items() if spec.dtype == tf.int64)
    inner = keras.Sequential([keras.layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="int")])
    given = keras.Input((), dtype="int64", name=name)
    position = keras.ops.cast(inner(keras.layers.Reshape((1,))(given)), "float32")
    model = keras.Model({name: given}, keras.layers.Rescaling(0.1)(position))
    unseen = {"big_tipper", "payment_type", "tips"}
    export_model(model, transformed, unseen, str(tmp_path / "export"), "big_tipper", ["no", "yes"])
    signature = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_examples"]
    answers = signature(examples=tf.constant(prepared().serialized[:50]))["predictions"].numpy()
    assert set(np.round(10 * answers.ravel()).astype(int)) <= {0, 1, 2, 3}
    assert np.ptp(answers) > 0
