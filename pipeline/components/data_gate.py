"""Judges the examples before any training: contamination between splits, leakage of the label, skew."""

from __future__ import annotations

import math
from dataclasses import replace

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Schema

from gates.data.declared import Declared
from gates.data.evidence import Data
from gates.data.gate import judge_data
from gates.tables.table import Table
from gates.verdict.finding import GateReport
from pipeline.artifacts.examples import facts_of, images_of, kinds_of
from pipeline.artifacts.schema import read_schema
from pipeline.component_inputs import GateInputs
from pipeline.components.gate import (
    Artifacts,
    GateComponent,
    GateExecutor,
    gate_spec,
    optional_instance,
    tell_progress,
    tell_step,
)
from pipeline.evidence.data import categorical_numbers, columns_not_served, read_table, required_columns, share_read
from sources.kinds import Kind

HELD_OUT = ("eval", "test")
# Cells that a value of text counts as.
_OF_TEXT = 3


class DataGateExecutor(GateExecutor):
    """Reads every split and judges."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:  # noqa: ARG002
        """Reads a share of the rows of large data, and notes it in the report."""
        given = GateInputs.from_property(config)
        examples = artifact_utils.get_single_instance(inputs["examples"])
        pixels = sum(math.prod(shape) for shape in images_of(examples).values())
        facts = facts_of(examples)
        share = share_read(facts.rows.get("train", 0), pixels, _cells(inputs))
        if share < 1:
            tell_step(f"The tables are too large to be judged whole: a sample of {share:.3g} of their rows is judged.")
        data = _data(inputs, given.declared, share)
        report = judge_data(data, given.settings, progress=tell_progress)
        notes = [*facts.notes, *report.notes]
        if share < 1:
            notes.append(f"It rests on {data.train.rows:,} rows of train, {share:.1%} of all, drawn by their content.")
        return replace(report, notes=tuple(notes))


def _data(inputs: Artifacts, declared: Declared, share: float) -> Data:
    examples = artifact_utils.get_single_instance(inputs["examples"])
    schema = read_schema(artifact_utils.get_single_uri(inputs["schema"]))
    by_schema = {
        "not_at_serving": columns_not_served(schema) - declared.withheld - {declared.label},
        "required": required_columns(schema),
        "categorical": categorical_numbers(schema),
    }
    return Data(
        train=read_table(examples, "train", "train", share, declared),
        held_out={split: read_table(examples, split, split, share, declared) for split in HELD_OUT},
        serving=_observed(inputs, "serving_examples", "serving", share, declared),
        previous=_observed(inputs, "previous_examples", "previous", share, declared),
        declared=declared.model_copy(update=by_schema),
    )


def _cells(inputs: Artifacts) -> int:
    """Values of all tables together; a text counts as several."""
    cells = 0
    for key in ("examples", "serving_examples", "previous_examples"):
        if (examples := optional_instance(inputs, key)) is not None:
            columns = sum(_OF_TEXT if kind is Kind.BYTES else 1 for kind in kinds_of(examples).values())
            cells += sum(facts_of(examples).rows.values()) * columns
    return cells


def _observed(inputs: Artifacts, key: str, name: str, share: float, declared: Declared) -> Table | None:
    examples = optional_instance(inputs, key)
    if examples is None:
        return None
    return read_table(examples, artifact_utils.decode_split_names(examples.split_names)[0], name, share, declared)


class DataGate(GateComponent):
    """Refuses data with features that serving does not have, or whose held-out rows are in train."""

    SPEC_CLASS = gate_spec(
        inputs={"examples": Examples, "schema": Schema},
        optional={"serving_examples": Examples, "previous_examples": Examples},
    )
    EXECUTOR_SPEC = ExecutorClassSpec(DataGateExecutor)
