"""What listens on the endpoint's port: the router itself, or Envoy with the router behind it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import SluiceError
from serving.local.envoy.binary import find_envoy
from serving.local.envoy.bootstrap import Place
from serving.local.envoy.front import EnvoyFront
from serving.local.envoy.process import EnvoyProcess
from serving.local.state import StoredState
from serving.protocol.guarded_http import Limits
from serving.worker.port import open_port, unix_port

ROUTER, ENVOY = FRONTS = ("router", "envoy")


@dataclass(frozen=True)
class PublicPort:
    """Where clients are answered. `certificate` and `key` are files; without them no TLS."""

    host: str
    port: int
    certificate: str = ""
    key: str = ""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Opened:
    """`listening`: the router's socket; `port`: of the clients; `envoy`: the front that has that port, or none."""

    listening: socket.socket
    port: int
    envoy: EnvoyFront | None = None


@contextmanager
def router_listens(public: PublicPort) -> Iterator[Opened]:
    """The router has the port.

    Raises:
      SluiceError: when the port is taken.
    """
    with open_port(public.host, public.port) as listening:
        yield Opened(listening, listening.getsockname()[1])


@contextmanager
def envoy_listens(public: PublicPort, folder: Path, state: StoredState) -> Iterator[Opened]:
    """Envoy has the port, and its files are in `folder`, which no one else can read. When it cannot be kept alive, this
    process gets SIGTERM.

    Raises:
      SluiceError: when Envoy is not installed, the port is taken, Envoy does not start, or cannot be kept alive.
    """
    program = find_envoy()
    with open_port(public.host, public.port, listen=False) as free:
        # Envoy takes no names.
        host, port = free.getsockname()[:2]
    problems: list[str] = []

    def ended(problem: str) -> None:
        problems.append(problem)
        os.kill(os.getpid(), signal.SIGTERM)

    place = Place(host, port, folder, public.certificate, public.key, public.limits)
    envoy = EnvoyFront(place, EnvoyProcess(program, place, ended))
    with unix_port(place.router) as listening:
        envoy.begin(state)
        try:
            yield Opened(listening, port, envoy)
        finally:
            envoy.end()
            if problems:
                raise SluiceError(problems[0])
