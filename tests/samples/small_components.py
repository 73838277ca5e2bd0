"""Small components of functions, for pipelines that show how TFX compiles. TFX reads the annotations as they are, so
this file has no `from __future__ import annotations`."""

import threading

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model

from core.errors import SluiceError


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


@component
def Refuse(examples: OutputArtifact[Examples]) -> None:
    """Fails as a component does whose user can mend it."""
    try:
        raise SluiceError("the data has no column `fare`.", "See:  head data.csv")
    except SluiceError as refusal:
        raise RuntimeError("the executor failed") from refusal  # as libraries do


@component
def Break(examples: OutputArtifact[Examples]) -> None:
    """Fails by a defect."""
    raise KeyError("fare")


@component
def Hang(examples: OutputArtifact[Examples]) -> None:
    """Never ends."""
    threading.Event().wait()
