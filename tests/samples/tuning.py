"""A small search over a small model: rows of four numbers."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.component_inputs import LearningInputs
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.workload import ModelConfig
from tests.samples import tuning_model
from tests.samples.folders import scratch

SCHEMA = """
feature { name: "x" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 4 } } }
feature { name: "label" type: INT presence { min_fraction: 1 } shape { } }
"""
TUNER: dict[str, Any] = {"enabled": True, "algorithm": "grid", "stop_poor_trials": False}
TRAIN: dict[str, Any] = {"batch_size": 64, "early_stopping_patience": 0, "seed": 7}


@functools.cache
def rows() -> Path:
    """Transformed examples of train and eval, and the graph's schema."""
    home = scratch()
    (home / "graph/transformed_metadata").mkdir(parents=True)
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    (home / "graph/transformed_metadata/schema.pbtxt").write_text(text_format.MessageToString(schema))
    rng = np.random.default_rng(0)
    for split, count in (("train", 640), ("eval", 200)):
        values = rng.normal(size=(count, 4))
        labels = (values.sum(axis=1) + rng.normal(size=count) > 0).astype(int)
        with tf.io.TFRecordWriter(str(home / f"{split}.tfrecord")) as writer:
            for row, label in zip(values, labels, strict=True):
                example = tf.train.Example()
                example.features.feature["x"].float_list.value.extend(row)
                example.features.feature["label"].int64_list.value.append(int(label))
                writer.write(example.SerializeToString())
    return home


def arguments(
    home: Path, module: str = tuning_model.__name__, train: Mapping[str, Any] | None = None, **tuner: Any
) -> FnArgs:
    """What TFX hands to `tuner_fn`."""
    return FnArgs(
        working_dir=str(home / "work"),
        train_files=[str(rows() / "train.tfrecord")],
        eval_files=[str(rows() / "eval.tfrecord")],
        transform_graph_path=str(rows() / "graph"),
        custom_config=LearningInputs(
            model=ModelConfig(module=module, hyperparameters={"learning_rate": 0.1}),
            train=TrainConfig.model_validate({**TRAIN, **(train or {})}),
            tuner=TunerConfig.model_validate({**TUNER, **tuner}),
            label="label",
            withheld=[],
            code="as it is",
            durable_dir=str(home / "durable"),
        ).to_custom_config(),
    )
