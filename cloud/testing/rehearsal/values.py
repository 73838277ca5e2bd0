"""What goes into a task and comes out of it: artifacts and parameters, and the placeholders that stand for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec
from yaml import safe_load

Artifacts = Mapping[str, tuple[types.Artifact, ...]]

_PLACEHOLDER = re.compile(r"\{\{\$(?P<path>[^}]*)\}\}")
_STEP = re.compile(r"\.(\w+)|\['([^']*)'\]|\[(\d+)\]")


class SpecificationError(Exception):
    """The compiled specification needs what is not there or not modelled here."""


@dataclass(frozen=True)
class Values:
    """The inputs or the outputs of a task or of the whole pipeline."""

    artifacts: Artifacts = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


NO_VALUES = Values()


def title_of(schema: spec.ArtifactTypeSchema) -> str:
    """The name of an artifact's type: `tfx.Model`."""
    if schema.WhichOneof("kind") == "instance_schema":
        return str(safe_load(schema.instance_schema).get("title", ""))
    return schema.schema_title or schema.schema_uri


def constant_of(value: spec.ValueOrRuntimeParameter) -> Any:
    """A constant of either version of the specification."""
    if value.WhichOneof("value") == "constant_value":
        return plain(value.constant_value)
    return json_format.MessageToDict(value.constant)


def plain(value: spec.Value) -> Any:
    """A value of version 2.0 as Python has it."""
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def executor_input(component: spec.ComponentSpec, inputs: Values, outputs: Artifacts, folder: str) -> dict[str, Any]:
    """The document that a container is given in place of `{{$}}`; parameters as both versions spell them."""
    definitions = component.input_definitions.artifacts
    given = {key: _listed(definitions[key].artifact_type, each) for key, each in inputs.artifacts.items()}
    made = component.output_definitions.artifacts
    return {
        "inputs": {
            "artifacts": given,
            "parameters": {key: _old(value) for key, value in inputs.parameters.items()},
            "parameterValues": dict(inputs.parameters),
        },
        "outputs": {
            "artifacts": {key: _listed(made[key].artifact_type, each) for key, each in outputs.items()},
            "parameters": {
                key: {"outputFile": f"{folder}/{key}"} for key in sorted(component.output_definitions.parameters)
            },
            "outputFile": f"{folder}/executor_output.json",
        },
    }


def condition_inputs(inputs: Values) -> dict[str, Any]:
    """What a condition may name, as CEL sees it."""
    artifacts = {
        key: {"artifacts": [{"name": one.name, "uri": one.uri, "metadata": metadata_of(one)} for one in each]}
        for key, each in inputs.artifacts.items()
    }
    old = {key: _old(value) for key, value in inputs.parameters.items()}
    snake = {
        key: {re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name): value for name, value in each.items()}
        for key, each in old.items()
    }
    return {"artifacts": artifacts, "parameter_values": dict(inputs.parameters), "parameters": snake}


def filled(text: str, document: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced: by the executor's input, and by facts like `pipeline_job_name`.

    Raises:
        SpecificationError: one stands for nothing.
    """

    def value(found: re.Match[str]) -> str:
        path = found["path"]
        if not path:
            return json.dumps(document)
        name = path.removeprefix(".")
        if name in facts:
            return facts[name]
        return _at(document, path, found[0])

    return _PLACEHOLDER.sub(value, text)


def metadata_of(artifact: types.Artifact) -> dict[str, Any]:
    """An artifact's properties."""
    metadata: dict[str, Any] = json_format.MessageToDict(types.Artifact.pb(artifact).metadata)
    return metadata


def _at(document: Mapping[str, Any], path: str, whole: str) -> str:
    steps = [next(part for part in each if part) for each in _STEP.findall(path)]
    value: Any = document
    for step in (_CAMEL.get(step, step) for step in steps):
        # `inputs.artifacts['x'].uri` is the first artifact's.
        if isinstance(value, Mapping) and step not in value and value.get("artifacts"):
            value = value["artifacts"][0]
        value = value.get(step) if isinstance(value, Mapping) else None
    if value is None and steps[:2] == ["inputs", "parameters"]:
        value = document["inputs"]["parameterValues"].get(steps[2])
    if isinstance(value, Mapping) and steps[:2] == ["inputs", "parameters"]:
        value = document["inputs"]["parameterValues"][steps[2]]
    if value is None:
        raise SpecificationError(f"the placeholder {whole} stands for nothing.")
    return value if isinstance(value, str) else json.dumps(value)


_CAMEL = {"output_file": "outputFile", "parameter_values": "parameterValues"}


def _listed(schema: spec.ArtifactTypeSchema, artifacts: Sequence[types.Artifact]) -> dict[str, Any]:
    kind = json_format.MessageToDict(schema)
    return {
        "artifacts": [
            {"name": each.name, "uri": each.uri, "type": kind, "metadata": metadata_of(each)} for each in artifacts
        ]
    }


def _old(value: Any) -> dict[str, Any]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return {"stringValue": json.dumps(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"intValue": str(int(value))} if float(value).is_integer() else {"doubleValue": value}
