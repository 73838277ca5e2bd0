"""Brings the model in production from the registry, as the model that the candidate must not fall behind.

On Vertex AI no resolver can do it: the only strategies there are the newest artifact and TFX's newest blessed model,
and neither can be limited to one workload. A registered model was blessed by every gate.
"""

import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model
from tfx.utils import io_utils, path_utils

from core.errors import SluiceError
from pipeline.artifacts.absence import mark_absent
from pipeline.artifacts.missing import mark_missing
from registry.backends import registry_at
from registry.index import MODEL_FOLDER
from serving.backends import version_folder_at


@component
def Champion(
    model: OutputArtifact[Model],
    registry: Parameter[str],
    workload: Parameter[str],
    serving: Parameter[str],
    code: Parameter[str],  # noqa: ARG001 - a cache key
) -> None:
    """Copies the production version of `workload` in the registry at the place `registry`; where there is none, or no
    registry, the artifact is marked as absent. A version that cannot be had gives its reason instead: the Evaluator
    refuses for it, or lets it pass for a time where a person waived it. So does one in the folder of versions `serving`
    while the registry has none at all: it was lost, or there is none."""
    try:
        version = _copied(registry, workload, path_utils.serving_model_dir(model.uri)) if registry else None
        unknown = "" if version else _served_unknown(serving, registry, workload)
    except SluiceError as problem:
        mark_missing(model, problem.headline)
        return
    if unknown:
        mark_missing(model, unknown)
    elif version is None:
        mark_absent(model)
    else:
        model.set_string_custom_property("version", version)


def _copied(registry: str, workload: str, target: str) -> str | None:
    """The version in production, whose model is now in `target`; None where there is none."""
    source = registry_at(registry)
    found = source.in_production(workload)
    if found is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "version"
        # By its number: another run may move the alias meanwhile.
        source.fetch(workload, found.version, folder)
        io_utils.copy_dir(str(folder / MODEL_FOLDER), target)
    return found.version


def _served_unknown(serving: str, registry: str, workload: str) -> str:
    """That a version was pushed that no registry holds, in a sentence; empty when that is not so. A registered version
    that is not in production is in a rollout, or was taken back."""
    versions = version_folder_at(serving).versions() if serving else []
    if not versions or (registry and registry_at(registry).versions(workload)):
        return ""
    pushed = f"Version {versions[-1]} in {serving} was pushed before, and no registry holds its model"
    return f"{pushed}; with `registry.enabled` those of the next pushes are kept."
