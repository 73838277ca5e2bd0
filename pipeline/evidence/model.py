"""The evidence of the ModelGate: predictions on the same rows by every signature, and on rows held out of training."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.target import target_of
from gates.data.units import Unit
from gates.evaluation.measure import MISSING, class_names
from gates.evaluation.reference_models import MAJORITY
from gates.model.evidence import (
    EVALUATED,
    TRAINING,
    Budgets,
    Combination,
    GoldenReplay,
    Literal,
    ModelEvidence,
    Operation,
    Predicted,
    Probe,
    RawRows,
    Replay,
    SimpleModel,
)
from gates.model.stump import Stump, best_stump
from gates.statistics.intervals import auc
from gates.verdict.catalogue import NotApplicable
from gates.verdict.settings import GateSettings
from models.export.company import LAST, SEED
from models.export.fresh_process import FAILED_LOADS, error_in_words
from models.export.literals import learnt_in
from models.export.replay import FreshProcess, Replayed, TrainingPath, fresh_process, importances
from pipeline.artifacts.evaluation import read_references
from pipeline.artifacts.examples import decoder_of, evenly, numbers, raw_batches, sample, shards, texts
from pipeline.artifacts.schema import is_wide, read_schema, served_features
from pipeline.evidence import fresh_endpoint, scores
from pipeline.evidence.company import regrouped
from pipeline.evidence.contents import columns_of_content, contents_of, groups_of
from pipeline.evidence.data import rows_within, table_of
from pipeline.evidence.transformed import constants_of, transformation_in, transformed_tables, written_at

REPLAYED_ROWS = 1_000
# The usual interval of 95 % reaches so many standard errors to either side.
Z95 = 1.96
EVAL_ROWS, TRAIN_ROWS, PERMUTED_ROWS = 20_000, 10_000, 1_000
PERMUTED_CELLS, FEWEST_PERMUTED = 100_000_000, 100
# Bytes of serialized rows that are sent to the model: fewer rows where a row is a large image.
MOST_BYTES = {"train": 2**27, "eval": 2**27, "at once": 2**23}
SIGNATURES = ("serving_default", "serving_examples")
UNITS = {"entity": Unit.ENTITY, "time": Unit.TIME}


def gather(inputs: Mapping[str, types.Artifact], declared: Declared, settings: GateSettings) -> ModelEvidence:
    """The predictions of the model, in the form that the checks read."""
    export = path_utils.serving_model_path(inputs["model"].uri)
    with fresh_process(export, "pipeline.evidence.fresh_endpoint") as fresh:
        return _gathered(inputs, declared, settings, export, fresh)


def _gathered(
    inputs: Mapping[str, types.Artifact],
    declared: Declared,
    settings: GateSettings,
    export: str,
    fresh: FreshProcess,
) -> ModelEvidence:
    """What this process computes it computes while the fresh one does its part."""
    schema = read_schema(inputs["schema"].uri)
    try:
        path = TrainingPath(inputs["transform_graph"].uri, inputs["model_run"].uri)
    except FAILED_LOADS as problem:
        return _unanswered(problem)
    if scores.CANDIDATE in scores.failures(inputs["evaluation"].uri):
        return _unmeasured(inputs, path, settings, export, fresh)
    scored = scores.read_scored(inputs["evaluation"].uri)
    test = _rows(inputs["examples"], "test", len(scored.labels))
    at = evenly(len(test), _rows_within(test, REPLAYED_ROWS, "at once"))
    fresh.send(path, test[at])
    rows = {split: _rows(inputs["examples"], split, most) for split, most in _ROWS.items()}
    judged = _Labelled(schema, declared, rows["train"])
    stump = _stump(rows["train"], test, schema, scored.classes, declared)
    try:
        training = path.predict(test[at])
        answered = {split: path.predict(each) for split, each in rows.items()}
    except FAILED_LOADS as problem:
        return _unanswered(problem)
    predicted = {split: judged.predicted(each, answered[split]) for split, each in rows.items()}
    found_importances = _importances(path, rows["eval"], judged)
    replayed = fresh.replayed()
    return replace(
        _shown(replayed, inputs["transform_graph"].uri, export),
        classes=class_names(scored.classes, declared.class_names),
        train=predicted["train"],
        eval=predicted["eval"],
        test=judged.predicted(test, scored.predictions),
        replays=_replays(replayed, training, scored.predictions[at]),
        replayed_labels=scored.labels[at],
        replayed_rows=_as_text(path.requests(test[at])),
        test_slices={name: np.asarray(values) for name, values in (scored.columns or {}).items()},
        blessed=None if scored.blessed is None else judged.predicted(test, scored.blessed),
        best_stump=Predicted.of(scored.labels, stump.scores) if stump else None,
        stump_feature=stump.feature if stump else "",
        stump_looked_at=stump.looked_at if stump else "",
        references=_references(inputs),
        importances=found_importances,
        latency_ms=1e3 * replayed.seconds if len(replayed.seconds) else None,
        constants=constants_of(inputs["transform_graph"].uri),
        transformed=transformed_tables(path, {"train": rows["train"], "test": test}, declared),
        budgets=Budgets(p99_ms=settings.latency_ms, size_mb=settings.export_mb),
        split_by=UNITS.get(declared.split_by or "", Unit.ROW),
    )


def _unmeasured(
    inputs: Mapping[str, types.Artifact], path: TrainingPath, settings: GateSettings, export: str, fresh: FreshProcess
) -> ModelEvidence:
    """Of a model that fails on rows of test, which the Evaluator refuses: what its graph and its answers show."""
    test = _rows(inputs["examples"], "test", REPLAYED_ROWS)
    at = evenly(len(test), _rows_within(test, REPLAYED_ROWS, "at once"))
    fresh.send(path, test[at])
    try:
        training = path.predict(test[at])
    except FAILED_LOADS as problem:
        return _unanswered(problem)
    replayed = fresh.replayed()
    return replace(
        _shown(replayed, inputs["transform_graph"].uri, export),
        replays=_replays(replayed, training),
        budgets=Budgets(size_mb=settings.export_mb),
    )


def _shown(replayed: Replayed, transform_graph: str, export: str) -> ModelEvidence:
    """What the export's files and its answers show by themselves."""
    return ModelEvidence(
        golden=_golden(replayed),
        probes=_probes(replayed),
        probes_looked_at=_fields_in_words(*replayed.fields),
        combinations=_combinations(replayed),
        regrouped=regrouped(replayed),
        operations=_operations(replayed),
        **_literals(replayed, export, transform_graph),
        unloadable=replayed.unloadable,
        export_bytes=_size_of(export),
    )


def _unanswered(problem: Exception) -> ModelEvidence:
    """Where the model that training left cannot be built again, or cannot be called: there is nothing to compare."""
    return ModelEvidence(replays=(Replay(TRAINING, None, error=error_in_words(problem)),))


_ROWS = {"train": TRAIN_ROWS, "eval": EVAL_ROWS}


def _rows(examples: types.Artifact, split: str, most: int) -> NDArray[Any]:
    """Serialized examples of one split, evenly spaced, in the order of the files."""
    rows = sample((batch for path in shards(examples, split) for batch in raw_batches(path)), most)
    if split not in MOST_BYTES:
        return rows
    return rows[evenly(len(rows), _rows_within(rows, most, split))]


def _rows_within(rows: NDArray[Any], most: int, what: str) -> int:
    """How many of these rows, at most `most`, stay within the bytes."""
    size = sum(map(len, rows)) / max(len(rows), 1)
    return min(most, len(rows), max(1, int(MOST_BYTES[what] / max(size, 1.0))))


class _Labelled:
    """Reads labels, and what was assigned as a whole (entities, equal rows), out of serialized examples."""

    def __init__(self, schema: schema_pb2.Schema, declared: Declared, train: NDArray[Any]) -> None:
        self._schema = schema
        self._label = declared.label or ""
        self._entity = declared.entity if declared.split_by == "entity" else None
        by_content = declared.split_by == "row" and bool(columns_of_content(schema, self._label))
        # Train decides for the other splits.
        self._by_content = by_content and groups_of(contents_of(train, schema, self._label)) is not None

    def labels(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """The label of each row."""
        return numbers(self._column(rows, self._label))

    def predicted(self, rows: NDArray[Any], scores: NDArray[Any]) -> Predicted:
        """The predictions of these rows, with their labels."""
        return Predicted.of(self.labels(rows), scores, groups=self._groups(rows))

    def _groups(self, rows: NDArray[Any]) -> NDArray[np.intp] | None:
        if self._entity is not None:
            return np.unique(texts(self._column(rows, self._entity), MISSING), return_inverse=True)[1]
        if self._by_content:
            return np.unique(contents_of(rows, self._schema, self._label), return_inverse=True)[1]
        return None

    def _column(self, rows: NDArray[Any], name: str) -> Any:
        return decoder_of(self._schema, {name}).DecodeBatch(rows.tolist()).column(0)


def _as_text(columns: dict[str, NDArray[Any]]) -> RawRows:
    as_text = [[_value_in_words(value) for value in values] for values in columns.values()]
    return RawRows(tuple(columns), list(zip(*as_text, strict=True)))


def _value_in_words(value: Any) -> str:
    """One value as text; of an image its size and its scale, which are the usual faults of images."""
    values = np.asarray(value)
    if values.dtype.kind not in "biuf":
        return ", ".join(each.decode("utf-8", "replace") for each in values.reshape(-1))
    if values.size == 1:
        return f"{values.reshape(-1)[0]:g}"
    size = " x ".join(str(each) for each in values.shape)
    return f"{size}, from {values.min():g} to {values.max():g}, mean {values.mean():.4g}"


def _replays(replayed: Replayed, training: NDArray[Any], evaluated: NDArray[Any] | None = None) -> tuple[Replay, ...]:
    rows = f"{len(training):,} rows of test"
    replays = [
        Replay(
            name,
            replayed.answers.get(name),
            again=replayed.answers.get(f"{name}/again"),
            last=replayed.answers.get(f"{name}/{LAST}"),
            rows=rows,
            error=replayed.errors.get(name, ""),
        )
        for name in (() if replayed.unloadable else SIGNATURES)
    ]
    return (
        Replay(TRAINING, training, rows=rows),
        *([] if evaluated is None else [Replay(EVALUATED, evaluated, rows=rows)]),
        *replays,
    )


def _golden(replayed: Replayed) -> GoldenReplay | None:
    error = replayed.errors.get(fresh_endpoint.GOLDEN, "")
    if not error and fresh_endpoint.RECORDED not in replayed.answers:
        return None
    recorded, answered = (replayed.answers.get(name) for name in (fresh_endpoint.RECORDED, fresh_endpoint.ANSWERED))
    return GoldenReplay(recorded, answered, error)


def _probes(replayed: Replayed) -> tuple[Probe, ...]:
    found = []
    for name in (*replayed.answers, *replayed.errors):
        call, _, probed = name.partition("/")
        if call in ("probe", "probe_examples"):
            column, _, case = probed.rpartition("/")
            case_in_words = case if call == "probe" else f"{case} in a tf.Example"
            found.append(Probe(column, case_in_words, replayed.answers.get(name), replayed.errors.get(name, "")))
    return tuple(found)


def _fields_in_words(probed: int, fields: int) -> str:
    """How many of the optional fields were probed, where not all."""
    return f"probed {probed:,} of {fields:,} optional fields, drawn with seed {SEED}" if probed < fields else ""


def _combinations(replayed: Replayed) -> tuple[Combination, ...]:
    return tuple(
        Combination(way, replayed.lacking, replayed.answers.get(name), replayed.errors.get(name, ""))
        for name, way in (("lacking", ""), ("lacking_examples", "in a tf.Example"))
        if name in replayed.answers or name in replayed.errors
    )


def _operations(replayed: Replayed) -> tuple[Operation, ...] | None:
    return None if replayed.operations is None else tuple(Operation(**each) for each in replayed.operations)


def _literals(replayed: Replayed, export: str, transform_graph: str) -> dict[str, Any]:
    """The literals of the graph, and when it was written."""
    if replayed.literals is None:
        return {}
    transformation = transformation_in(transform_graph)
    learnt, made = learnt_in(transformation), (written_at(folder) for folder in (transformation, export))
    literals = (Literal(**each) for each in replayed.literals if each["value"] not in learnt)
    return {"literals": tuple(literals), "made": tuple(made)}


def _stump(
    train: NDArray[Any], test: NDArray[Any], schema: schema_pb2.Schema, classes: int, declared: Declared
) -> Stump | None:
    """The best single-feature model, [rows of test, classes]; None where no feature is a single value, as of
    images."""
    label, withheld = declared.label or "", declared.withheld
    wide = {feature.name for feature in schema.feature if is_wide(feature)}
    if not set(served_features(schema, {label, *withheld})) - wide:
        return None
    pixels = declared.pixel_columns
    columns = Declared(label=label, withheld=withheld, label_kind="classes", pixel_columns=pixels)
    at = evenly(len(test), rows_within(len(schema.feature)))
    given = {"train": train, "test": test[at]}
    tables = {name: table_of(name, [rows], declared=columns) for name, rows in given.items()}
    data = Data(tables["train"], {"test": tables["test"]}, declared=columns)
    try:
        found = best_stump(data)
        known = [int(float(name)) for name in target_of(data).classes]
    except (NotApplicable, ValueError):
        return None  # no feature to choose, or labels that are no classes: the Evaluator reports these
    if not all(0 <= code < classes for code in known):
        return None
    # Train may lack a class, which then stands in a gap between the others; rows that were left out have no score.
    scores = np.full((len(test), classes), np.nan)
    scores[at] = 0.0
    scores[at[:, None], known] = found.scores
    return replace(found, scores=scores)


def _references(inputs: Mapping[str, types.Artifact]) -> tuple[SimpleModel, ...]:
    """The figures of the simple models; the interval of each is taken for a normal one."""
    if "references" not in inputs:
        return ()
    return tuple(
        SimpleModel(each.name, figure.metric, figure.value, (figure.upper - figure.lower) / (2 * Z95))
        for each in read_references(inputs["references"].uri)
        for figure in each.estimates
        if each.name != MAJORITY and np.isfinite([figure.value, figure.lower, figure.upper]).all()
    )


def _importances(path: TrainingPath, rows: NDArray[Any], judged: _Labelled) -> dict[str, float]:
    # Each column is permuted by itself in all of the others.
    most = max(FEWEST_PERMUTED, min(PERMUTED_ROWS, PERMUTED_CELLS // max(1, len(path.columns) ** 2)))
    permuted = rows[: _rows_within(rows, most, "at once")]
    return dict(importances(path, permuted, partial(_power, judged.labels(permuted))))


def _power(labels: NDArray[Any], predictions: NDArray[Any]) -> float:
    """AUC of a binary model, else accuracy."""
    if predictions.ndim == 1 or predictions.shape[1] == 1:
        return auc(labels, predictions.reshape(-1)).value
    return float((predictions.argmax(axis=1) == labels).mean())


def _size_of(folder: str) -> int:
    """Bytes of all files of the export."""
    found: Iterable[tuple[str, list[str], list[str]]] = fileio.walk(folder)
    return sum(fileio.open(posixpath.join(at, name), "rb").size() for at, _, names in found for name in names)
