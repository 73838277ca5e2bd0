"""Finds in a configuration what Vertex AI or the container image would refuse, without credentials or network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cloud.endpoint.options import check_serving_image
from cloud.errors import unknown_region
from cloud.machines import catalogue, check_accelerator
from cloud.model_registry import LONGEST_ID, model_id_of
from core.errors import SluiceError
from core.text import did_you_mean
from pipeline.config.environment import EnvironmentConfig, TaskConfig
from pipeline.config.paths import ROOT, is_address
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import check_withheld, not_of_this_machine
from registry.contract import is_label
from runners.component_names import NAMES
from runners.vertex.endpoint import endpoint_options
from runners.vertex.labels import labels_of

_MOST_LABELS = 64
_TASK_LABELS = 3  # what a task starts has more than its job: run, task, outputs
_MODEL_LABELS = 6  # and an uploaded model: version, push, candidate, files, commit, gates
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# Only Vertex AI's tasks have a container; what merely looks something up has none.
_TASKS = (*NAMES, "ExitHandler")


def check_preconditions(config: WorkloadConfig, cloud: EnvironmentConfig) -> list[str]:
    """Check what shows before anything is compiled; returns warnings in one sentence each.

    Raises:
      SluiceError: for the first thing that would be refused.
    """
    _check_places(config)
    _check_withheld_by_schema(config)
    _check_notify(config)
    _check_tasks(cloud)
    _check_dataflow(cloud)
    _check_other_regions(cloud)
    _check_labels(labels_of(config, cloud), is_uploaded=cloud.model_registry or cloud.endpoint is not None)
    if cloud.serving_image is not None:
        check_serving_image(cloud.serving_image)
    _check_model_registry(config, cloud)
    endpoint_options(config, cloud)
    serves = cloud.serving_image if cloud.model_registry or cloud.endpoint else None
    images = [cloud.image, *([serves] if serves else [])]
    return [
        *(warning for image in images for warning in _moving_image(image, cloud)),
        *_unseen_rollout(config, cloud),
    ]


def check_job_places(spec: Mapping[str, Any]) -> None:
    """Refuse a compiled specification in which a path of this machine is left.

    Raises:
      SluiceError: with the component and the path.
    """
    own = re.compile(rf"(?<![\w/.~-])({re.escape(str(ROOT))}|{re.escape(str(Path.home()))})/[^\s\"'\\]*")
    for component, parameter, text in _constants(spec):
        if found := own.search(text):
            raise SluiceError(
                f"{component} would be given {found[0]} in `{parameter}`, and that path is on this machine alone.",
                "Put it into the bucket:  gcloud storage cp -r PATH gs://BUCKET/",
            )


def _constants(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Task, parameter and text of every constant."""
    for around in (spec["root"], *spec.get("components", {}).values()):
        for task, given in around.get("dag", {}).get("tasks", {}).items():
            for name, source in given.get("inputs", {}).get("parameters", {}).items():
                constant = source.get("runtimeValue", {}).get("constant")
                if isinstance(constant, str):
                    yield task, name, constant


def _check_places(config: WorkloadConfig) -> None:
    """The image has what is in an installed package; all else must be in a bucket. Of several places of the data, one
    outside this repository and this home may be in the image."""
    data, baseline = config.data, config.evaluator.baseline
    places = [data.source] if isinstance(data.source, str) else data.source
    elsewhere = not_of_this_machine(places) if len(places) > 1 else [each for each in places if is_address(each)]
    if not elsewhere:
        raise _unreachable("data.source", places[0], "--data gs://BUCKET/FOLDER")
    named = {
        "data.serving_log": data.serving_log,
        "evaluator.baseline.saved_model": baseline.saved_model if baseline else None,
    }
    for key, place in named.items():
        if place is not None and not is_address(place):
            raise _unreachable(key, place, f"--set {key}=gs://BUCKET/FOLDER")


def _unreachable(key: str, place: str, option: str) -> SluiceError:
    return SluiceError(
        f"`{key}` names {place}, which the container image would not have.",
        f"Put it into the bucket:  gcloud storage cp -r {place} gs://BUCKET/FOLDER   and name it:  {option}",
    )


def _check_withheld_by_schema(config: WorkloadConfig) -> None:
    """The columns of the schema, where the data themselves cannot be read from here."""
    if config.schema_file is None:
        return
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipeline.components.schema_gen import curated_text

    schema = text_format.Parse(curated_text(config.schema_file), schema_pb2.Schema())
    columns = [feature.name for feature in schema.feature]
    check_withheld(columns, config.data.label, config.prediction, f"the schema {config.schema_file}")


def _check_notify(config: WorkloadConfig) -> None:
    """A task has the environment variables of its image and of Vertex AI, and none of this machine."""
    notify = config.notify
    if notify is None:
        return
    named = {"notify.webhook": None if "://" in notify.webhook else notify.webhook, "notify.secret": notify.secret}
    for key, variable in named.items():
        if variable is not None:
            raise SluiceError(
                f"`{key}` names the environment variable {variable}, which a task on Vertex AI does not have.",
                "Notify without it:  --set notify.webhook=https://… --set notify.secret=null"
                "    Or not at all:  --set notify=null",
            )


def _check_tasks(cloud: EnvironmentConfig) -> None:
    for name in cloud.tasks:
        if name not in _TASKS:
            raise SluiceError(
                f"`tasks` of the environment {cloud.name} names the component `{name}`, which there is not"
                f"{did_you_mean(name, _TASKS)}",
                "All components:  python runners/local_runner.py --list",
            )
    for key, task in {"task": cloud.task, **{f"tasks.{name}": each for name, each in cloud.tasks.items()}}.items():
        _check_accelerator(f"`{key}` of the environment {cloud.name}", task, cloud.region)


def _check_accelerator(where: str, task: TaskConfig, region: str) -> None:
    kind, count = task.accelerator_type, task.accelerator_count
    if bool(kind) != bool(count):
        sentence = f"{where} has an accelerator type and a count of them only together; the type is {kind or 'absent'}"
        raise SluiceError(f"{sentence} and the count {count}.", "In the environment's file:  accelerator_count: 1")
    if kind is None:
        return
    try:
        check_accelerator(kind, region)
    except SluiceError as problem:
        raise SluiceError(f"{where}: {problem.headline}", problem.next_command) from problem


def _check_dataflow(cloud: EnvironmentConfig) -> None:
    wanted = cloud.dataflow
    if wanted.workers > wanted.max_workers:
        raise SluiceError(
            f"`dataflow.workers` of the environment {cloud.name} is {wanted.workers}, more than its `max_workers`, "
            f"{wanted.max_workers}.",
            f"In the environment's file:  max_workers: {wanted.workers}",
        )


def _check_other_regions(cloud: EnvironmentConfig) -> None:
    """Those beside the environment's own."""
    sections = {"training": cloud.training.fallbacks, "tuning.machines": cloud.tuning.machines.fallbacks}
    named = [(f"{key}.fallbacks", "Vertex AI", each.region) for key, every in sections.items() for each in every]
    for key, service, region in [("dataflow", "Dataflow", cloud.dataflow.region), *named]:
        if region is None or region in (cloud.region, *catalogue().regions):
            continue
        if wrong := unknown_region(region, service):
            raise SluiceError(
                f"`{key}.region` of the environment {cloud.name}: {wrong.headline}",
                f"What may stand there:  python runners/local_runner.py --explain environment.{key}",
            )


def _check_labels(labels: Mapping[str, str], is_uploaded: bool) -> None:
    explain = "See:  python runners/local_runner.py --explain environment.labels"
    for key, value in labels.items():
        if not is_label(key, value):
            sentence = f"`{key}: {value}` cannot be a label of Google Cloud: keys and values are up to 63 of a-z, 0-9, "
            raise SluiceError(f"{sentence}_ and -, and a key begins with a letter.", explain)
    more, what = (_MODEL_LABELS, "model") if is_uploaded else (_TASK_LABELS, "job of the Trainer")
    if len(labels) + more > _MOST_LABELS:
        sentence = (
            f"the {what} would have {len(labels) + more} labels, ours among them; Google Cloud takes {_MOST_LABELS}."
        )
        raise SluiceError(sentence, explain)


def _check_model_registry(config: WorkloadConfig, cloud: EnvironmentConfig) -> None:
    if not cloud.model_registry:
        return
    without = "Or upload nothing:  `model_registry: false`"
    wanted = f"`model_registry` of the environment {cloud.name} is true, and"
    if cloud.serving_image is None:
        raise SluiceError(
            f"{wanted} Vertex AI takes no model without the image that serves it: `serving_image` is not set.",
            f"Name our own in the environment's YAML:  `serving_image: REGION-docker.pkg.dev/…`    {without}",
        )
    off = {
        "registry` of the environment": cloud.registry,
        f"registry.enabled` of {config.name}": config.registry.enabled,
    }
    for key, is_on in off.items():
        if not is_on:
            raise SluiceError(f"{wanted} only registered models are uploaded: `{key} is false.", without)
    if len(model_id_of(config.name, cloud.name)) > LONGEST_ID:
        sentence = f"Vertex AI would call the model {model_id_of(config.name, cloud.name)}, and takes {LONGEST_ID}"
        raise SluiceError(f"{wanted} {sentence} characters.", "Shorten:  `name` of the environment")


def _moving_image(image: str, cloud: EnvironmentConfig) -> Iterable[str]:
    """An image by a tag that moves: what runs tomorrow may be another one than was checked today."""
    tag = image.rpartition("/")[2].partition(":")[2] or "latest"
    if _DIGEST.search(image) or tag != "latest":
        return
    sentence = f"the image {image} is named by a tag that moves"
    if cloud.strict_gates:
        command = f"gcloud artifacts docker images describe {image} --format='value(image_summary.digest)'"
        raise SluiceError(f"{sentence}, and {cloud.name} takes a digest or a version alone.", f"Its digest:  {command}")
    yield f"{sentence}; a digest (@sha256:…) or a version keeps what was checked."


def _unseen_rollout(config: WorkloadConfig, cloud: EnvironmentConfig) -> Iterable[str]:
    """The account that Vertex AI takes by itself may write nothing into the bucket."""
    if config.serving.rollout is not None and cloud.endpoint is not None and cloud.endpoint.service_account is None:
        yield (
            "`endpoint.service_account` is not set, so versions cannot record their answers in the bucket: a canary "
            "ends undecided, and waits for a person to approve it."
        )
