"""The Trainer's export carries golden requests, which are rows of eval and of no other split."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, path_utils, proto_utils

from models.export.golden import FILE, FOLDER, MOST_ROWS
from pipeline.components.trainer import RAW, TrainerExecutor
from tests.samples.taxi_training import arguments
from tests.samples.taxi_transformed import prepared


def test_the_golden_requests_are_the_first_rows_of_eval(tmp_path: Path) -> None:
    raw, transformed = standard_artifacts.Examples(), standard_artifacts.Examples()
    graph, model, run = standard_artifacts.TransformGraph(), standard_artifacts.Model(), standard_artifacts.ModelRun()
    # There is no file of train or test: whoever read them would fail.
    raw.uri, raw.split_names = str(tmp_path / "raw"), artifact_utils.encode_split_names(["train", "eval", "test"])
    (tmp_path / "raw/Split-eval").mkdir(parents=True)
    rows = prepared().serialized[1200:]
    with tf.io.TFRecordWriter(str(tmp_path / "raw/Split-eval/data-00000-of-00001.gz"), "GZIP") as writer:
        for row in rows:
            writer.write(row)
    transformed.uri, graph.uri = prepared().examples, prepared().graph
    transformed.split_names = artifact_utils.encode_split_names(["train", "eval"])
    model.uri, run.uri = str(tmp_path / "model"), str(tmp_path / "run")
    given = arguments(tmp_path, {"epochs": 1, "max_steps": 5})
    TrainerExecutor().Do(
        {"examples": [transformed], RAW: [raw], "transform_graph": [graph]},
        {"model": [model], "model_run": [run]},
        {
            "run_fn": "models.training.run.run_fn",
            "train_args": proto_utils.proto_to_json(trainer_pb2.TrainArgs(splits=["train"])),
            "eval_args": proto_utils.proto_to_json(trainer_pb2.EvalArgs(splits=["eval"])),
            "custom_config": json_utils.dumps(given.custom_config),
        },
    )
    file = f"{path_utils.serving_model_path(model.uri)}/{FOLDER}/{FILE}"
    fares = []
    for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        fares.append(tf.make_ndarray(request.inputs["fare"])[0])
    expected = [tf.train.Example.FromString(row).features.feature["fare"].float_list.value[0] for row in rows]
    assert fares == expected[:MOST_ROWS]
