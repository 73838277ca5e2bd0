"""Finds the model to beat: here the one blessed and proven last that is not the candidate itself, on Vertex AI the one
that the registry has in production."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ml_metadata import MetadataStore
from tfx.components.evaluator import constants
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.io import fileio
from tfx.types import Artifact, BaseChannel, Channel, standard_artifacts

from core.errors import SluiceError
from pipeline.artifacts.blessings import Blessing, is_blessed
from pipeline.config.paths import is_address
from pipeline.config.workload import WorkloadConfig
from serving.version_folder import fingerprint_of

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.types import BaseChannel

    from pipeline.platform import Platform

Artifacts = dict[str, list[Artifact]]


class LatestOtherBlessedModel(ResolverStrategy):
    """Resolves `model` and `model_blessing` to the newest positive blessing of a model that is not `candidate` and that
    one of `gate_blessing` proves sound: a model that the ModelGate refused is not compared with, however good its
    figures.

    A later refusal of the same model changes nothing: it may come from a run that tried a stricter threshold, and the
    model is still served.

    TFX's LatestBlessedModelStrategy also finds the candidate once it has been blessed; an unchanged second run would
    then compare the model with itself, and evaluate anew instead of reusing what the first run found.
    """

    def resolve_artifacts(self, store: MetadataStore, input_dict: Artifacts) -> Artifacts:  # noqa: ARG002
        """Keys without a match are empty: there is no model to compare the first one with."""
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in _positive(input_dict["model_blessing"])
        }
        # The gates of the data write artifacts of the same type, which name no model.
        proofs = {
            proof.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY): proof
            for proof in _positive(input_dict["gate_blessing"])
        }
        blessed = [
            (blessings[model.id], model)
            for model in input_dict["model"]
            if model.id not in candidates
            and model.id in blessings
            and model.uri in proofs
            and fileio.exists(model.uri)  # old runs may have been removed
        ]
        # By blessing, not by model: a reused model that was blessed again is the latest one.
        newest = max(blessed, key=lambda pair: pair[0].id, default=None)
        return {
            "model": [newest[1]] if newest else [],
            "model_blessing": [newest[0]] if newest else [],
            "gate_blessing": [proofs[newest[1].uri]] if newest else [],
            "candidate": input_dict["candidate"],
        }


def _positive(blessings: list[Artifact]) -> list[Artifact]:
    """The positive blessings, the newest last."""
    return sorted(filter(is_blessed, blessings), key=lambda blessing: blessing.id)


def champion_of(config: WorkloadConfig, platform: Platform, schema: BaseChannel, candidate: BaseChannel) -> BaseNode:
    """The node that resolves the model that the candidate must not fall behind: the one from outside that the
    configuration names, else the last blessed one.

    Raises:
      SluiceError: when the one from outside is on this machine and the pipeline is to run on others.
    """
    baseline = config.evaluator.baseline
    if baseline is None or baseline.saved_model is None:
        return platform.champion(candidate)
    if "://" in platform.artifact_root and not is_address(baseline.saved_model):
        path = baseline.saved_model
        raise SluiceError(
            f"`evaluator.baseline.saved_model` names {path}, a folder of this machine, and the job runs on others.",
            f"Copy it and name the copy:  gcloud storage cp -r {path} {platform.artifact_root}/baseline",
        )
    from pipeline.components.outside_model import OutsideModel  # most workloads name none

    return OutsideModel(
        schema=schema,
        config=baseline.to_property(),
        fingerprint=fingerprint_of(baseline.saved_model),
        code=platform.code("pipeline.components.outside_model"),
    )


def latest_other_blessed_model(candidate: BaseChannel) -> Resolver:
    """The newest blessed and proven model that is not the candidate itself: a second, unchanged run compares as the
    first did."""
    return Resolver(
        strategy_class=LatestOtherBlessedModel,
        candidate=candidate,
        gate_blessing=Channel(type=Blessing),
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("ChampionResolver")


def model_in_production(registry: str, workload: str, code: Callable[..., str]) -> Callable[[BaseChannel], BaseNode]:
    """What makes the node that takes the model in production from the registry at the place `registry`; where that is
    empty there is no model to beat. The candidate is not looked at: it may be that very model again, unchanged."""

    def champion(candidate: BaseChannel) -> BaseNode:  # noqa: ARG001
        from pipeline.components.champion import Champion  # local runs resolve theirs

        return Champion(registry=registry, workload=workload, code=code("pipeline.components.champion"))

    return champion
