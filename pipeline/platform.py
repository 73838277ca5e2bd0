"""What differs between a laptop and Vertex AI. The pipeline page asks no other question about where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.types import BaseChannel, Channel, standard_artifacts

from pipeline.champion import LatestOtherBlessedModel
from pipeline.components.artifacts import Blessing
from pipeline.dataset import Datasets


@dataclass(frozen=True)
class Platform:
    """Where a pipeline runs and where its things are kept.

    `code` gives a hash of the source of modules and of all they import, so that edited code is never answered from
    the cache.
    `champion` makes the node that finds the model that the candidate must not fall behind.
    """

    artifact_root: str
    serving_directory: str
    datasets: Datasets
    code: Callable[..., str]
    champion: Callable[[BaseChannel], Resolver]
    reuse: bool = True
    strict: bool = False  # whether gates refuse in doubt, whatever the workload's configuration says
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    beam_arguments: list[str] = field(default_factory=list)
    registry_directory: str | None = None  # where blessed models are kept; None: nowhere
    provenance: Mapping[str, str | None] = field(default_factory=dict)  # git_commit and lock_hash


def _blessed_model_channels() -> dict[str, BaseChannel]:
    return {
        "model": Channel(type=standard_artifacts.Model),
        "model_blessing": Channel(type=standard_artifacts.ModelBlessing),
    }


def latest_other_blessed_model(candidate: BaseChannel) -> Resolver:
    """The newest blessed and proven model that is not the candidate itself: a second, unchanged run compares as the
    first did."""
    return Resolver(
        strategy_class=LatestOtherBlessedModel,
        candidate=candidate,
        gate_blessing=Channel(type=Blessing),
        **_blessed_model_channels(),
    ).with_id("ChampionResolver")


def latest_blessed_model(candidate: BaseChannel) -> Resolver:  # noqa: ARG001
    """The newest blessed model, by the one strategy that Vertex AI knows; it looks neither at the candidate nor at what
    the ModelGate said."""
    return Resolver(strategy_class=LatestBlessedModelStrategy, **_blessed_model_channels()).with_id("ChampionResolver")
