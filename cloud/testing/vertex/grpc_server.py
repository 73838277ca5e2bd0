"""Vertex AI over gRPC with TLS, by generic handlers: the wheels of the client hold no servicers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.api_core import exceptions
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from cloud.testing.certificates import HostCertificate
from cloud.testing.http_server import LOOPBACK
from cloud.testing.vertex.api import VertexApi
from cloud.testing.vertex.service import Method

# A compiled pipeline travels inside its job.
LARGEST_MESSAGE = 64 * 2**20


class GrpcServer:
    """One listening port, served until `stop`. `check` is given each call's Authorization header."""

    def __init__(self, api: VertexApi, host: HostCertificate, check: Callable[[str], object], port: int = 0) -> None:
        options = [("grpc.max_receive_message_length", LARGEST_MESSAGE), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(8, "local-vertex"), options=options)
        self._server.add_generic_rpc_handlers([_Calls(api, check)])
        credentials = grpc.ssl_server_credentials([(host.key, host.certificate)])
        self.port: int = self._server.add_secure_port(f"{LOOPBACK}:{port}", credentials)
        self._server.start()

    def stop(self) -> None:
        """Closes the port; calls under way have a second to end."""
        self._server.stop(grace=1).wait()


class _Calls(grpc.GenericRpcHandler):
    def __init__(self, api: VertexApi, check: Callable[[str], object]) -> None:
        self.api = api
        self.check = check
        self.methods = {method.path: method for method in api.methods}

    def service(self, details: Any) -> Any:
        """The handler of one call; None where the API has no such method (UNIMPLEMENTED)."""
        method = self.methods.get(details.method)
        if method is None:
            return None
        authorization = dict(details.invocation_metadata).get("authorization", "")
        return grpc.unary_unary_rpc_method_handler(
            lambda data, context: self._serve(method, authorization, data, context)
        )

    def _serve(self, method: Method, authorization: str, data: bytes, context: Any) -> bytes:
        try:
            self.check(authorization)
            answer: Message = self.api.call(method, method.request.FromString(data))
        except exceptions.GoogleAPICallError as error:
            context.abort_with_status(rpc_status.to_status(_status(error)))
        except DecodeError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The request cannot be decoded: {error}")
        except Exception:
            context.abort(grpc.StatusCode.INTERNAL, f"Defect of the local server:\n{traceback.format_exc()}")
        return answer.SerializeToString()


def _status(error: exceptions.GoogleAPICallError) -> status_pb2.Status:
    code = error.grpc_status_code.value[0] if error.grpc_status_code else code_pb2.UNKNOWN
    status = status_pb2.Status(code=code, message=error.message)
    for detail in error.details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
