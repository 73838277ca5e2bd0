"""One contender of training_throughput in a separate process: prints the images a second of its whole `fit`, and those
a second of processor time, which other processes of the machine disturb less."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

import models.training.run
from models.features import FeatureSpec, transformed_feature_spec
from models.training.batches import evaluation_batch
from models.training.build import STEPS_PER_EXECUTION
from models.training.examples import evaluation_batches
from pipeline.component_inputs import LearningInputs
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.workload import ModelConfig

LABEL, SEED = "label", 7
SPLITS = ("train", "eval")


def files(artifacts: str, split: str) -> list[str]:
    """The files that Transform wrote for a split."""
    [folder] = Path(artifacts).glob(f"*/artifacts/Transform/transformed_examples/*/Split-{split}")
    return [f"{folder}/*"]


def specs(artifacts: str) -> tuple[str, tuple[FeatureSpec, FeatureSpec]]:
    """The path of the transformation's graph, and the specs of its output."""
    [graph] = Path(artifacts).glob("*/artifacts/Transform/transform_graph/*")
    return str(graph), transformed_feature_spec(tft.TFTransformOutput(str(graph)), LABEL)


def in_memory(artifacts: str, split: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features and labels of a split as NumPy arrays."""
    found = list(evaluation_batches(files(artifacts, split), specs(artifacts)[1], 4096).as_numpy_iterator())
    features = {name: np.concatenate([batch[name] for batch, _ in found]) for name in found[0][0]}
    return features, np.concatenate([labels for _, labels in found])


class Stopwatch:
    """Wall and processor seconds of a `with`."""

    def __enter__(self) -> Stopwatch:
        self._wall, self._processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = (time.perf_counter() - self._wall, time.process_time() - self._processor)


def bare(setting: dict[str, Any], steps: int) -> Stopwatch:
    """The usual loop of Keras, with `steps` at a time (Keras's default is 1)."""
    _, (features, _) = specs(setting["artifacts"])
    train, evaluation = (in_memory(setting["artifacts"], split) for split in SPLITS)
    keras.utils.set_random_seed(SEED)
    model = importlib.import_module(setting["module"]).build_model({}, features)
    model.steps_per_execution = steps
    with Stopwatch() as watch:
        model.fit(
            *train,
            batch_size=setting["batch_size"],
            epochs=setting["epochs"],
            validation_data=evaluation,
            validation_batch_size=evaluation_batch(features),
            verbose=0,
        )
    return watch


def trainer(setting: dict[str, Any], home: str) -> Stopwatch:
    """`run_fn` as the component calls it, timed around its `fit`."""
    graph, _ = specs(setting["artifacts"])
    watch, fit = Stopwatch(), keras.Model.fit

    def timed(*given: Any, **named: Any) -> Any:
        with watch:
            return fit(*given, **named)

    keras.Model.fit = timed
    train_config = TrainConfig(
        epochs=setting["epochs"], batch_size=setting["batch_size"], seed=SEED, early_stopping_patience=0
    )
    models.training.run.run_fn(
        FnArgs(
            train_files=files(setting["artifacts"], "train"),
            eval_files=files(setting["artifacts"], "eval"),
            transform_graph_path=graph,
            model_run_dir=f"{home}/run",
            serving_model_dir=f"{home}/model",
            custom_config=LearningInputs(
                model=ModelConfig(module=setting["module"]),
                train=train_config,
                tuner=TunerConfig(),
                label=LABEL,
                withheld=[],
                code="",
                durable_dir=f"{home}/durable",
            ).to_custom_config(),
        )
    )
    return watch


def main() -> None:
    """The command."""
    name, setting = sys.argv[1], json.loads(sys.argv[2])
    if name == "Trainer":
        with tempfile.TemporaryDirectory() as home:
            watch = trainer(setting, home)
    else:
        watch = bare(setting, STEPS_PER_EXECUTION if "steps" in name else 1)
    images = setting["epochs"] * len(in_memory(setting["artifacts"], "train")[1])
    print(json.dumps([images / seconds for seconds in watch.seconds]))


if __name__ == "__main__":
    main()
