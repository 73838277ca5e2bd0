"""Measures the candidate on test, beside the last blessed model on the same rows, and judges it by the thresholds.

TensorFlow Model Analysis computes intervals by resampling whole Beam pipelines (minutes where the figures take
seconds), never judges by them, and cannot slice by a column with missing values. Here the models run once over test;
the intervals are analytic (gates/statistics/intervals.py); the result is also written in TFMA's own layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation, Schema
from tfx.utils import path_utils

from gates.evaluation.limits import CHANGE, CHECKS, CLASS, Limit
from gates.evaluation.measure import Scored, by_class, confusion, is_measured, measure, side_by_side, slices_of
from gates.evaluation.metrics import LAST_BLESSED, OUTSIDE_BASELINE, Evaluation
from gates.evaluation.missing_champion import missing_champion
from gates.evaluation.outside_baseline import CHECK as OUTSIDE
from gates.evaluation.outside_baseline import judge_outside_baseline
from gates.evaluation.thresholds import ThresholdDecisions, judge_thresholds
from gates.evaluation.valid_predictions import ANSWERS, sound_checks, unanswered, unsound, unsound_answers
from gates.verdict.finding import Finding, GateReport, Severity, SkippedCheck, verdict_of
from pipeline.artifacts import tfma as tfma_files
from pipeline.artifacts.absence import present
from pipeline.artifacts.evaluation import write_evaluation, write_mistakes
from pipeline.artifacts.examples import decoder_of, shards
from pipeline.artifacts.missing import reason_missing
from pipeline.artifacts.schema import read_schema
from pipeline.component_inputs import EvaluatorInputs
from pipeline.components.gate import Artifacts, GateComponent, GateExecutor, gate_spec
from pipeline.evidence import scores
from pipeline.evidence.mistakes import pictured

GATE = "evaluator"
SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """An evaluation that holds its judgements, and the decisions that these are of."""

    evaluation: Evaluation
    decisions: ThresholdDecisions


def evaluate(scored: Scored, config: EvaluatorInputs, unreadable: Mapping[str, str] | None = None) -> Evaluated:
    """Every figure of the configuration, the performance by class, and the decision of each threshold. `unreadable`:
    inputs of the blessed model that the data do not have, for which it was not scored."""
    settings, names, confidence = config.evaluator, config.class_names, config.evaluator.confidence
    worthless = _worthless(scored, config)
    beside = dataclasses.replace(scored, blessed=None) if worthless else side_by_side(scored)
    estimates = measure(beside, settings.metrics, settings.slices, confidence)
    undefined = sum(not is_measured(estimate) for estimate in estimates)
    notes = [
        f"{confidence:.0%} intervals: Wilson for shares, Newcombe for AUC, on the log scale for loss and calibration; "
        "changes are paired on the same rows."
    ]
    entities = None if scored.groups is None else len(np.unique(scored.groups))
    if entities is not None:
        notes.append(
            f"Errors are summed by {config.entity}: {entities:,} entities were drawn, not rows."
            if config.entity
            else f"Errors are summed over equal rows, which are in one split: {entities:,} contents were drawn, not "
            f"{len(scored.labels):,} rows."
        )
    if not scored.is_binary and {"auc", "precision", "recall"} & set(settings.metrics):
        notes.append("AUC, precision and recall are means over the classes, each against the rest.")
    if not scored.is_binary and "calibration" in settings.metrics:
        notes.append("Calibration is the mean probability of the answers over the share of right ones.")
    notes += [f"{finding.reason} Nothing is compared with it." for finding in worthless]
    if unreadable:
        notes.append(f"{_needs(unreadable, config)}: nothing is compared with it.")
    if undefined:
        notes.append(f"{undefined} figures of slices could not be computed (one class alone, for instance).")
    classes = by_class(beside, names, confidence)
    compared_with = LAST_BLESSED if _outside_model(config) is None else OUTSIDE_BASELINE
    matrix = confusion(scored, names)
    measured = Evaluation(confidence, estimates, matrix, (), tuple(notes), classes, compared_with, entities=entities)
    decisions = judge_thresholds(measured, _limits(config), settings.judged_by)
    return Evaluated(dataclasses.replace(measured, judgements=decisions.judgements), decisions)


def _limits(config: EvaluatorInputs) -> list[Limit]:
    return [Limit(**threshold.model_dump()) for threshold in config.evaluator.thresholds]


def judge(
    evaluated: Evaluated,
    scored: Scored,
    config: EvaluatorInputs,
    unreadable: Mapping[str, str] | None = None,
    missing: str = "",
) -> GateReport:
    """The verdict of the thresholds, after the checks that predictions and labels are valid. `missing`: why the model
    to compare with cannot be had."""
    limits, evaluation = _limits(config), evaluated.evaluation
    checks = CHECKS if scored.is_binary else (*CHECKS, CLASS)
    findings, skipped = list(evaluated.decisions.findings), list(evaluated.decisions.skipped)
    incomparable = [_other_columns(unreadable, scored, config)] if unreadable else _incomparable(scored, config)
    if missing:
        waiver = config.evaluator.without_champion
        incomparable = [missing_champion(missing, len(scored.labels), waiver, date.today())]
    if incomparable and any(limit.no_worse_than_blessed_by is not None for limit in limits):
        findings, skipped = [*findings, *incomparable], []
    findings = [*findings, *judge_outside_baseline(evaluation, config.outside, config.evaluator.judged_by)]
    run = _checks_run(findings, limits, evaluation)
    findings = unsound(scored, config.label, config.class_names) + findings
    if not limits:
        skipped = [SkippedCheck(check, "evaluator.thresholds is empty: no figure refuses a model") for check in checks]
    return GateReport(
        gate=GATE,
        verdict=verdict_of(findings),
        findings=tuple(findings),
        checks_run=(ANSWERS, *sound_checks(scored), *run),
        checks_skipped=tuple(skipped),
        versions={"tensorflow-model-analysis": tfma.__version__},
    )


def _checks_run(findings: list[Finding], limits: list[Limit], evaluation: Evaluation) -> tuple[str, ...]:
    """The checks that ran, also those without a finding: slices and classes that pass without doubt leave none."""
    run = {finding.check for finding in findings}
    compared = any(estimate.blessed_value is not None for estimate in evaluation.estimates)
    run |= {limit.check for limit in limits if limit.judges_many and (limit.limits_value or compared)}
    return tuple(check for check in (*CHECKS, CLASS, OUTSIDE) if check in run)


def _incomparable(scored: Scored, config: EvaluatorInputs) -> list[Finding]:
    """The findings where a threshold compares: a blessed model of other classes, or one without valid predictions."""
    if scored.blessed is not None and side_by_side(scored).blessed is None:
        return [_other_classes(scored, config)]
    return _worthless(scored, config)


def _other_classes(scored: Scored, config: EvaluatorInputs) -> Finding:
    assert scored.blessed is not None
    subject, whose, _ = _beaten(config)
    before = 2 if scored.blessed.ndim == 1 else scored.blessed.shape[1]
    return Finding(
        check=CHANGE,
        subject=subject,
        statistic="classes",
        value=scored.classes,
        threshold=before,
        n=len(scored.labels),
        severity=Severity.BLOCK,
        reason=f"{_capital(whose)} has {before} classes and this one {scored.classes}: the two "
        "cannot be compared, and a threshold requires it.",
        remedy="Take no_worse_than_blessed_by out of evaluator.thresholds until a model of the new classes is blessed.",
    )


def _other_columns(unreadable: Mapping[str, str], scored: Scored, config: EvaluatorInputs) -> Finding:
    return Finding(
        check=CHANGE,
        subject=_beaten(config)[0],
        statistic="inputs that the data do not have",
        value=len(unreadable),
        threshold=0,
        n=len(scored.labels),
        severity=Severity.BLOCK,
        reason=f"{_needs(unreadable, config)}: the two cannot be compared, and a threshold requires it.",
        remedy="Take no_worse_than_blessed_by out of evaluator.thresholds until a model of the new columns is blessed.",
    )


def _needs(unreadable: Mapping[str, str], config: EvaluatorInputs) -> str:
    whose = _beaten(config)[1]
    (first, form), *others = unreadable.items()
    more = f" (and {len(others)} more)" if others else ""
    return f"{_capital(whose)} needs `{first}` as {form}{more}"


def _capital(whose: str) -> str:
    return whose[0].upper() + whose[1:]


def _worthless(scored: Scored, config: EvaluatorInputs) -> list[Finding]:
    """The findings on a blessed model without valid probabilities: against NaN and logits any candidate looks good."""
    if scored.blessed is None:
        return []
    subject, whose, remedy = _beaten(config)
    found = unsound_answers(scored.blessed, whose)
    return [dataclasses.replace(each, check=CHANGE, subject=subject, remedy=remedy) for each in found]


def _beaten(config: EvaluatorInputs) -> tuple[str, str, str]:
    """The model to compare with as subject and in words, and the remedy when its predictions are not valid."""
    path = _outside_model(config)
    if path is None:
        remedy = "Take no_worse_than_blessed_by out of evaluator.thresholds until a sound model is blessed."
        return "blessed model", LAST_BLESSED, remedy
    remedy = f"Name in evaluator.baseline.output what gives probabilities:  saved_model_cli show --dir {path} --all"
    return "baseline", f"the baseline {path}", remedy


def _outside_model(config: EvaluatorInputs) -> str | None:
    """The folder of a baseline that did not come from this pipeline."""
    baseline = config.evaluator.baseline
    return baseline.saved_model if baseline else None


class EvaluatorExecutor(GateExecutor, BaseBeamExecutor):
    """Scores test, measures, judges."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        """Stores every figure beside the report, in our form and in TFMA's."""
        given = EvaluatorInputs.from_property(config)
        uri, models = artifact_utils.get_single_uri(outputs["evaluation"]), _model_paths(inputs)
        schema = read_schema(artifact_utils.get_single_uri(inputs["schema"]))
        unreadable = scores.unreadable_columns(models, schema)
        if unreadable:
            del models[scores.BLESSED]
        self._score(inputs, models, schema, uri, given)
        failed = scores.failures(uri)
        if scores.CANDIDATE in failed:
            return _unmeasured(outputs, given, failed[scores.CANDIDATE])
        missing = reason_missing(inputs.get("baseline_model") or [])
        if scores.BLESSED in failed:
            del models[scores.BLESSED]
            missing = f"{_capital(_beaten(given)[1])} cannot be measured: {failed[scores.BLESSED]}."
        scored = scores.read_scored(uri)
        evaluated = evaluate(scored, given, unreadable)
        report = judge(evaluated, scored, given, unreadable, missing)
        evaluation = artifact_utils.get_single_instance(outputs["evaluation"])
        write_evaluation(evaluation, evaluated.evaluation)
        if mistakes := pictured(scored, _files(inputs), schema, given.class_names):
            write_mistakes(evaluation, mistakes)
        _write_tfma(inputs, models, uri, scored, evaluated.evaluation, given)
        return report

    def _score(
        self, inputs: Artifacts, models: dict[str, str], schema: schema_pb2.Schema, uri: str, given: EvaluatorInputs
    ) -> None:
        columns = sorted({column for columns in given.evaluator.slices for column in columns})
        scores.check_models(models, given.class_names)
        entity = {given.entity} if given.entity else set()
        decoder_of(schema, {given.label, *columns} | entity)  # refuses here, in one sentence, rather than on a worker
        with self._make_beam_pipeline() as pipeline:
            scores.score(
                pipeline, _files(inputs), models, schema, given.label, columns, uri, given.entity, given.by_content
            )


def _files(inputs: Artifacts) -> list[str]:
    return shards(artifact_utils.get_single_instance(inputs["examples"]), SPLIT)


def _unmeasured(outputs: Artifacts, given: EvaluatorInputs, why: str) -> GateReport:
    """The refusal of a model that cannot be called, which has no figures."""
    finding = unanswered(f"{why.rstrip('.')}.")
    evaluation = Evaluation(given.evaluator.confidence, (), notes=(finding.reason,))
    write_evaluation(artifact_utils.get_single_instance(outputs["evaluation"]), evaluation)
    return GateReport(GATE, verdict_of([finding]), (finding,), (ANSWERS,))


def _write_tfma(
    inputs: Artifacts,
    models: dict[str, str],
    uri: str,
    scored: Scored,
    evaluation: Evaluation,
    given: EvaluatorInputs,
) -> None:
    compared, settings = scores.BLESSED in models, given.evaluator
    names = {scores.CANDIDATE: tfma_files.CANDIDATE if compared else "", scores.BLESSED: tfma_files.BASELINE}
    tfma_files.write_tfma(
        uri,
        list(slices_of(scored, settings.slices)),
        evaluation.estimates,
        {names[role]: path for role, path in models.items()},
        tfma_files.eval_config(
            given.label, scores.SIGNATURE, settings.metrics, settings.slices, compared, len(evaluation.classes)
        ),
        data_location=artifact_utils.get_single_uri(inputs["examples"]),
        classes=evaluation.classes,
    )


def _model_paths(inputs: Artifacts) -> dict[str, str]:
    roles = {scores.CANDIDATE: inputs["model"], scores.BLESSED: present(inputs.get("baseline_model") or [])}
    return {role: path_utils.serving_model_path(models[0].uri) for role, models in roles.items() if models}


class Evaluator(GateComponent, BaseBeamComponent):
    """Blesses a model that meets the thresholds on test."""

    SPEC_CLASS = gate_spec(
        inputs={"examples": Examples, "model": Model, "schema": Schema},
        optional={"baseline_model": Model},
        outputs={"evaluation": ModelEvaluation},
        blessing=ModelBlessing,
    )
    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)
