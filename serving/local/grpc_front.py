"""TensorFlow Serving's gRPC PredictionService in front of the same workers: the same split, checks and metrics.

Messages pass as bytes: their classes would load TensorFlow into the router. Only the field `model_spec` is read and
written here, through messages of protobuf's own which have the same bytes.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import orjson
from google.protobuf.any_pb2 import Any as SecondField
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import BytesValue as FirstField
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.local.router import Router
from serving.local.worker import Worker
from serving.protocol.body import PROTOBUF, SIGNATURE
from serving.protocol.errors import STATUS, RequestError
from serving.protocol.request_id import HEADER, usable_id

SERVICE = "tensorflow.serving.PredictionService"
DRAIN_SECONDS = 30
_OK = 200
_LARGEST_VERSION = 2**63
_ID = HEADER.lower()
# The message, the id of the request, and gRPC's context.
Call = Callable[[bytes, str, Any], Awaitable[bytes]]


@dataclass(frozen=True)
class GrpcSettings:
    """`address` is host:port; `certificate` and `key` are files; without them no TLS."""

    address: str
    certificate: str = ""
    key: str = ""


@asynccontextmanager
async def grpc_front(router: Router, settings: GrpcSettings) -> AsyncIterator[None]:
    """Answers gRPC while the block runs, then finishes what has begun."""
    server = grpc.aio.server(
        options=[
            # Two servers must not share a port.
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", router.settings.body_limit),
        ]
    )
    server.add_generic_rpc_handlers((_handlers(PredictionService(router)),))
    if settings.certificate:
        pair = (Path(settings.key).read_bytes(), Path(settings.certificate).read_bytes())
        server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(settings.address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(DRAIN_SECONDS)


class PredictionService:
    """The calls that are answered; others are UNIMPLEMENTED."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def predict(self, body: bytes, request_id: str, context: Any) -> bytes:
        """From a PredictRequest to a PredictResponse.

        Raises:
          RequestError: when the caller may not ask, the request does not fit, or the version does not answer.
        """
        worker, answer = await self._router.ask(body, PROTOBUF, request_id, self._named(body))
        headers = {**worker.identity.headers, HEADER: request_id}
        context.set_trailing_metadata([(name.lower(), value) for name, value in headers.items()])
        if answer.code != _OK:
            raise RequestError(answer.code, orjson.loads(answer.body)["error"]["message"])
        # Fields may come in any order, so one more may be added at the end.
        return bytes(answer.body + SecondField(value=_spec_of(worker)).SerializeToString())

    async def metadata(self, body: bytes, _: str, __: Any) -> bytes:
        """From a GetModelMetadataRequest to a GetModelMetadataResponse with the signature, the one kind that exists.

        Raises:
          RequestError: when the model is not there or not loaded yet.
        """
        worker = self._named(body) or self._router.most_asked()
        if worker is None or not worker.report:
            raise RequestError(503, "no version is loaded yet")
        message = base64.b64decode(worker.report["metadata_message"])
        return bytes(message + FirstField(value=_spec_of(worker)).SerializeToString())

    def check_caller(self, context: Any) -> None:
        """Lets the caller in.

        Raises:
          RequestError: 401 without the token.
        """
        self._router.check_authorization(_entry(context, "authorization"))

    def _named(self, body: bytes) -> Worker | None:
        """The worker of the version that a request names; None when it names none: the split decides."""
        try:
            spec = ModelSpec.FromString(FirstField.FromString(body).value)
        except DecodeError as problem:
            raise RequestError(400, "the message is no request of PredictionService") from problem
        self._router.named(spec.name)
        if spec.version_label:
            raise RequestError(
                404, f'there is no version with the label "{spec.version_label[:100]}": versions have none'
            )
        return self._router.version(str(spec.version.value)) if spec.HasField("version") else None


def _entry(context: Any, name: str) -> str:
    """An entry of the metadata of a call; empty where there is none, or none that is text."""
    given = dict(context.invocation_metadata() or ()).get(name, "")
    return given if isinstance(given, str) else ""


def _spec_of(worker: Worker) -> bytes:
    """Who answered."""
    spec = ModelSpec(name=worker.stored.model, signature_name=SIGNATURE)
    version = int(worker.stored.version)
    if version < _LARGEST_VERSION:
        spec.version.value = version
    return bytes(spec.SerializeToString())


def _handlers(service: PredictionService) -> Any:
    calls = {"Predict": service.predict, "GetModelMetadata": service.metadata}
    # Without functions to read and write messages, bytes come and go.
    methods = {name: grpc.unary_unary_rpc_method_handler(_refusing(service, call)) for name, call in calls.items()}
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _refusing(service: PredictionService, call: Call) -> Callable[[bytes, Any], Awaitable[bytes]]:
    """The call, with every error as gRPC has it and never a traceback."""

    async def answered(body: bytes, context: Any) -> bytes:
        request_id = usable_id(_entry(context, _ID))
        # A refusal carries it, too.
        context.set_trailing_metadata([(_ID, request_id)])
        try:
            service.check_caller(context)
            return await call(body, request_id, context)
        except RequestError as refused:
            code, message = refused.code, refused.message
        except Exception as problem:
            logging.getLogger(__name__).error("a call of %s", SERVICE, exc_info=problem)
            code, message = 500, "the endpoint failed; its log says why"
        await context.abort(grpc.StatusCode[STATUS.get(code, "UNKNOWN")], message)
        raise AssertionError("abort ends the call")

    return answered
