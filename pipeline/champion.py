"""Finds the model to beat: the one that the registry has in production, here by a lookup and on Vertex AI by a
component."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator import constants
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.types import Artifact, BaseChannel, Channel, standard_artifacts
from tfx.utils import path_utils

from core.errors import SluiceError
from pipeline.artifacts.blessings import Blessing, RegisteredModel, is_blessed
from pipeline.artifacts.judged import says_what_was_judged, was_judged
from pipeline.artifacts.missing import mark_missing, place_of_missing
from pipeline.config.paths import is_address
from pipeline.config.workload import WorkloadConfig
from pipeline.platform import ChampionPlaces
from registry.backends import registry_at
from registry.contents import contents_of
from registry.contract import RegisteredVersion
from registry.index import MODEL_FOLDER, altered_version
from serving.local.state import StateFile
from serving.version_folder import fingerprint_of

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.types import BaseChannel

    from pipeline.platform import Platform

Artifacts = dict[str, list[Artifact]]
_NODE = "ChampionResolver"


class ModelToBeat(ResolverStrategy):
    """Resolves `model` to the model that is served: the version of `name` in production in the registry at `registry`,
    a folder; without such a version, to the newest positive blessing of a model that is not `candidate` and that one of
    `gate_blessing` proves sound: a model that the ModelGate refused is not compared with, however good its figures.

    The candidate itself may be in production: then to what it was compared with when it was blessed, so that an
    unchanged second run compares as the first did and is reused. A model whose files are not those that were judged is
    taken from the registry again, into `folder`. Where that cannot be, the artifact gives the reason, and the Evaluator
    refuses. So it does where the folder of versions `serving` holds one that neither the registry nor a blessing names:
    both were lost, and what is served is not nothing.

    A later refusal of the same model changes nothing: it may come from a run that tried a stricter threshold, and the
    model is still served.
    """

    def __init__(self, registry: str = "", name: str = "", folder: str = "", serving: str = "") -> None:
        self._registry = registry
        self._name = name
        self._folder = folder
        self._serving = serving

    def resolve_artifacts(self, store: MetadataStore, input_dict: Artifacts) -> Artifacts:
        """`model` without a match is empty: there is no model to compare the first one with."""
        try:
            found = self._found(store, input_dict)
        except SluiceError as problem:
            found = self._missing(store, problem.headline)
        return {
            "model": [found] if found else [],
            "model_blessing": [],
            "gate_blessing": [],
            "candidate": input_dict["candidate"],
        }

    def _found(self, store: MetadataStore, given: Artifacts) -> Artifact | None:
        production = self._production()
        if production is None:
            return self._blessed_last(store, given) or self._served_unknown(store, given)
        known = _models_registered_as(store, production)
        if any(artifact.id in known for artifact in given["candidate"]):
            return _compared_with(given)
        registry = registry_at(self._registry)
        if alteration := registry.alteration(production):
            raise altered_version(self._name, production.version, production.location, alteration)
        files = contents_of(Path(production.location) / MODEL_FOLDER)
        for model in given["model"]:
            if model.id in known and _holds(model.uri, files):
                return model
        return self._taken_from_registry(store, production, files)

    def _production(self) -> RegisteredVersion | None:
        return registry_at(self._registry).in_production(self._name) if self._registry else None

    def _taken_from_registry(
        self, store: MetadataStore, version: RegisteredVersion, files: Mapping[str, str]
    ) -> Artifact:
        uri = posixpath.join(self._folder, f"{version.version}-{version.digest[:16]}")
        if not _holds(uri, files):
            shutil.rmtree(uri, ignore_errors=True)
            shutil.copytree(Path(version.location) / MODEL_FOLDER, path_utils.serving_model_dir(uri))
        model = standard_artifacts.Model()
        model.uri = uri
        model.set_string_custom_property("version", version.version)
        return _stored(store, model)

    def _blessed_last(self, store: MetadataStore, given: Artifacts) -> Artifact | None:
        newest = _newest_blessed(given)
        if newest is None:
            return None
        model, proof = newest
        if was_judged(proof, model.uri):
            return model
        last = f"The model that was blessed last, {model.uri},"
        if says_what_was_judged(proof):
            return self._missing(store, f"{last} is gone or not what was judged.")
        return self._missing(store, f"{last} may be another now: its blessing, by an older Sluice, has no hashes.")

    def _served_unknown(self, store: MetadataStore, given: Artifacts) -> Artifact | None:
        """What stands for the version that is served, of which no record is left; None when nothing is, or when it is
        the candidate itself."""
        folder = Path(self._serving)
        version = StateFile(folder, self._name).newest_version() if self._serving else None
        if version is None or any(_holds(each.uri, contents_of(folder / version)) for each in given["candidate"]):
            return None
        neither = "neither has the registry a version in production nor the metadata store another blessed model"
        return self._missing(store, f"Version {version} in {folder} was pushed before, and {neither}.")

    def _missing(self, store: MetadataStore, reason: str) -> Artifact:
        model = standard_artifacts.Model()
        model.uri = place_of_missing(reason, self._folder)
        mark_missing(model, reason)
        return _stored(store, model)


def _newest_blessed(given: Artifacts) -> tuple[Artifact, Artifact] | None:
    """The model other than the candidate that was blessed and proven last, with its proof."""
    candidates = {artifact.id for artifact in given["candidate"]}
    blessings = _by_model(given)
    # The gates of the data write artifacts of the same type, which name no model.
    proofs = {
        proof.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY): proof
        for proof in _positive(given["gate_blessing"])
    }
    blessed = [
        (blessings[model.id].id, model, proofs[model.uri])
        for model in given["model"]
        if model.id not in candidates and model.id in blessings and model.uri in proofs
    ]
    # By blessing, not by model: a reused model that was blessed again is the latest one.
    newest = max(blessed, key=lambda each: each[0], default=None)
    return newest[1:] if newest else None


def _compared_with(given: Artifacts) -> Artifact | None:
    """What the candidate, which is in production, was compared with when it was blessed last; None when that was
    nothing, or is no more what it was: there is nothing to fall behind."""
    [candidate] = given["candidate"]
    blessing = _by_model(given).get(candidate.id)
    if blessing is None:
        return None
    before = blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY)
    found = next((model for model in given["model"] if before and model.id == before), None)
    return found if found is not None and was_judged(blessing, found.uri) else None


def _by_model(given: Artifacts) -> dict[int, Artifact]:
    """The newest positive blessing of each model by the model's id."""
    return {
        blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
        for blessing in _positive(given["model_blessing"])
    }


def _positive(blessings: list[Artifact]) -> list[Artifact]:
    """The positive blessings, the newest last."""
    return sorted(filter(is_blessed, blessings), key=lambda blessing: blessing.id)


def _models_registered_as(store: MetadataStore, version: RegisteredVersion) -> set[int]:
    """The ids of the artifacts that were registered as this version, or found to be it."""
    registered = [
        artifact.id
        for artifact in store.get_artifacts_by_type(RegisteredModel.TYPE_NAME)
        if artifact.custom_properties["digest"].string_value == version.digest
        and artifact.custom_properties["version"].string_value == version.version
    ]
    given = store.get_events_by_artifact_ids(registered) if registered else []
    executions = sorted({event.execution_id for event in given if event.type == metadata_store_pb2.Event.OUTPUT})
    taken = store.get_events_by_execution_ids(executions) if executions else []
    return {
        event.artifact_id
        for event in taken
        if event.type == metadata_store_pb2.Event.INPUT and [step.key for step in event.path.steps][:1] == ["model"]
    }


def _holds(uri: str, files: Mapping[str, str]) -> bool:
    """Whether the model in an artifact has exactly these files."""
    return contents_of(Path(path_utils.serving_model_dir(uri))) == files


def _stored(store: MetadataStore, model: Artifact) -> Artifact:
    """The artifact as the store has it: the one at this place, or a new one."""
    known = [each for each in store.get_artifacts_by_uri(model.uri) if each.state == metadata_store_pb2.Artifact.LIVE]
    if known:
        model.set_mlmd_artifact(known[-1])
        return model
    model.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
    model.type_id = store.put_artifact_type(model.artifact_type)
    [model.id] = store.put_artifacts([model.mlmd_artifact])
    return model


def champion_of(config: WorkloadConfig, platform: Platform, schema: BaseChannel, candidate: BaseChannel) -> BaseNode:
    """The node that resolves the model that the candidate must not fall behind: the one from outside that the
    configuration names, else the last blessed one.

    Raises:
      SluiceError: when the one from outside is on this machine and the pipeline is to run on others.
    """
    baseline = config.evaluator.baseline
    if baseline is None or baseline.saved_model is None:
        return platform.champion(candidate, _places_of(config, platform))
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


def _places_of(config: WorkloadConfig, platform: Platform) -> ChampionPlaces:
    folder = posixpath.join(platform.artifact_root, _NODE, "model")
    registry = platform.registry_directory if config.registry.enabled else None
    places = {"registry": registry or "", "serving": platform.serving_directory}
    here = {name: "" if is_address(place) else place for name, place in places.items()}
    return ChampionPlaces(name=config.name, folder=folder, **here)


def model_to_beat(candidate: BaseChannel, places: ChampionPlaces) -> Resolver:
    """The model that is served, or else the newest blessed and proven one that is not the candidate itself."""
    return Resolver(
        strategy_class=ModelToBeat,
        config=asdict(places),
        candidate=candidate,
        gate_blessing=Channel(type=Blessing),
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id(_NODE)


def model_in_production(
    registry: str, workload: str, code: Callable[..., str], serving: str = ""
) -> Callable[[BaseChannel, ChampionPlaces], BaseNode]:
    """What makes the node that takes the model in production from the registry at the place `registry`; where that is
    empty there is no model to beat, unless the folder of versions `serving` holds one. The candidate is not looked at:
    it may be that very model again, unchanged."""

    def champion(candidate: BaseChannel, places: ChampionPlaces) -> BaseNode:  # noqa: ARG001
        from pipeline.components.champion import Champion  # local runs resolve theirs

        return Champion(
            registry=registry, workload=workload, serving=serving, code=code("pipeline.components.champion")
        )

    return champion
