"""The differences between one machine and Vertex AI. The pipeline page depends on the platform only through these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from pipeline.datasets import Datasets


@dataclass(frozen=True)
class Elsewhere:
    """Where the Trainer's or the Tuner's work is done if not in its own task: `executor` hands it over, and finds
    `custom_config` beside the component's own."""

    executor: type[BaseExecutor]
    custom_config: Mapping[str, Any]


@dataclass(frozen=True)
class ChampionPlaces:
    """Where the model to beat is looked up here: `registry`, the place of the registry, empty where there is none;
    `name`, of its versions; `folder`, for a model that has to be taken from it again; `serving`, the folder of versions
    that are served."""

    registry: str = ""
    name: str = ""
    folder: str = ""
    serving: str = ""


@dataclass(frozen=True)
class RolloutPlaces:
    """`endpoint`: the place of the endpoint that pushed versions are rolled out at, as `serving.backends.endpoint_at`
    takes it; `records`: the output folder in which rollouts are recorded; `uploads`: whether versions in production are
    in the model registry of the endpoint's cloud, too."""

    endpoint: str
    records: str
    uploads: bool = False


@dataclass(frozen=True)
class Platform:
    """Where a pipeline runs and where its outputs are stored.

    `code` gives a hash of the source of modules and of all that they import, so that edited code is not taken from the
    cache.
    `champion` makes the node that finds the model that the candidate must not fall behind, from the candidate and the
    places to look in.
    """

    artifact_root: str
    serving_directory: str
    datasets: Datasets
    code: Callable[..., str]
    champion: Callable[[BaseChannel, ChampionPlaces], BaseNode]
    reuse: bool = True
    strict: bool = False  # whether gates refuse in doubt, whatever the workload's configuration says
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    beam_arguments: list[str] = field(default_factory=list)
    training: Elsewhere | None = None  # None: in the Trainer's own task
    search: Elsewhere | None = None  # None: in the Tuner's own task
    registry_directory: str | None = None  # where blessed models are kept; None: nowhere
    rollout: RolloutPlaces | None = None  # None: there is no endpoint, and a push is the end
    provenance: Mapping[str, str | None] = field(default_factory=dict)  # git_commit and lock_hash
