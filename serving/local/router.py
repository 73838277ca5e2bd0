"""The front of a local endpoint: checks who asks, chooses the version, and hands its answer back. It loads no model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from serving.local.fleet import Fleet
from serving.local.metrics import Metrics
from serving.local.worker import MOST_COPIES, Worker, WorkerAnswer
from serving.log.answered import Answered
from serving.log.exchange import Exchange
from serving.log.recorder import AnswerRecorder
from serving.log.serving_log import ServingLog
from serving.protocol.body import BODY_LIMIT, PROTOBUF, read_body
from serving.protocol.errors import JSON, RequestError, error_response, exception_handlers
from serving.protocol.frames import PROTOBUF_LOGGED
from serving.protocol.notes import Note
from serving.protocol.openapi import with_instances
from serving.protocol.request_id import HEADER, request_id_of
from serving.protocol.token import check_authorization

_GONE = 499  # as nginx: the client, or this server, ended before the answer


@dataclass(frozen=True)
class RouterSettings:
    """`name` is the endpoint's and its model's; an empty `token` lets everybody in."""

    name: str
    token: str = ""
    body_limit: int = BODY_LIMIT


class Router:
    """Sends requests to the workers of a fleet and copies where the state says so."""

    def __init__(self, settings: RouterSettings, recorder: AnswerRecorder, log: ServingLog | None) -> None:
        self.settings = settings
        self.recorder = recorder
        self.log = log
        self.metrics = Metrics()
        for kept in self.kept():
            self.metrics.registry.register(kept.unwritten)
        self.fleet: Fleet | None = None
        self._copies: set[asyncio.Task[None]] = set()

    def kept(self) -> Sequence[AnswerRecorder | ServingLog]:
        """What is kept of answers."""
        return [self.recorder, *([self.log] if self.log else [])]

    def running(self) -> Fleet:
        """The fleet; it is there while the application runs."""
        assert self.fleet is not None
        return self.fleet

    async def predict(self, request: Request, worker: Worker | None = None, raw: bool = False) -> Response:
        """Answers by the split, or by one worker; `raw` leaves the body as the version gives it.

        Raises:
          RequestError: when the caller may not ask, the body is too large, or the version does not answer.
        """
        self.check_token(request)
        body = await read_body(request, self.settings.body_limit)
        request_id = request_id_of(request)
        chosen, answer = await self.ask(body, JSON, request_id, worker)
        headers = {**chosen.identity.headers, HEADER: request_id}
        content = answer.body if raw or answer.code != 200 else chosen.identity.named(answer.body)
        return Response(content, status_code=answer.code, media_type=JSON, headers=headers)

    async def ask(
        self, body: bytes, form: str, request_id: str, worker: Worker | None = None
    ) -> tuple[Worker, WorkerAnswer]:
        """Who answered, and what; by the split, or by one worker. A copy goes where the state says so, and into the log
        what the split answers and the sample takes.

        Raises:
          RequestError: when the version does not answer.
        """
        fleet = self.running()
        chosen = worker or fleet.choose()
        copied = None if worker else fleet.chosen_to_mirror(chosen)
        if copied is not None:
            self._copy(copied, body, form)
        log = self.log if worker is None and self.log and self.log.wants(body) else None
        asked = PROTOBUF_LOGGED if log and form == PROTOBUF else form
        answer = await self._answered(chosen, body, asked, by_split=worker is None)
        if log and answer.code == 200:
            log.take(_exchange(request_id, chosen, body, form, answer))
        return chosen, answer

    def check_token(self, request: Request) -> None:
        """Lets the caller in.

        Raises:
          RequestError: 401 without the token.
        """
        self.check_authorization(request.headers.get("authorization", ""))

    def check_authorization(self, given: str) -> None:
        """Lets in who gives this header, or this entry of the metadata in gRPC.

        Raises:
          RequestError: 401 without the token.
        """
        check_authorization(given, self.settings.token)

    def named(self, model: str) -> None:
        """Checks the name in a path.

        Raises:
          RequestError: 404 when the endpoint is called otherwise, 405 when a prediction is asked for by GET.
        """
        if model == f"{self.settings.name}:predict":
            raise RequestError(405, "a prediction takes POST")
        if model != self.settings.name:
            raise RequestError(
                404, f'there is no model "{model[:100]}" here; this endpoint serves "{self.settings.name}"'
            )

    def version(self, version: str) -> Worker:
        """The worker of a version.

        Raises:
          RequestError: 404 when it is not deployed.
        """
        fleet = self.running()
        found = fleet.of_version(version)
        if found is None:
            there = ", ".join(each.stored.version for each in fleet.workers.values()) or "none"
            raise RequestError(404, f'version "{version[:100]}" is not deployed; deployed: {there}')
        return found

    def most_asked(self) -> Worker | None:
        """The worker with the most traffic; none while no version has any."""
        fleet = self.running()
        shares = fleet.state.traffic
        return fleet.workers[max(shares, key=shares.__getitem__)] if shares else None

    def noted(self, worker: Worker, note: Note) -> None:
        """Keeps what a worker has answered past this router, as if it had come this way."""
        stored = worker.stored
        if note.is_copy:
            self.metrics.copies.labels(stored.model, stored.version, str(note.code)).inc()
        else:
            self._count(worker, note.code, note.seconds)
        self.recorder.lost(note.lost)
        answered = Answered(note.time, stored.deployed_id, note.code, note.seconds, note.answer, note.is_copy)
        self.recorder.answered(answered)
        if note.request and self.log is not None:
            features = worker.report["features"]
            model, version = stored.model, stored.version
            self.log.take(Exchange(note.time, note.request_id, model, version, features, note.request, note.answer))

    def unanswered(self, deployed_id: str, code: int, seconds: float) -> None:
        """Keeps that a version has not answered a request past this router."""
        worker = self.running().workers.get(deployed_id)
        if worker is not None:
            self._count(worker, code, seconds)
            self._record(worker, code, seconds, b"")

    async def _answered(self, worker: Worker, body: bytes, form: str, by_split: bool) -> WorkerAnswer:
        began = time.perf_counter()
        code, content = 500, b""
        try:
            answer = await worker.post(body, form)
            code, content = answer.code, answer.in_json
            return answer
        except RequestError as refused:
            code = refused.code
            raise
        except asyncio.CancelledError:
            code = _GONE
            raise
        finally:
            seconds = time.perf_counter() - began
            self._count(worker, code, seconds)
            # Who names a version tests it: such requests are no sample of what users send.
            if by_split:
                self._record(worker, code, seconds, content)

    def _copy(self, worker: Worker, body: bytes, form: str) -> None:
        """Nobody waits for a copy, and when too many are on their way the next ones are left out."""
        if len(self._copies) >= MOST_COPIES:
            self.metrics.copies.labels(worker.stored.model, worker.stored.version, "left out").inc()
            return

        async def sent() -> None:
            began, content = time.perf_counter(), b""
            try:
                answer = await worker.post(body, form)
                code, content = answer.code, answer.in_json
            except RequestError as refused:
                code = refused.code
            self.metrics.copies.labels(worker.stored.model, worker.stored.version, str(code)).inc()
            self._record(worker, code, time.perf_counter() - began, content, is_copy=True)

        task = asyncio.get_running_loop().create_task(sent())
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    def _count(self, worker: Worker, code: int, seconds: float) -> None:
        labels = (worker.stored.model, worker.stored.version)
        self.metrics.requests.labels(*labels, str(code)).inc()
        self.metrics.seconds.labels(*labels).observe(seconds)

    def _record(self, worker: Worker, code: int, seconds: float, content: bytes, is_copy: bool = False) -> None:
        deployed_id = worker.stored.deployed_id
        self.recorder.answered(Answered(time.time(), deployed_id, code, seconds, content, is_copy))


def _exchange(request_id: str, worker: Worker, body: bytes, form: str, answer: WorkerAnswer) -> Exchange:
    stored, features = worker.stored, worker.report["features"]
    return Exchange(time.time(), request_id, stored.model, stored.version, features, body, answer.in_json, form)


Beside = Callable[[Router], AbstractAsyncContextManager[None]]


def router_app(router: Router, start_fleet: Callable[[], Fleet], besides: Sequence[Beside] = ()) -> FastAPI:
    """The application of the front. The fleet, the record of answers and the serving log begin and end with it, and so
    do `besides`, other fronts and what belongs to them."""
    settings = router.settings

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        router.fleet = start_fleet()
        for kept in router.kept():
            kept.start()
        async with AsyncExitStack() as stack:
            for beside in besides:
                await stack.enter_async_context(beside(router))
            yield
        await router.fleet.stop()
        for kept in router.kept():
            await kept.stop()

    app = FastAPI(
        title=f"Sluice endpoint {settings.name}",
        lifespan=lifespan,
        exception_handlers=exception_handlers(),
        # A browser does not send the token, and without it nobody is shown the signature.
        openapi_url=None if settings.token else "/openapi.json",
        # FastAPI's own pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.router = router
    _add_predict_routes(app, router)
    _add_state_routes(app, router)

    def described() -> dict[str, Any]:
        fleet = router.running()
        plain = get_openapi(title=app.title, version="1", routes=app.routes)
        reports = [fleet.workers[each].report for each in fleet.state.traffic if fleet.workers[each].report]
        return with_instances(plain, reports[0]["features"] if reports else [])

    app.openapi = described  # type: ignore[method-assign]
    return app


def _add_predict_routes(app: FastAPI, router: Router) -> None:
    """Vertex' and TensorFlow Serving's paths of the same predictions."""

    @app.post("/v1/models/{model}:predict")
    async def predict(model: str, request: Request) -> Response:
        """Predict, by the split of the traffic."""
        router.named(model)
        return await router.predict(request)

    @app.post("/v1/models/{model}/versions/{version}:predict")
    async def predict_by_version(model: str, version: str, request: Request) -> Response:
        """Predict by one version, whatever its traffic."""
        router.named(model)
        return await router.predict(request, router.version(version))

    @app.post("/v1/models/{model}/deployed/{deployed_id}:predict")
    async def predict_by_id(model: str, deployed_id: str, request: Request) -> Response:
        """Predict by one deployed model, whatever its traffic."""
        router.named(model)
        worker = router.running().workers.get(deployed_id)
        if worker is None:
            raise RequestError(404, f'no model "{deployed_id[:100]}" is deployed here')
        return await router.predict(request, worker)

    vertex = "/v1/projects/{project}/locations/{location}/endpoints/{endpoint}"

    @app.post(vertex + ":predict")
    async def predict_as_vertex(project: str, location: str, endpoint: str, request: Request) -> Response:
        """Predict at the path of a Vertex endpoint; project and location are of no account here."""
        del project, location
        router.named(endpoint)
        return await router.predict(request)

    @app.post(vertex + ":rawPredict")
    async def raw_predict(project: str, location: str, endpoint: str, request: Request) -> Response:
        """Predict; the body is the version's own, the headers name it."""
        del project, location
        router.named(endpoint)
        return await router.predict(request, raw=True)


def _add_state_routes(app: FastAPI, router: Router) -> None:
    @app.get("/v1/models/{model}")
    async def status(model: str, request: Request) -> Response:
        """TensorFlow Serving's status of every version."""
        router.check_token(request)
        router.named(model)
        return _json({"model_version_status": [_status(each) for each in router.running().workers.values()]})

    @app.get("/v1/models/{model}/versions/{version}")
    async def status_of_version(model: str, version: str, request: Request) -> Response:
        """TensorFlow Serving's status of one version."""
        router.check_token(request)
        router.named(model)
        return _json({"model_version_status": [_status(router.version(version))]})

    @app.get("/v1/models/{model}/metadata")
    async def metadata(model: str, request: Request) -> Response:
        """TensorFlow Serving's description of the signature, of the version with the most traffic."""
        router.check_token(request)
        router.named(model)
        return _json(_metadata(router.most_asked()))

    @app.get("/v1/models/{model}/versions/{version}/metadata")
    async def metadata_of_version(model: str, version: str, request: Request) -> Response:
        """TensorFlow Serving's description of the signature of one version."""
        router.check_token(request)
        router.named(model)
        return _json(_metadata(router.version(version)))

    @app.get("/healthz")
    async def health() -> Response:
        """200 when every version that has traffic answers."""
        if missing := router.running().unready():
            return error_response(503, f"not ready: {', '.join(missing)}")
        return _json({"status": "ok"})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Figures by version, for Prometheus."""
        router.check_token(request)
        return Response(router.metrics.text(router.running()), media_type=CONTENT_TYPE_LATEST)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type=JSON)


def _status(worker: Worker) -> dict[str, Any]:
    state = "AVAILABLE" if worker.ready else "END" if worker.problem else "LOADING"
    code = "UNAVAILABLE" if worker.problem else "OK"
    return {
        "version": worker.stored.version,
        "state": state,
        "status": {"error_code": code, "error_message": worker.problem},
    }


def _metadata(worker: Worker | None) -> dict[str, Any]:
    if worker is None or not worker.report:
        raise RequestError(503, "no version is loaded yet")
    spec = {"name": worker.stored.model, "signature_name": "", "version": worker.stored.version}
    more = {"classes": worker.report["classes"], "features": worker.report["features"]}
    return {"model_spec": spec, "metadata": worker.report["metadata"], "sluice": more}
