"""A trial in a container of a Vertex AI hyperparameter tuning job.

`python -m models.search.cloud_trial --workshop gs://… --learning_rate=0.01 …` trains as a trial of our own search does,
reports the loss on eval after each epoch by cloudml-hypertune, and leaves its outcome in a file beside the workshop.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import hypertune
import tensorflow as tf

from core.errors import SluiceError
from core.printable import show_error
from models.search.fitting import Workshop
from models.search.space import typed_values
from models.search.trial import OBJECTIVE, Curves, Task, TrialOutcome, outcome_file
from models.search.worker import in_one_line

_TRIAL = "CLOUD_ML_TRIAL_ID"


def main(arguments: Sequence[str]) -> int:
    """Run one trial; 0 when it came to its last epoch.

    Raises:
      SluiceError: when the arguments are not values of the model's search space.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--workshop", required=True, help="The settings that all trials share: a JSON file.")
    known, others = parser.parse_known_args(arguments)
    trial = os.environ.get(_TRIAL, "0")
    with tf.io.gfile.GFile(known.workshop) as file:
        workshop = Workshop.of_json(json.loads(file.read()))
    space = importlib.import_module(workshop.config.model.module).search_space()
    values = typed_values(space, _named(others))
    outcome = _run(workshop, int(trial), values, outcome_file(known.workshop, trial))
    if outcome.state == "failed":
        show_error(f"trial {trial} failed: {outcome.reason}")
    return int(outcome.state == "failed")


def _run(workshop: Workshop, number: int, values: Mapping[str, Any], file: str) -> TrialOutcome:
    """Trains, and writes the outcome after each epoch: the service stops a poor trial by ending its container."""
    reporter, start = hypertune.HyperTune(), time.monotonic()
    seen: Curves = {}

    def after_epoch(curves: Curves) -> bool:
        seen.update({name: list(figures) for name, figures in curves.items()})
        step = len(curves[OBJECTIVE])
        reporter.report_hyperparameter_tuning_metric(OBJECTIVE, curves[OBJECTIVE][-1], step)
        _write(TrialOutcome("stopped", seen, time.monotonic() - start, "the service ended it"), file)
        return True

    try:
        workshop.train(Task(number, dict(values), workshop.config.tuner.epochs), None, None, after_epoch)
        outcome = TrialOutcome("completed", seen, time.monotonic() - start)
    except Exception as problem:  # a fault of one trial must not end the others
        outcome = TrialOutcome("failed", seen, time.monotonic() - start, in_one_line(problem))
    _write(outcome, file)
    return outcome


def _write(outcome: TrialOutcome, file: str) -> None:
    with tf.io.gfile.GFile(file, "w") as stream:
        stream.write(json.dumps(asdict(outcome)))


def _named(arguments: Sequence[str]) -> dict[str, str]:
    """`--name=value` and `--name value`, as the service appends them."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    if len(words) % 2:
        raise SluiceError(f"the hyperparameter {words[-1]} has no value.")
    return {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SluiceError as problem:
        show_error(problem)
        sys.exit(problem.exit_code)
