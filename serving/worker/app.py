"""The HTTP face of one loaded version: Vertex' container contract. A router stands before it, or Vertex does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.text import counted
from serving.protocol.body import PROTOBUF, read_body
from serving.protocol.errors import JSON, RequestError, exception_handlers
from serving.worker.batcher import Batcher
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerSettings
from serving.worker.request import read_json
from serving.worker.tensors import read_tensors


def worker_app(model: LoadedModel, settings: WorkerSettings) -> Starlette:
    """The application that answers for `model`."""
    metrics = CollectorRegistry()
    batch_sizes = Histogram(
        "sluice_batch_rows",
        "Rows of one call of the model",
        buckets=[2**power for power in range(11)],
        registry=metrics,
    )
    answered = Counter("sluice_instances", "Instances answered", registry=metrics)

    def predict_rows(columns: Any) -> Any:
        batch_sizes.observe(len(next(iter(columns.values()))))
        return model.predict(columns)

    batcher = Batcher(predict_rows, settings.batch_rows, settings.queue_rows)

    async def predict(request: Request) -> Response:
        body = await read_body(request, settings.body_limit)
        form = PROTOBUF if request.headers.get("content-type") == PROTOBUF else JSON
        asked = (
            read_json(body, model.features, model.classes)
            if form == JSON
            else read_tensors(body, model.features, settings.body_limit)
        )
        answer = asked.answer(await batcher.submit(asked.columns, asked.rows))
        if 0 < settings.answer_limit < len(answer):
            raise _too_large(asked.rows, settings.answer_limit)
        answered.inc(asked.rows)
        return Response(answer, media_type=form)

    async def health(_: Request) -> Response:
        return Response(b"{}", media_type=JSON)

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        batcher.start()
        yield

    return Starlette(
        routes=[
            Route(settings.predict_route, predict, methods=["POST"]),
            Route(settings.health_route, health, methods=["GET"]),
            Route("/metrics", show_metrics, methods=["GET"]),
        ],
        exception_handlers=exception_handlers(),
        lifespan=lifespan,
    )


def _too_large(instances: int, limit: int) -> RequestError:
    sent = counted(instances, "instance")
    return RequestError(
        400, f"the answer to {sent} is larger than {limit} bytes, the limit of this endpoint; send fewer"
    )
