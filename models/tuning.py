"""The Tuner's entry point, the same for every model: searches the model's own space, scored on eval alone."""

import importlib
from typing import Any

import keras
import keras_tuner
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from models.examples import evaluation_batches, training_batches, transformed_feature_spec
from models.training import EVALUATION_BATCH

ALGORITHMS: dict[str, type[keras_tuner.Tuner]] = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "grid": keras_tuner.GridSearch,
}


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """A search over `search_space()` of the model's module; what it does not vary comes from the configuration."""
    config = fn_args.custom_config
    search, budget = config["tuner"], config["train"]
    specs = transformed_feature_spec(tft.TFTransformOutput(fn_args.transform_graph_path), config["label"])
    module = importlib.import_module(config["model"]["module"])

    def build(space: keras_tuner.HyperParameters) -> keras.Model:
        # Every trial starts from the same seed, so trials differ by their hyperparameters alone.
        keras.utils.set_random_seed(budget["seed"])
        return module.build_model({**config["model"]["hyperparameters"], **space.values}, specs[0])

    tuner = ALGORITHMS[search["algorithm"]](
        hypermodel=build,
        objective=keras_tuner.Objective("val_loss", "min"),
        max_trials=search["max_trials"],
        hyperparameters=module.search_space(),
        seed=budget["seed"],
        directory=fn_args.working_dir,
        project_name="search",
        overwrite=True,
    )
    fit: dict[str, Any] = {
        "x": training_batches(fn_args.train_files, specs, budget["batch_size"], budget["seed"]),
        "validation_data": evaluation_batches(fn_args.eval_files, specs, EVALUATION_BATCH),
        "epochs": search["epochs"],
        "verbose": 0,
    }
    return TunerFnResult(tuner=tuner, fit_kwargs=fit)
