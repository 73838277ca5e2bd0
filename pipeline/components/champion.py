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

from pipeline.artifacts.absence import mark_absent
from registry.backends import registry_at
from registry.contract import PRODUCTION, RegisteredVersion
from registry.index import MODEL_FOLDER


@component
def Champion(
    model: OutputArtifact[Model],
    registry: Parameter[str],
    workload: Parameter[str],
    code: Parameter[str],  # noqa: ARG001 - a cache key
) -> None:
    """Copies the production version of `workload` in the registry at the place `registry`; where there is none, or no
    registry, the artifact is marked as absent.

    Raises:
      SluiceError: when the version's files are not the registered ones.
    """
    found = _in_production(registry, workload) if registry else None
    if found is None:
        mark_absent(model)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "version"
        # By its number: another run may move the alias meanwhile.
        registry_at(registry).fetch(workload, found.version, folder)
        io_utils.copy_dir(str(folder / MODEL_FOLDER), path_utils.serving_model_dir(model.uri))
    model.set_string_custom_property("version", found.version)


def _in_production(registry: str, workload: str) -> RegisteredVersion | None:
    versions = registry_at(registry).versions(workload)
    return next((version for version in versions if PRODUCTION in version.aliases), None)
