"""`LocalCloud`: every local server started together, and the environment in which Google's clients find them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from google.cloud.aiplatform.constants.base import SUPPORTED_REGIONS

from cloud.testing.access import Access
from cloud.testing.certificates import Authority, server_context
from cloud.testing.environment import applied, client_environment, over
from cloud.testing.faults import Faults
from cloud.testing.http_server import LOOPBACK, HttpServer, by_host
from cloud.testing.loop_thread import LoopThread
from cloud.testing.messages import Answer, Handler, Request
from cloud.testing.proxy import Proxy
from cloud.testing.services.artifact_registry import ArtifactRegistry
from cloud.testing.services.bigquery import BigQuery
from cloud.testing.services.iam import Identity
from cloud.testing.services.quotas import Quotas
from cloud.testing.services.service_usage import ServiceUsage
from cloud.testing.storage.api import storage_router
from cloud.testing.storage.objects import ObjectStore
from cloud.testing.tokens import Tokens
from cloud.testing.vertex.endpoints import DEDICATED_DOMAIN
from cloud.testing.vertex.grpc_server import GrpcServer
from cloud.testing.vertex.model_host import ModelHost
from cloud.testing.vertex.names import Names
from cloud.testing.vertex.prediction_hosts import prediction_hosts
from cloud.testing.vertex.rest import rest_router
from cloud.testing.vertex.runs import JobExecutor
from cloud.testing.vertex.server import vertex_api

if TYPE_CHECKING:
    from cloud.testing.dataflow.jobs import DataflowJobs

Server = TypeVar("Server", HttpServer, GrpcServer)

PROJECT_NUMBER = "123456789012"
# Every service's host is one label before googleapis.com, every registry's one before pkg.dev.
_DEDICATED = [f"*.{region}-{PROJECT_NUMBER}.{DEDICATED_DOMAIN}" for region in sorted(SUPPORTED_REGIONS)]
CERTIFIED = ("*.googleapis.com", "*.pkg.dev", "localhost", LOOPBACK, *_DEDICATED)


@cache
def process_authority() -> Authority:
    """The authority of this process: gRPC reads the roots that it trusts once, so later clouds keep the first one's."""
    return Authority()


class LocalCloud:
    """A context manager: servers run on threads of this process from `with` to the end of its block.

    `child_environment()` is for child processes; `applied()` sets the same variables in this one. A `folder` keeps the
    objects of Cloud Storage and the resources of Vertex AI for the next local cloud, without one they end with this.
    When it `serves`, a deployed model is a process that answers predictions; otherwise deploying starts nothing.
    """

    def __init__(
        self,
        project: str = "local-project",
        folder: Path | None = None,
        executor: JobExecutor | None = None,
        serves: bool = False,
    ) -> None:
        self.project = project
        self._serves = serves
        self.access = Access()
        self.faults = Faults()
        self.tokens = Tokens(project)
        self.storage = ObjectStore(folder)
        self.service_usage = ServiceUsage()
        self.identity = Identity(project, PROJECT_NUMBER, self.access, self.tokens.issue, {self.tokens.email})
        self.images = ArtifactRegistry(self.access)
        self.quotas = Quotas(self.access)
        self.bigquery = BigQuery(self.access)
        names, others = Names(project, PROJECT_NUMBER), self.identity.grpc_methods()
        state = folder / "vertex.sqlite" if folder else None
        self.vertex = vertex_api(names, self.storage, self.faults, executor, others, state)
        self._stack = ExitStack()

    def __enter__(self) -> LocalCloud:
        with ExitStack() as stack:
            self._home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="local-cloud-")))
            self._loop = LoopThread()
            stack.callback(self._loop.stop)
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead Google's clients here."""
        files = (str(self._home / name) for name in ("authority.pem", "credentials.json", "gcloud"))
        return client_environment(self.project, self.proxy.port, *files)

    def child_environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """All variables for a child process: those of `base`, and over them ours."""
        return over(base, self.environment)

    def applied(self) -> AbstractContextManager[None]:
        """A context in which this process's clients are led here."""
        return applied(self.environment)

    @cached_property
    def dataflow(self) -> DataflowJobs:
        """The jobs of Dataflow. Made when they are needed, for it takes Beam, which is slow to import."""
        from cloud.testing.dataflow.jobs import DataflowJobs

        return DataflowJobs(self.child_environment)

    @property
    def storage_address(self) -> str:
        """For STORAGE_EMULATOR_HOST: clients that honour it come straight here, without TLS and credentials."""
        return f"http://{LOOPBACK}:{self._storage_server.port}"

    @property
    def vertex_address(self) -> str:
        """For `api_endpoint` with the REST transport: straight here, without TLS and credentials."""
        return f"http://{LOOPBACK}:{self._vertex_server.port}"

    def _start(self, stack: ExitStack) -> None:
        authority = process_authority()
        (self._home / "authority.pem").write_bytes(authority.pem)
        storage = storage_router(self.storage, self.access, self.faults)
        hosts = self._hosts(storage)
        certificate = authority.issue(CERTIFIED)
        tls = server_context(certificate, self._home)
        front = by_host(hosts)
        https = self._serve(stack, HttpServer(front, tls))
        plain = self._serve(stack, HttpServer(front))
        self._storage_server = self._serve(stack, HttpServer(storage))
        token_server = self._serve(stack, HttpServer(self.tokens.router()))
        self._vertex_server = self._serve(stack, HttpServer(rest_router(self.vertex)))
        grpc = self._serve(stack, GrpcServer(self.vertex, certificate, self.tokens.caller))
        self.proxy = Proxy(hosts, https=https.port, grpc=grpc.port, http=plain.port)
        self._loop.run(self.proxy.start())
        stack.callback(lambda: self._loop.run(self.proxy.stop()))
        token_uri = f"http://{LOOPBACK}:{token_server.port}/token"
        self.tokens.write_credentials(self._home / "credentials.json", token_uri)
        # Processes end before what they write to at their end.
        stack.callback(self._stop_dataflow)
        if self._serves:
            host = ModelHost(self.storage, self.child_environment)
            stack.callback(host.close)
            self.vertex.backend.host = host

    @staticmethod
    def _serve(stack: ExitStack, server: Server) -> Server:
        stack.callback(server.stop)
        return server

    def _hosts(self, storage: Handler) -> dict[str, Handler]:
        """What answers for each host (a shell pattern), in the order in which they are tried."""
        vertex = rest_router(self.vertex)
        shared, dedicated = prediction_hosts(vertex, self.vertex.backend)
        large: dict[str, Handler] = {
            **{f"{region}-aiplatform.googleapis.com": shared for region in sorted(SUPPORTED_REGIONS)},
            f"*.{DEDICATED_DOMAIN}": dedicated,
            "storage.googleapis.com": storage,
            "www.googleapis.com": storage,
        }
        small: dict[str, Handler] = {
            "serviceusage.googleapis.com": self.service_usage.router(),
            "cloudresourcemanager.googleapis.com": self.identity.resource_manager_router(),
            "iam.googleapis.com": self.identity.iam_router(),
            "iamcredentials.googleapis.com": self.identity.credentials_router(),
            "artifactregistry.googleapis.com": self.images.router(),
            "*-docker.pkg.dev": self.images.registry_router(),
            "bigquery.googleapis.com": self.bigquery.router(),
            "cloudquotas.googleapis.com": self.quotas.limits_router(),
            "monitoring.googleapis.com": self.quotas.usage_router(),
            "dataflow.googleapis.com": self._dataflow_api,
        }
        without: dict[str, Handler] = {
            "oauth2.googleapis.com": self.tokens.router(),
            "metadata.google.internal": self.tokens.metadata_router(),
            "169.254.169.254": self.tokens.metadata_router(),
        }
        counted = {host: self._counted(host, handler) for host, handler in small.items()}
        return {host: self.tokens.guarding(handler) for host, handler in (large | counted).items()} | without

    def _dataflow_api(self, request: Request) -> Answer:
        from cloud.testing.dataflow.api import DataflowApi

        return DataflowApi(self.dataflow, self.access).router()(request)

    def _stop_dataflow(self) -> None:
        if "dataflow" in vars(self):
            self.dataflow.stop()

    def _counted(self, host: str, handler: Handler) -> Handler:
        """Small services are known to `faults` by host, method and path; the large ones name their calls themselves."""

        def counted(request: Request) -> Answer:
            self.faults.enter(f"{host} {request.method} {request.path}")
            return handler(request)

        return counted
