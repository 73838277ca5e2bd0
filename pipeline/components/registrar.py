"""Registers a model that every gate has blessed, and no other, with the files that describe it.

It applies the Pusher's rule: where a blessing is absent, withdrawn, negative or of another model, nothing is registered
and the registry does not change.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from core.strict import Strict
from gates.data.declared import PredictionConfig
from models.export.structure import structure_of
from pipeline.artifacts.blessings import RegisteredModel, read_report
from pipeline.artifacts.evaluation import ReferencesArtifact, read_evaluation, read_references
from pipeline.artifacts.examples import facts_of
from pipeline.artifacts.model_run import read_built, read_training
from pipeline.artifacts.request_times import read_request_times
from pipeline.components.gate import Artifacts, after_gates, candidate_of, reasons_of, reports_of
from pipeline.config.data import DataConfig, SplitConfig
from pipeline.config.training import TrainConfig
from pipeline.config.workload import RegistryConfig
from registry.backends import registry_at
from registry.contract import RegisteredVersion, Submission
from registry.recipe import Settings
from registry.run_configuration import CardFacts, Provenance, RecipeSettings
from registry.version_files import write_files
from registry.version_recipe import environment_of, labels_of, recipe_of
from registry.version_record import RequestTimes, VersionRecord
from serving.version_folder import local_copy

if TYPE_CHECKING:
    from pipeline.config.workload import WorkloadConfig
    from pipeline.platform import Platform

REGISTERED_BEFORE = "the very model that it was before"
# Keys for the place of the rows and how to fetch them; the data's fingerprint identifies the rows.
_WHERE = ("source", "fetch", "serving_log")
# Seed and machine are no choices about the model.
_NOT_CHOSEN = ("seed", "accelerator")


class RegistrarInputs(Strict):
    """The inputs of the Registrar: the configuration that made or explains the model, and the run's provenance."""

    gates: list[str]
    """Those whose blessings it needs."""
    place: str
    """Where the registry is."""
    name: str
    data: DataConfig
    prediction: PredictionConfig
    split: SplitConfig
    train: TrainConfig
    registry: RegistryConfig
    headline: list[str]
    """The metric in a version's label; none or one."""
    provenance: Provenance

    @classmethod
    def of(cls, config: WorkloadConfig, platform: Platform, gates: Iterable[str], place: str) -> RegistrarInputs:
        """From the workload and the platform."""
        modules = ("pipeline.features", config.preprocessing.module, "models.training.run", config.model.module)
        provenance = Provenance(
            **platform.provenance,
            data_fingerprint=platform.datasets.current.fingerprint,
            code=platform.code(*modules),
            seed=config.train.seed,
        )
        return cls(
            gates=sorted(gates),
            place=place,
            name=config.name,
            data=config.data,
            prediction=config.prediction,
            split=config.split,
            train=config.train,
            registry=config.registry,
            headline=list(config.evaluator.metrics[:1]),
            provenance=provenance,
        )

    def recipe_settings(self) -> RecipeSettings:
        """What makes the model, in the order of the names, as the registry compares and shows it."""
        return RecipeSettings(
            data=_settings_of(self.data, _WHERE),
            prediction=_settings_of(self.prediction),
            split=_settings_of(self.split),
            train=_settings_of(self.train, _NOT_CHOSEN),
        )

    def card_facts(self) -> CardFacts:
        """What the model card takes from the configuration."""
        return CardFacts(
            purpose=self.registry.purpose,
            limits=tuple(self.registry.limits),
            label=self.data.label,
            label_expression=self.data.label_expression,
            made_at=self.prediction.made_at,
            withheld=tuple(self.prediction.withheld_columns()),
            split_by=self.split.by,
            split_column=self.split.column,
            entity_key=self.data.entity_key,
        )


class RegistrarExecutor(base_executor.BaseExecutor):
    """Refuses or registers; a refusal is a success that does not change the registry."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Stores the result on the output artifact; when registered, its URI is the version's folder."""
        given = RegistrarInputs.from_property(exec_properties["config"])
        candidate = candidate_of(input_dict, given.gates)
        registered = artifact_utils.get_single_instance(output_dict["registered"])
        registered.set_int_custom_property("registered", int(not candidate.refused))
        if candidate.refused:
            registered.set_string_custom_property("reason", reasons_of(candidate.refused))
            return
        record = version_record_of(input_dict, given)
        registry = registry_at(given.place)
        known = {version.version for version in registry.versions(given.name)}
        with local_copy(candidate.saved_model) as here:
            found = registry.register(
                Submission(
                    model=given.name,
                    saved_model=here,
                    recipe=record.recipe,
                    figures=record.figures,
                    labels=labels_of(given.headline, record.figures),
                    describe=lambda folder, numbered: write_files(folder, record, numbered),
                )
            )
        registered.set_string_custom_property("registry", registry.place)
        _tell(registered, found, is_new=found.version not in known)


def version_record_of(inputs: Artifacts, given: RegistrarInputs) -> VersionRecord:
    """The record of the model from all outputs of the run."""
    given = _with_fingerprint(given, artifact_utils.get_single_instance(inputs["examples"]))
    model_run = artifact_utils.get_single_uri(inputs["model_run"])
    structure = structure_of(artifact_utils.get_single_uri(inputs["transform_graph"]), model_run)
    evaluation = read_evaluation(artifact_utils.get_single_uri(inputs["evaluation"]))
    references = [reference for each in inputs.get("references") or [] for reference in read_references(each.uri)]
    reports = [report.uri for report in reports_of(inputs, given.gates)]
    return VersionRecord(
        recipe=recipe_of(given.recipe_settings(), given.provenance, structure, read_built(model_run).in_effect),
        card=given.card_facts(),
        rows=facts_of(artifact_utils.get_single_instance(inputs["examples"])).rows,
        evaluation=dataclasses.replace(evaluation, references=tuple(references)),
        gates=tuple(read_report(uri) for uri in reports),
        request_times=_request_times(reports),
        training=read_training(model_run),
        environment=environment_of(given.provenance),
    )


def _settings_of(section: Strict, without: Sequence[str] = ()) -> Settings:
    """A section as plain values in the order of their names."""
    settings: Settings = json.loads(section.to_property())
    return {name: value for name, value in settings.items() if name not in without}


def _with_fingerprint(given: RegistrarInputs, examples: types.Artifact) -> RegistrarInputs:
    """Where the files were not hashed when the pipeline was made, ingest has hashed those that it found."""
    known = given.provenance.data_fingerprint or facts_of(examples).data_fingerprint
    provenance = given.provenance.model_copy(update={"data_fingerprint": known})
    return given.model_copy(update={"provenance": provenance})


def _request_times(reports: list[str]) -> RequestTimes | None:
    """The request times of the one gate that measured them."""
    return next((times for uri in reports if (times := read_request_times(uri))), None)


def _tell(registered: types.Artifact, found: RegisteredVersion, is_new: bool) -> None:
    """TFX reuses a cached execution while its outputs' URIs exist: when the version was deleted, the next run
    registers the model again."""
    registered.uri = found.location
    properties = dataclasses.asdict(found) if is_new else {**dataclasses.asdict(found), "reason": REGISTERED_BEFORE}
    for name in ("model", "version", "reason", "digest"):
        registered.set_string_custom_property(name, properties[name])


class RegistrarSpec(ComponentSpec):
    """Model and what was found out about it in; registered version out. Blessings and reports are added per pipeline,
    for an absent blessing must reach the executor to be refused."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "config": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "references": ChannelParameter(type=ReferencesArtifact, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"registered": ChannelParameter(type=RegisteredModel)}


class Registrar(base_component.BaseComponent):
    """Adds the model to the registry when every gate blessed it."""

    SPEC_CLASS = RegistrarSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RegistrarExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        transform_graph: types.BaseChannel,
        examples: types.BaseChannel,
        evaluation: types.BaseChannel,
        references: types.BaseChannel,
        blessings: Mapping[str, types.BaseChannel],
        reports: Mapping[str, types.BaseChannel],
        config: RegistrarInputs,
        code: str = "",
    ) -> None:
        """`blessings` and `reports`: the gates' channels by the gates' names; `code` only makes a new cache key."""
        super().__init__(
            after_gates(
                RegistrarSpec,
                blessings,
                reports,
                model=model,
                model_run=model_run,
                transform_graph=transform_graph,
                examples=examples,
                evaluation=evaluation,
                references=references,
                config=config.to_property(),
                code=code,
            )
        )


def registrar_of(
    config: WorkloadConfig,
    platform: Platform,
    gates: Mapping[str, BaseNode],
    example_gen: BaseNode,
    transform: BaseNode,
    trainer: BaseNode,
    references: BaseNode,
) -> Registrar | None:
    """The Registrar that needs the blessing of all `gates`; None where nothing is registered by configuration, or where
    there is no registry."""
    if not config.registry.enabled or platform.registry_directory is None:
        return None
    return Registrar(
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        transform_graph=transform.outputs["transform_graph"],
        examples=example_gen.outputs["examples"],
        evaluation=gates["Evaluator"].outputs["evaluation"],
        references=references.outputs["references"],
        blessings={name: gate.outputs["blessing"] for name, gate in gates.items()},
        reports={name: gate.outputs["report"] for name, gate in gates.items()},
        config=RegistrarInputs.of(config, platform, gates, platform.registry_directory),
        code=platform.code("pipeline.components.registrar"),
    )
