"""The part of the configuration that each component needs: typed on the pipeline's page, JSON in the execution property
`config`, and the same type again inside the executor.

The components before training define their own inputs (example_gen.py, schema_gen.py, features.py), so that a change of
a gate's inputs in this file does not lead to a new training; and so do those after the gates (registrar.py, pusher.py),
so that a change of theirs does not lead to a new verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from core.strict import Strict
from gates.data.declared import Declared
from gates.evaluation.outside_baseline import OutsideFigures
from gates.verdict.settings import GateSettings, Tolerance
from pipeline.config.evaluation import EvaluatorConfig
from pipeline.config.references import outside_figures
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.workload import ModelConfig, WorkloadConfig
from pipeline.ingest.label import parse_label_expression
from pipeline.splits import Lineage

if TYPE_CHECKING:
    from pipeline.platform import Platform

Purpose = Literal["search", "training"]
_CODE_OF: Mapping[Purpose, tuple[str, ...]] = {
    "search": ("models.search", "pipeline.components.tuner"),
    "training": ("models.training.run", "pipeline.components.trainer"),
}


class ValidatorInputs(Strict):
    """The inputs of the ExampleValidator."""

    tolerated: dict[str, str | Tolerance]
    """Columns whose anomalies do not refuse, each with the reason why, or with the last day, too."""
    computed: dict[str, list[str]]
    """The columns that ingest makes, each with those that it is made of."""
    label: str
    classes: int
    """How many the label has."""
    strict: bool = False
    today: str = ""
    """The day, where a tolerance has a last one: a verdict that rests on it must not outlive it. Else empty."""

    @classmethod
    def of(cls, config: WorkloadConfig, strict: bool = False) -> ValidatorInputs:
        """As the workload has it; where the platform is `strict`, the configuration cannot switch it off."""
        label, expression = config.data.label, config.data.label_expression
        has_last_day = any(isinstance(each, Tolerance) for each in config.validator.tolerated.values())
        return cls(
            tolerated=config.validator.tolerated,
            computed={label: list(parse_label_expression(expression).names)} if expression else {},
            label=label,
            classes=config.number_of_classes(),
            strict=config.gates.strict or strict,
            today=date.today().isoformat() if has_last_day else "",
        )


class GateInputs(Strict):
    """The inputs of DataGate and ModelGate."""

    declared: Declared
    settings: GateSettings
    today: str
    """The day, where a waiver is in force: a verdict that rests on it must not outlive it. Else empty."""

    @classmethod
    def of(cls, config: WorkloadConfig, lineage: Lineage, strict: bool = False) -> GateInputs:
        """From the workload; where the platform is `strict`, the configuration cannot switch it off."""
        data, prediction, settings = config.data, config.prediction, config.gates
        declared = Declared(
            label=data.label,
            class_names=tuple(data.class_names),
            classes=config.number_of_classes(),
            label_kind="classes",
            pixel_columns=tuple(data.pixel_columns),
            entity=data.entity_key,
            time=data.time_column,
            split_by=config.split.by,
            withheld=frozenset(prediction.withheld_columns()),
            absent_by_right=frozenset(data.ignore_columns).union(filter(None, [config.split.column])),
            known_after=prediction.known_after(),
            moments_declared=bool(prediction.known_from),
            analysed_splits=lineage.analysed,
            readers_of=lineage.readers,
        )
        waived = any(check.waive for check in settings.checks.values())
        return cls(
            declared=declared,
            settings=settings.model_copy(update={"strict": settings.strict or strict}),
            today=date.today().isoformat() if waived else "",
        )


class EvaluatorInputs(Strict):
    """The inputs of the Evaluator."""

    evaluator: EvaluatorConfig
    outside: OutsideFigures | None
    """The figures of a baseline from outside, as they are when the pipeline is made."""
    label: str
    class_names: list[str]
    entity: str | None = None
    """The column of the entity, where entities were assigned to the splits and not rows."""
    by_content: bool = False
    """Whether a hash of the row assigned it, so that equal rows are in one split."""
    today: str = ""
    """The day, where a waiver may be in force: a verdict that rests on it must not outlive it. Else empty."""

    @classmethod
    def of(cls, config: WorkloadConfig) -> EvaluatorInputs:
        """As the workload has it.

        Raises:
          SluiceError: when the figures of a baseline from outside cannot be read or judged.
        """
        return cls(
            evaluator=config.evaluator,
            outside=outside_figures(config.evaluator),
            label=config.data.label,
            class_names=config.data.class_names,
            entity=config.entity_of_split(),
            by_content=config.splits_by_content(),
            today=date.today().isoformat() if config.evaluator.without_champion else "",
        )


class ReferencesInputs(Strict):
    """The inputs of the References."""

    label: str
    withheld: list[str]
    confidence: float
    entity: str | None = None
    by_content: bool = False
    """Both as the Evaluator's."""

    @classmethod
    def of(cls, config: WorkloadConfig) -> ReferencesInputs:
        """As the workload has it."""
        return cls(
            label=config.data.label,
            withheld=config.prediction.withheld_columns(),
            confidence=config.evaluator.confidence,
            entity=config.entity_of_split(),
            by_content=config.splits_by_content(),
        )


class LearningInputs(Strict):
    """The inputs of Tuner and Trainer, which read them as `models.training.config.LearningSettings`."""

    model: ModelConfig
    train: TrainConfig
    tuner: TunerConfig
    label: str
    withheld: list[str]
    class_names: list[str] = Field(default_factory=list)
    """The label's classes in the order of their numbers."""
    code: str
    """A hash of the code that learns."""
    durable_dir: str
    """Where a killed search or training finds again what it had reached."""

    @classmethod
    def of(cls, config: WorkloadConfig, platform: Platform, purpose: Purpose) -> LearningInputs:
        """From the workload, for the search or for the training of the model itself."""
        return cls(
            model=config.model,
            train=config.train,
            tuner=config.tuner,
            label=config.data.label,
            withheld=config.prediction.withheld_columns(),
            class_names=config.data.class_names,
            code=platform.code(config.model.module, *_CODE_OF[purpose]),
            durable_dir=f"{platform.artifact_root}/durable/{purpose}",
        )
