"""The HTTP face of one loaded version: Vertex' container contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.protocol.body import PROTOBUF, read_body
from serving.protocol.errors import JSON, exception_handlers
from serving.worker.answer_record import AnswerRecord
from serving.worker.plan import WorkerSettings
from serving.worker.predictor import Predictor


def worker_app(predictor: Predictor, settings: WorkerSettings, record: AnswerRecord | None = None) -> Starlette:
    """The application that answers by `predictor`; `record`: of its answers."""
    if record is not None:
        predictor.metrics.register(record.unwritten)

    async def predict(request: Request) -> Response:
        body = await read_body(request, settings.body_limit)
        form = PROTOBUF if request.headers.get("content-type") == PROTOBUF else JSON
        if record is None:
            reply = await predictor.answer(body, form)
        else:
            reply = await record.noted(predictor.answer(body, form))
        return Response(reply.body, media_type=form)

    async def health(_: Request) -> Response:
        return Response(b"{}", media_type=JSON)

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(predictor.metrics), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        predictor.start()
        if record is not None:
            record.start()
        yield
        if record is not None:
            await record.stop()

    return Starlette(
        routes=[
            Route(settings.predict_route, predict, methods=["POST"]),
            Route(settings.health_route, health, methods=["GET"]),
            Route("/metrics", show_metrics, methods=["GET"]),
        ],
        exception_handlers=exception_handlers(),
        lifespan=lifespan,
    )
