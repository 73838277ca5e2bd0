"""`python -m serving` in the foreground: the port, the lock, and the router until SIGTERM."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from core.errors import SluiceError
from core.printable import show_text
from serving.local.fast_path import FastPath
from serving.local.fleet import Address, Fleet
from serving.local.fronts import ENVOY, ROUTER, Opened, PublicPort, envoy_listens, router_listens
from serving.local.page.routes import add_page
from serving.local.router import Beside, Router, RouterSettings, router_app
from serving.local.state import StateFile
from serving.local.worker import BehindFront
from serving.log.answer_files import FOLDER as ANSWERS
from serving.log.answer_files import AnswerFiles
from serving.log.recorder import AnswerRecorder
from serving.log.settings import LogSettings
from serving.own_folder import check_is_own
from serving.protocol.body import BODY_LIMIT
from serving.protocol.guarded_http import Limits, open_as_many_files_as_allowed
from serving.protocol.quiet_server import quiet_server
from serving.worker.garbage import leave_out_what_is_loaded
from serving.worker.plan import WorkerSettings
from serving.worker.port import open_port
from serving.worker.signals import run_until_signal

KEEP_ALIVE_SECONDS = 60


@dataclass(frozen=True)
class ServerSettings:
    """Which folder of versions is served, and where. `certificate` and `key` are files; without them no TLS.

    Without `log` no request is logged. `grpc_port`: of the PredictionService in gRPC; None: there is none.
    `front` is one of `serving.local.fronts.FRONTS`.
    """

    versions: Path
    name: str
    host: str = "127.0.0.1"
    port: int = 8080
    token: str = ""
    body_limit: int = BODY_LIMIT
    certificate: str = ""
    key: str = ""
    newest: bool = False
    log: LogSettings | None = None
    grpc_port: int | None = None
    front: str = ROUTER

    @property
    def limits(self) -> Limits:
        """Of a client."""
        return Limits(body_bytes=self.body_limit)

    @property
    def url(self) -> str:
        """The address for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
            self.host, f"[{self.host}]" if ":" in self.host else self.host
        )
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


def serve(settings: ServerSettings, announce: str = "") -> None:
    """Serves until SIGTERM or Ctrl-C, then answers what has begun.

    Raises:
      SluiceError: when the port is taken, the folder has no version or is of another workload, another process serves
        it, or Envoy, where it is the front, does not start or ends again and again.
    """
    file = StateFile(settings.versions, settings.name)
    check_certificate(settings.certificate, settings.key)
    open_as_many_files_as_allowed()
    with _alone(file), _private_folder() as folder, _opened(settings, folder, file) as opened:
        _begin(file, settings)
        settings = replace(settings, port=opened.port)
        grpc_address, besides = "", []
        if settings.grpc_port is not None:
            grpc_address, grpc = _grpc_front(settings, settings.grpc_port)
            besides.append(grpc)
        app = _app(settings, file, folder, opened, besides)
        if announce:
            show_text(announce.format(url=settings.url))
        if grpc_address:
            show_text(f"sluice · {settings.name} · gRPC {grpc_address} · PredictionService")
        leave_out_what_is_loaded()
        run_until_signal(_config(settings, app, opened), opened.listening, opened.envoy.drain if opened.envoy else None)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """For sockets: no one else can read it."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(settings: ServerSettings, folder: Path, file: StateFile) -> AbstractContextManager[Opened]:
    certificate, key = _absolute(settings.certificate), _absolute(settings.key)
    public = PublicPort(settings.host, settings.port, certificate, key, settings.limits)
    return envoy_listens(public, folder, file.read()) if settings.front == ENVOY else router_listens(public)


def _absolute(path: str) -> str:
    """The same file for whoever is in another folder; empty when there is none."""
    return str(Path(path).resolve()) if path else ""


def _app(settings: ServerSettings, file: StateFile, folder: Path, opened: Opened, besides: list[Beside]) -> FastPath:
    """The router's application, with all that begins and ends with it."""
    address = Address(settings.url, _absolute(settings.certificate))
    # The router, or whoever stands in its place, has checked the body's size.
    workers = WorkerSettings(body_limit=settings.body_limit)
    recorder = AnswerRecorder(AnswerFiles(file.folder / ANSWERS).append)
    log = settings.log.opened(settings.name) if settings.log else None
    router = Router(RouterSettings(settings.name, settings.token, settings.body_limit), recorder, log)
    behind = None
    if opened.envoy is not None:
        behind = BehindFront(settings.token, settings.log.share if settings.log else 0.0, router.noted)
        besides = [*besides, opened.envoy.reporting]
    app = router_app(router, lambda: Fleet(file, address, folder, workers, opened.envoy, behind), besides)
    add_page(app, router)
    return FastPath(app)


def _config(settings: ServerSettings, app: FastPath, opened: Opened) -> uvicorn.Config:
    is_public = opened.envoy is None
    return quiet_server(
        app,
        settings.limits,
        KEEP_ALIVE_SECONDS,
        loop="uvloop",
        ssl_certfile=(is_public and settings.certificate) or None,
        ssl_keyfile=(is_public and settings.key) or None,
    )


def _grpc_front(settings: ServerSettings, port: int) -> tuple[str, Beside]:
    """Where gRPC will be answered, and the front that does it; whoever finds the port taken learns it now."""
    with open_port(settings.host, port, "--grpc-port {port}", listen=False) as free:
        port = free.getsockname()[1]
    address = f"[{settings.host}]:{port}" if ":" in settings.host else f"{settings.host}:{port}"
    # Before gRPC is imported: each process that is started beside it would leave a line in the log.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from serving.local.grpc_front import GrpcSettings, grpc_front

    return address, partial(grpc_front, settings=GrpcSettings(address, settings.certificate, settings.key))


def _begin(file: StateFile, settings: ServerSettings) -> None:
    """Checks the state, or that there is a version to begin with."""
    if settings.newest:
        file.change(lambda state: state.model_copy(update={"follows_newest": True, "mirror": None}))
    if not file.read().deployed and file.newest_version() is None:
        if file.aside():
            raise SluiceError(
                f"{settings.versions} holds no version to serve but those that a rollout took back",
                f"Push another one:  {_run(file)}",
            )
        raise SluiceError(
            f"{settings.versions} holds no version to serve: nothing was pushed yet",
            f"Push one:  {_run(file)}",
        )


@contextmanager
def _alone(file: StateFile) -> Iterator[None]:
    check_is_own(file.versions)
    if not file.versions.is_dir():
        raise SluiceError(
            f"there is no folder {file.versions}: no model of `{file.name}` was pushed",
            f"Push one:  {_run(file)}",
        )
    _make(file.folder)
    lock = FileLock(file.folder / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as taken:
        observed = file.observed()
        where = f" at {observed.address}" if observed else ""
        raise SluiceError(f"another process serves {file.versions}{where}", "Stop it first, or call it.") from taken
    try:
        yield
    finally:
        lock.release()


def _run(file: StateFile) -> str:
    """The command that pushes into the folder that is served."""
    return f"python runners/local_runner.py --workload {file.name} --output-dir {file.versions.parent.parent}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        sentence = f"{folder}, which would hold the state of the endpoint, cannot be made: {problem.strerror}"
        raise SluiceError(sentence, f"Look:  ls -ld {folder}") from problem


def check_certificate(certificate: str, key: str) -> None:
    """Checks that both files are there and belong together.

    Raises:
      SluiceError: when they do not, or only one is given.
    """
    if not certificate and not key:
        return
    if not (certificate and key):
        raise SluiceError("TLS takes a certificate and its key", "Give both:  --certificate FILE --key FILE")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        raise SluiceError(f"{certificate} and {key} are no certificate and key for TLS: {problem}") from problem
