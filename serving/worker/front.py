"""The worker's HTTP face behind a front that splits by itself: the answers that the router would give.

The router learns of each by a note, and keeps metrics, record and log as if it had answered.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.log.answer_line import BODY_BYTES
from serving.log.sample import Sample
from serving.protocol.body import read_body
from serving.protocol.errors import DEFECT, JSON, RequestError, error_body, exception_handlers
from serving.protocol.guarded_http import Limits
from serving.protocol.notes import Note
from serving.protocol.quiet_server import LONG_KEEP_ALIVE_SECONDS, quiet_server
from serving.protocol.request_id import HEADER, request_id_of
from serving.protocol.token import check_authorization
from serving.worker.plan import FrontPlan
from serving.worker.port import unix_port
from serving.worker.predictor import Predictor

_OK, _DEFECT = 200, 500
_RAW = ":rawPredict"

Noting = Callable[[Note], None]


@dataclass(frozen=True)
class Access:
    """Whose requests are read, and how much of them; an empty `token` lets everybody in."""

    token: str
    body_limit: int


class FrontApp:
    """Answers predictions, whatever their path: the front has chosen this version. `is_copy`: nobody waits for the
    answers."""

    def __init__(
        self,
        predictor: Predictor,
        plan: FrontPlan,
        access: Access,
        note: Noting,
        is_copy: bool = False,
    ) -> None:
        self._predictor = predictor
        self._identity = plan.identity
        self._sample = Sample(0.0 if is_copy else plan.log_share)
        self._access = access
        self._note = note
        self._is_copy = is_copy
        self._on_error = exception_handlers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        request = Request(scope, receive)
        try:
            check_authorization(request.headers.get("authorization", ""), self._access.token)
            body = await read_body(request, self._access.body_limit)
        except RequestError as refused:
            response: Response = await self._on_error[RequestError](request, refused)
        else:
            response = await self._answered(request, body)
        await response(scope, receive, send)

    async def _answered(self, request: Request, body: bytes) -> Response:
        began = time.perf_counter()
        code, answer = await self._predicted(request, body)
        seconds = time.perf_counter() - began
        request_id = request_id_of(request)
        is_logged = code == _OK and self._sample.wants(body)
        kept = answer if is_logged else answer[:BODY_BYTES]
        asked = body if is_logged else b""
        self._note(Note(time.time(), code, seconds, self._is_copy, request_id, kept, asked))
        is_named = code == _OK and not request.scope["path"].endswith(_RAW)
        content = self._identity.named(answer) if is_named else answer
        headers = {**self._identity.headers, HEADER: request_id}
        return Response(content, status_code=code, media_type=JSON, headers=headers)

    async def _predicted(self, request: Request, body: bytes) -> tuple[int, bytes]:
        try:
            return _OK, (await self._predictor.answer(body, JSON)).body
        except RequestError as refused:
            return refused.code, error_body(refused.code, refused.message)
        except Exception as problem:
            await self._on_error[Exception](request, problem)  # a line in the log
            return _DEFECT, error_body(_DEFECT, DEFECT)


def listening_at(plan: FrontPlan) -> list[socket.socket]:
    """The sockets for requests and for copies of them. Whoever connects waits until `front_servers` answers."""
    return [unix_port(plan.requests), unix_port(plan.copies)]


@asynccontextmanager
async def front_servers(
    predictor: Predictor, plan: FrontPlan, listening: Sequence[socket.socket], access: Access, note: Noting
) -> AsyncIterator[None]:
    """Answers at the sockets of `listening_at` while the block runs, then finishes what has begun."""
    running = []
    for opened, is_copy in zip(listening, (False, True), strict=True):
        app = FrontApp(predictor, plan, access, note, is_copy)
        limits = Limits(body_bytes=access.body_limit)
        server = _Server(quiet_server(app, limits, LONG_KEEP_ALIVE_SECONDS, lifespan="off"))
        running.append((server, asyncio.create_task(server.serve(sockets=[opened]))))
    yield
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))


class _Server(uvicorn.Server):
    """One of several in a process, whose signals are taken elsewhere."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn.Server."""
        yield
