"""Small images that can be learnt, transformed by the Transform executor, and trainings on them."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.transform.executor import Executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import json_utils, proto_utils

from models.features import FeatureSpec, transformed_feature_spec
from models.training.run import run_fn
from pipeline.component_inputs import LearningInputs
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.workload import ModelConfig
from pipeline.features import FeatureInputs
from tests.samples.folders import ROOT, scratch
from tests.samples.taxi_transformed import BEAM

ROWS = {"train": 320, "eval": 80}
CLASSES = 10


@dataclass(frozen=True)
class Images:
    """Where Transform left its things."""

    graph: str
    train: list[str]
    eval: list[str]
    raw: dict[str, tuple[np.ndarray, np.ndarray]]

    @property
    def specs(self) -> tuple[FeatureSpec, FeatureSpec]:
        return transformed_feature_spec(tft.TFTransformOutput(self.graph), "label")


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 28 × 28 with a bright square whose place is the class, on a noisy ground; and the classes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, rows)
    images = generator.integers(0, 60, (rows, 28, 28, 1))
    for image, label in zip(images, labels, strict=True):
        top, left = 2 + 13 * (label // 5), 2 + 5 * (label % 5)
        image[top : top + 8, left : left + 4] = 230
    return images, labels


def _example(image: np.ndarray, label: int) -> bytes:
    def whole(values: Any) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    features = {"image": whole(image.ravel()), "label": whole([label])}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@functools.cache
def sample_images() -> Images:
    """Transforms once for all tests that ask."""
    home, raw = scratch(), {split: drawn(rows, seed) for seed, (split, rows) in enumerate(ROWS.items())}
    examples, schema = standard_artifacts.Examples(), standard_artifacts.Schema()
    examples.uri, examples.split_names = str(home / "raw"), artifact_utils.encode_split_names(list(raw))
    for split, (images, labels) in raw.items():
        (home / f"raw/Split-{split}").mkdir(parents=True)
        with tf.io.TFRecordWriter(str(home / f"raw/Split-{split}/data-00000-of-00001.gz"), "GZIP") as writer:
            for image, label in zip(images, labels, strict=True):
                writer.write(_example(image, int(label)))
    graph, transformed = standard_artifacts.TransformGraph(), standard_artifacts.Examples()
    graph.uri, transformed.uri, schema.uri = str(home / "graph"), str(home / "out"), str(ROOT / "schema/fashion_mnist")
    Executor(Executor.Context(beam_pipeline_args=list(BEAM), tmp_dir=str(home), unique_id="1")).Do(
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {
            "preprocessing_fn": "pipeline.features.preprocessing_fn",
            "custom_config": json_utils.dumps(
                FeatureInputs(
                    module="preprocessing.fashion_mnist", label="label", withheld=[], code=""
                ).to_custom_config()
            ),
            "splits_config": proto_utils.proto_to_json(
                transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])
            ),
            "disable_statistics": 1,
            "force_tf_compat_v1": 1,
        },
    )
    return Images(str(home / "graph"), [f"{home}/out/Split-train/*"], [f"{home}/out/Split-eval/*"], raw)


def arguments(
    home: Path,
    train: dict[str, Any] | None = None,
    module: str = "models.lenet5",
    hyperparameters: dict[str, Any] | None = None,
) -> FnArgs:
    """What TFX hands to `run_fn`; `train` is written as in a workload's configuration."""
    found = sample_images()
    return FnArgs(
        working_dir=str(home / "work"),
        train_files=found.train,
        eval_files=found.eval,
        transform_graph_path=found.graph,
        model_run_dir=str(home / "run"),
        serving_model_dir=str(home / "model"),
        custom_config=LearningInputs(
            model=ModelConfig(module=module, hyperparameters=hyperparameters or {}),
            train=TrainConfig.model_validate({"epochs": 2, "batch_size": 32, "seed": 3, **(train or {})}),
            tuner=TunerConfig(),
            label="label",
            withheld=[],
            code="as it is",
            durable_dir=str(home / "durable"),
        ).to_custom_config(),
    )


def trained(home: Path, **given: Any) -> Path:
    """Trains and exports; gives the folder that holds `run`, `model` and whatever is durable."""
    run_fn(arguments(home, **given))
    return home


def written(home: Path, name: str) -> Any:
    """What a training left in its model run."""
    return json.loads((home / "run" / name).read_text())
