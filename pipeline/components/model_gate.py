"""Judges the trained model: asked in every way in which it can be asked, it must say what training says, and hold on
rows that it has not seen."""

from __future__ import annotations

import importlib
import json
import logging
import posixpath
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from gates.catalogue import NotApplicable
from gates.data import Data, Declared, Unit
from gates.intervals import auc
from gates.measurement import Scored
from gates.model.evidence import EVALUATED, TRAINING, Limits, ModelEvidence, Predicted, Probe, Replay
from gates.model.stump import Stump, best_stump
from gates.model_gate import judge_model
from gates.settings import GateSettings
from pipeline.components import scoring
from pipeline.components.artifacts import Blessing, GateReportArtifact, bless, write_report
from pipeline.components.columnar import decoder_of, numbers, raw_batches, shards
from pipeline.components.data_gate import settings_of, waivers_today
from pipeline.components.gate_tables import table_of
from pipeline.components.references import sample
from pipeline.components.schema_gen import read_schema
from pipeline.config import WorkloadConfig

# Found by its path: the pipeline imports no model code (models/replay.py has what is called here).
REPLAY_MODULE = "models.replay"
REPLAYED_ROWS = 1_000
EVAL_ROWS, TRAIN_ROWS, PERMUTED_ROWS = 20_000, 10_000, 1_000
SIGNATURES = ("serving_default", "serving_examples")
UNITS = {"entity": Unit.ENTITY, "time": Unit.TIME}


class ModelGateExecutor(base_executor.BaseExecutor):
    """Replays, judges, writes report and blessing. Refusing is a success."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Gathers the evidence and stores the verdict."""
        evidence = gather(
            {name: artifact_utils.get_single_instance(artifacts) for name, artifacts in input_dict.items()},
            json.loads(exec_properties["asked"]),
        )
        settings = GateSettings.model_validate_json(exec_properties["settings"])
        report = judge_model(evidence, settings, progress=_progress)
        write_report(artifact_utils.get_single_instance(output_dict["report"]), report)
        bless(artifact_utils.get_single_instance(output_dict["blessing"]), report)


def gather(inputs: dict[str, types.Artifact], asked: dict[str, Any]) -> ModelEvidence:
    """Everything that the model said, in the form that the checks read."""
    replaying = importlib.import_module(REPLAY_MODULE)
    schema = read_schema(inputs["schema"].uri)
    path = replaying.TrainingPath(inputs["transform_graph"].uri, inputs["model_run"].uri)
    rows = {split: _rows(inputs["examples"], split, most) for split, most in _ROWS.items()}
    scored = scoring.read_scored(inputs["evaluation"].uri)
    export = path_utils.serving_model_path(inputs["model"].uri)
    test = _rows(inputs["examples"], "test", len(scored.labels))
    at = np.linspace(0, len(test) - 1, min(REPLAYED_ROWS, len(test))).astype(int)
    replayed = replaying.replay(path, export, test[at])
    stump = _stump(rows["train"], test, asked)
    return ModelEvidence(
        classes=("0", "1"),
        train=_predicted(path, rows["train"], schema, asked["label"]),
        eval=_predicted(path, rows["eval"], schema, asked["label"]),
        test=Predicted.of(scored.labels, scored.predictions),
        replays=_replays(replayed, scored, at),
        replayed_labels=scored.labels[at],
        probes=_probes(replayed),
        test_slices={name: np.asarray(values) for name, values in (scored.columns or {}).items()},
        blessed=None if scored.blessed is None else Predicted.of(scored.labels, scored.blessed),
        best_stump=Predicted.of(scored.labels, stump.scores) if stump else None,
        stump_feature=stump.feature if stump else "",
        importances=_importances(replaying, path, rows["eval"][:PERMUTED_ROWS], schema, asked["label"]),
        latency_ms=1e3 * replayed.seconds,
        export_bytes=_size_of(export),
        limits=Limits(p99_ms=asked["latency_ms"], size_mb=asked["export_mb"]),
        split_by=UNITS.get(asked["split_by"], Unit.ROW),
    )


_ROWS = {"train": TRAIN_ROWS, "eval": EVAL_ROWS}


def _rows(examples: types.Artifact, split: str, most: int) -> NDArray[Any]:
    """Serialized examples of one split, evenly spaced, in the order of the files."""
    return sample((batch for path in shards(examples, split) for batch in raw_batches(path)), most)


def _labels(rows: NDArray[Any], schema: schema_pb2.Schema, label: str) -> NDArray[np.float64]:
    return numbers(decoder_of(schema, {label}).DecodeBatch(rows.tolist()).column(0))


def _predicted(path: Any, rows: NDArray[Any], schema: schema_pb2.Schema, label: str) -> Predicted:
    return Predicted.of(_labels(rows, schema, label), path.predict(rows))


def _replays(replayed: Any, scored: Scored, at: NDArray[np.intp]) -> tuple[Replay, ...]:
    told = f"{len(at):,} rows of test"
    asked = [
        Replay(
            name,
            replayed.answers.get(name),
            again=replayed.answers.get(f"{name}/again"),
            rows=told,
            error=replayed.errors.get(name, ""),
        )
        for name in SIGNATURES
    ]
    return (
        Replay(TRAINING, replayed.training, rows=told),
        Replay(EVALUATED, scored.predictions[at], rows=told),
        *asked,
    )


def _probes(replayed: Any) -> tuple[Probe, ...]:
    found = []
    for name in (*replayed.answers, *replayed.errors):
        call, _, probed = name.partition("/")
        if call in ("probe", "probe_examples"):
            column, _, case = probed.rpartition("/")
            told = case if call == "probe" else f"{case} in a tf.Example"
            found.append(Probe(column, told, replayed.answers.get(name), replayed.errors.get(name, "")))
    return tuple(found)


def _stump(train: NDArray[Any], test: NDArray[Any], asked: dict[str, Any]) -> Stump | None:
    declared = Declared(label=asked["label"], withheld=frozenset(asked["withheld"]))
    tables = {name: table_of(name, [rows]) for name, rows in (("train", train), ("test", test))}
    try:
        return best_stump(Data(tables["train"], {"test": tables["test"]}, declared=declared))
    except NotApplicable:
        return None


def _importances(
    replaying: Any, path: Any, rows: NDArray[Any], schema: schema_pb2.Schema, label: str
) -> dict[str, float]:
    return dict(replaying.importances(path, rows, partial(_power, _labels(rows, schema, label))))


def _power(labels: NDArray[Any], predictions: NDArray[Any]) -> float:
    """AUC of a binary model, else accuracy."""
    if predictions.ndim == 1 or predictions.shape[1] == 1:
        return auc(labels, predictions.reshape(-1)).value
    return float((predictions.argmax(axis=1) == labels).mean())


def _size_of(folder: str) -> int:
    """Bytes of all files of the export."""
    found: Iterable[tuple[str, list[str], list[str]]] = fileio.walk(folder)
    return sum(fileio.open(posixpath.join(at, name), "rb").size() for at, _, names in found for name in names)


def _progress(check: str, place: int, of: int) -> None:
    logging.getLogger("sluice.progress").info("%s", check, extra={"done": place, "total": of})


class ModelGateSpec(ComponentSpec):
    """Examples, model and what training left in; report and blessing out."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "asked": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "today": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "report": ChannelParameter(type=GateReportArtifact),
        "blessing": ChannelParameter(type=Blessing),
    }


class ModelGate(base_component.BaseComponent):
    """Refuses a model that says something else at serving than in training, or that does not hold on new rows."""

    SPEC_CLASS = ModelGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ModelGateExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        transform_graph: types.BaseChannel,
        evaluation: types.BaseChannel,
        config: WorkloadConfig,
        strict: bool = False,
        code: str = "",
    ) -> None:
        """`code` only makes a new cache key."""
        asked = {
            "label": config.data.label,
            "split_by": config.split.by,
            "withheld": config.prediction.withheld_columns(),
            **config.gates.model_dump(include={"latency_ms", "export_mb"}),
        }
        super().__init__(
            ModelGateSpec(
                examples=examples,
                schema=schema,
                model=model,
                model_run=model_run,
                transform_graph=transform_graph,
                evaluation=evaluation,
                asked=json.dumps(asked, sort_keys=True),
                settings=settings_of(config, strict),
                today=waivers_today(config.gates),
                code=code,
                report=types.Channel(type=GateReportArtifact),
                blessing=types.Channel(type=Blessing),
            )
        )
