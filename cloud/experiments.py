"""Writes what a run was and how it came out into Vertex AI Experiments. No TensorBoard is made unless one is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from google.api_core import exceptions
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import types

from cloud.calls import PATIENCE, Patience, tried
from cloud.client_messages import register_client_messages
from cloud.place import Place
from core.errors import SluiceError

Value: TypeAlias = str | int | float
Ending: TypeAlias = Literal["COMPLETE", "FAILED", "CANCELLED"]


def record_run(
    project: str,
    region: str,
    experiment: str,
    run_name: str,
    parameters: Mapping[str, Value | None],
    metrics: Mapping[str, float | None],
    tensorboard: str | None = None,
    patience: Patience = PATIENCE,
    ending: Ending = "COMPLETE",
) -> None:
    """Write a run with its parameters and metrics; the experiment is made when it is not there.

    A second call for the same run, as after a retry, writes over what the first one wrote.

    Args:
      project: the project of the experiment.
      region: its region.
      experiment: its name.
      run_name: the run's name; unique in the experiment.
      parameters: what the run was started with, e.g. the fingerprint of its data; None is left out.
      metrics: how it came out; None is left out.
      tensorboard: an existing instance by number or resource name, for curves; None: none.
      patience: how long an outage is sat out.
      ending: the state in which the run is shown.

    Raises:
      SluiceError: when Vertex AI refuses it, or there is no such TensorBoard.
    """
    register_client_messages()
    place = Place(project, region)

    def write() -> None:
        run = _run(experiment, run_name, tensorboard, place)
        run.log_params({key: value for key, value in parameters.items() if value is not None})
        run.log_metrics({key: value for key, value in metrics.items() if value is not None})
        run.update_state(types.Execution.State[ending])

    tried(write, f"the run {run_name} cannot be written to the experiment {experiment}", place, patience)


def _run(experiment: str, name: str, tensorboard: str | None, place: Place) -> aiplatform.ExperimentRun:
    """The run of an earlier try, or a new one."""
    where = {"project": place.project, "location": place.region}
    # Not aiplatform.init(experiment=…): that makes a default TensorBoard, which costs money.
    parent = aiplatform.Experiment.get_or_create(experiment, **where)
    try:
        return aiplatform.ExperimentRun(name, parent, **where)
    except exceptions.NotFound:
        board = _tensorboard(tensorboard, place) if tensorboard else None
        return aiplatform.ExperimentRun.create(name, experiment=parent, tensorboard=board, **where)


def _tensorboard(name: str, place: Place) -> aiplatform.Tensorboard:
    try:
        return aiplatform.Tensorboard(name, project=place.project, location=place.region)
    except exceptions.NotFound as problem:
        sentence = f"there is no TensorBoard {name} in {place}."
        command = f"gcloud ai tensorboards list --project={place.project} --region={place.region}"
        raise SluiceError(sentence, f"Those that are there:  {command}") from problem
