"""Small components of functions, for pipelines that show how TFX compiles. TFX reads the annotations as they are, so
this file has no `from __future__ import annotations`."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model


@component
def Start(examples: OutputArtifact[Examples]) -> OutputDict(rows=int):  # type: ignore[valid-type]
    """Gives examples and how many they are."""
    examples.set_int_custom_property("blessed", 1)
    return {"rows": 7}


@component
def Finish(examples: InputArtifact[Examples], model: OutputArtifact[Model], rows: Parameter[int] = 1) -> None:
    """Takes both."""
    model.set_int_custom_property("rows", rows)


@component
def AtTheEnd(final_status: Parameter[str]) -> None:
    """An exit handler."""
    print(final_status)
