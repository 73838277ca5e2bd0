"""The pipeline from raw data to an endpoint: the same page for every workload and every runner."""

from __future__ import annotations

from tfx.components import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.placeholder.placeholder import Predicate
from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel

from pipeline.champion import champion_of
from pipeline.component_inputs import EvaluatorInputs, GateInputs, LearningInputs, ReferencesInputs, ValidatorInputs
from pipeline.components.data_gate import DataGate
from pipeline.components.evaluator import Evaluator
from pipeline.components.example_gen import ExampleGen
from pipeline.components.example_validator import ExampleValidator
from pipeline.components.model_gate import ModelGate
from pipeline.components.pusher import Followed, Pusher
from pipeline.components.references import References
from pipeline.components.registrar import registrar_of
from pipeline.components.rollout import rollout_of
from pipeline.components.schema_gen import CuratedSchema, SchemaGen, SchemaGenInputs, curated_text
from pipeline.components.statistics_gen import StatisticsGen
from pipeline.components.trainer import Trainer
from pipeline.components.tuner import Tuner
from pipeline.config.workload import WorkloadConfig
from pipeline.datasets import PREVIOUS, SERVING, Dataset
from pipeline.features import FeatureInputs
from pipeline.platform import Platform
from pipeline.splits import LEARNING


def create_pipeline(config: WorkloadConfig, platform: Platform) -> Pipeline:
    """Wire the components of the workload that `config` describes, to run where `platform` says."""
    # Reads the source once and assigns every row to train, eval or test, for good.
    example_gen = _ingest(config, platform, platform.datasets.current)

    # Describes each split: what is there, how much of it, how it is distributed.
    statistics_gen = _describe(platform, example_gen)

    # Provides the schema that the data must meet: the curated one, or on a first run a proposal to curate.
    schema_gen = (
        CuratedSchema(text=curated_text(config.schema_file))
        if config.schema_file
        else SchemaGen(
            statistics=statistics_gen.outputs["statistics"],
            config=SchemaGenInputs.of(config).to_property(),
            code=platform.code("pipeline.components.schema_gen"),
        )
    ).with_id("SchemaGen")

    # Describes the rows that an endpoint saw and those of the span before, where there are any.
    serving = _observed(SERVING, config, platform, platform.datasets.serving_log, example_gen)
    previous = _observed(PREVIOUS, config, platform, platform.datasets.previous_span, example_gen)

    # Refuses data that breaks the schema, differs from what serving sees, or drifted since the last span.
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
        serving_statistics=serving[-1].outputs["statistics"] if serving else None,
        previous_statistics=previous[-1].outputs["statistics"] if previous else None,
        config=ValidatorInputs.of(config, platform.strict),
        code=platform.code("pipeline.components.example_validator"),
    )

    # Refuses data that would teach the model what serving can never know, or test it on what it has seen.
    data_gate = DataGate(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        serving_examples=serving[0].outputs["examples"] if serving else None,
        previous_examples=previous[0].outputs["examples"] if previous else None,
        config=GateInputs.of(config, LEARNING, platform.strict),
        code=platform.code("pipeline.components.data_gate", "gates.data"),
    )

    with Cond(is_blessed(example_validator.outputs["blessing"])), Cond(is_blessed(data_gate.outputs["blessing"])):
        # Learns vocabularies and scales on train alone; the same graph travels into serving.
        transform = Transform(
            examples=example_gen.outputs["examples"],
            schema=schema_gen.outputs["schema"],
            preprocessing_fn="pipeline.features.preprocessing_fn",
            splits_config=LEARNING.splits_config,
            disable_statistics=True,
            disable_analyzer_cache=True,
            force_tf_compat_v1=config.preprocessing.tf1_compatible,
            custom_config=FeatureInputs.of(config, platform).to_custom_config(),
        )

        # Searches hyperparameters, scored on eval, when the configuration enables it.
        tuner = (
            Tuner(
                **LEARNING.inputs_of(transform),
                tuner_fn="models.search.tuner.tuner_fn",
                custom_config=LearningInputs.of(config, platform, "search").to_custom_config(),
                elsewhere=platform.search,
            )
            if config.tuner.enabled
            else None
        )

        # Fits the model on train, stops early by eval, and exports every signature, with golden requests of eval.
        trainer = Trainer(
            **LEARNING.inputs_of(transform),
            raw_examples=example_gen.outputs["examples"],
            run_fn="models.training.run.run_fn",
            hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
            custom_config=LearningInputs.of(config, platform, "training").to_custom_config(),
            elsewhere=platform.training,
        )

        # Finds the model that the candidate must not fall behind: the one from outside, else the last blessed one.
        champion = champion_of(config, platform, schema_gen.outputs["schema"], trainer.outputs["model"])

        # Fits simple models, so that a reader can compare the candidate's figures with theirs.
        references = References(
            examples=example_gen.outputs["examples"],
            schema=schema_gen.outputs["schema"],
            config=ReferencesInputs.of(config).to_property(),
            code=platform.code("pipeline.components.references"),
        )

        # Measures the serving signature on test, overall and by slice, and blesses what meets every threshold.
        evaluator = Evaluator(
            examples=example_gen.outputs["examples"],
            model=trainer.outputs["model"],
            baseline_model=champion.outputs["model"],
            schema=schema_gen.outputs["schema"],
            config=EvaluatorInputs.of(config),
            code=platform.code("pipeline.components.evaluator"),
        )

        # Proves that the model is sound: the served predictions are the measured ones, and it generalises to new rows.
        model_gate = ModelGate(
            examples=example_gen.outputs["examples"],
            **trainer.outputs,  # the model, and what training left beside it
            transform_graph=transform.outputs["transform_graph"],
            evaluation=evaluator.outputs["evaluation"],
            references=references.outputs["references"],
            schema=schema_gen.outputs["schema"],
            config=GateInputs.of(config, LEARNING, platform.strict),
            code=platform.code("pipeline.components.model_gate", "gates.model", config.model.module),
        )

    gates: dict[str, BaseNode] = {gate.id: gate for gate in (example_validator, data_gate, evaluator, model_gate)}

    # Registers the model, numbered by what changed and with its model card, when every blessing is present.
    registrar = registrar_of(config, platform, gates, example_gen, transform, trainer, references)

    # Pushes the model to the folder that the endpoint serves, only when every blessing is present.
    pusher = Pusher(
        model=trainer.outputs["model"],
        blessings={name: gate.outputs["blessing"] for name, gate in gates.items()},
        destination=platform.serving_directory,
        keep_versions=config.serving.keep_versions,
        registered=registrar.outputs["registered"] if registrar else None,
        followed=Followed.of(config, platform),
    )

    # Brings the pushed version to the endpoint's traffic step by step, and takes it back when it does harm there.
    rollout = rollout_of(config, platform, pusher, registrar)

    nodes: list[BaseNode | None] = [example_gen, statistics_gen, schema_gen, *serving, *previous, example_validator]
    nodes += [data_gate, transform, tuner, trainer, champion, references, evaluator, model_gate, registrar]
    nodes += [pusher, rollout] if config.serving.push else []
    return Pipeline(
        pipeline_name=f"sluice-{config.name.replace('_', '-')}",  # Vertex takes no underscore
        pipeline_root=platform.artifact_root,
        components=[node for node in nodes if node is not None],
        enable_cache=platform.reuse,
        metadata_connection_config=platform.metadata,
        beam_pipeline_args=platform.beam_arguments,
    )


def is_blessed(blessing: BaseChannel) -> Predicate:
    """True when the gate that gave this blessing found nothing that blocks."""
    return blessing.future()[0].custom_property("blessed") == 1


def _ingest(
    config: WorkloadConfig, platform: Platform, dataset: Dataset, only: str = "", like: BaseChannel | None = None
) -> ExampleGen:
    code = platform.code("pipeline.components.example_gen")
    schema, classes = curated_text(config.schema_file) if config.schema_file else "", config.model_classes()
    return ExampleGen(config.data, config.split, dataset.source, dataset.fingerprint, only, like, code, schema, classes)


def _describe(platform: Platform, examples: ExampleGen) -> StatisticsGen:
    return StatisticsGen(examples.outputs["examples"], platform.code("pipeline.components.statistics_gen"))


def _observed(
    name: str, config: WorkloadConfig, platform: Platform, dataset: Dataset | None, train: ExampleGen
) -> list[BaseNode]:
    """Examples and statistics of rows that are compared with train and not trained on; empty without data."""
    if dataset is None:
        return []
    rows = _ingest(config, platform, dataset, name, train.outputs["examples"])
    return [rows.with_id(f"{name.title()}Examples"), _describe(platform, rows).with_id(f"{name.title()}Statistics")]
