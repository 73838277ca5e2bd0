"""Vertex AI whole: the services over one store, for both transports."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from google.api_core import exceptions

from cloud.client_messages import register_client_messages
from cloud.testing.faults import Faults
from cloud.testing.storage.objects import ObjectStore
from cloud.testing.vertex.api import VertexApi
from cloud.testing.vertex.endpoints import EndpointService
from cloud.testing.vertex.jobs import JobService
from cloud.testing.vertex.lineage import Lineage
from cloud.testing.vertex.metadata import MetadataService
from cloud.testing.vertex.models import ModelService
from cloud.testing.vertex.names import Names
from cloud.testing.vertex.operations import Operations
from cloud.testing.vertex.pipelines import PipelineService
from cloud.testing.vertex.prediction import PredictionService
from cloud.testing.vertex.runs import EndsWhenPolled, JobExecutor
from cloud.testing.vertex.schedules import ScheduleService
from cloud.testing.vertex.service import Backend, Method, Service
from cloud.testing.vertex.state_file import StateFile
from cloud.testing.vertex.store import Store
from cloud.testing.vertex.tensorboards import TensorboardService

SERVICES: tuple[type[Service], ...] = (
    PipelineService,
    ScheduleService,
    JobService,
    ModelService,
    EndpointService,
    PredictionService,
    TensorboardService,
    MetadataService,
)


def vertex_api(
    names: Names,
    files: ObjectStore,
    faults: Faults,
    executor: JobExecutor | None = None,
    others: Iterable[Method] = (),
    state: Path | None = None,
) -> VertexApi:
    """Vertex AI with nothing in it, or with what an earlier one has left in the file `state`. `executor` runs its jobs;
    the default one only marks them as run."""

    def has_files(folder: str) -> bool:
        bucket, _, prefix = folder.removeprefix("gs://").partition("/")
        try:
            return any(each.name.startswith(f"{prefix.rstrip('/')}/") for each in files.objects(bucket))
        except exceptions.NotFound:
            return False

    # Operations are written as JSON here, too.
    register_client_messages()
    store = Store(names)
    backend = Backend(
        store, Operations(store), Lineage(store), executor or EndsWhenPolled(), threading.RLock(), has_files
    )
    if state is not None:
        backend.save = StateFile(state, store, backend.lineage).save
    return VertexApi(backend, SERVICES, faults, others)
