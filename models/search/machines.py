"""A search over several machines of one job: the first one searches and runs trials, the others run trials for it.

The first connects to each of the others and exchanges with a worker there the lines that it exchanges with a worker of
its own. A machine takes orders only from a search with the very same settings and data as its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.search import worker

# Machines of a job are there within minutes of one another.
PATIENCE_SECONDS = 900.0
_RETRY_SECONDS = 1.0
_OVER = "over"
_LONGEST_GREETING = 200


@dataclass(frozen=True)
class Machines:
    """The place of this machine among those of its job; addresses are `host:port`."""

    is_first: bool
    here: str
    others: tuple[str, ...]  # of the machines that are not the first


def machines_of_job(environment: Mapping[str, str] = os.environ) -> Machines | None:
    """What Vertex AI writes into CLUSTER_SPEC; None on a machine of no job."""
    if not (text := environment.get("CLUSTER_SPEC")):
        return None
    specification = json.loads(text)
    cluster, task = specification["cluster"], specification["task"]
    # The pools in the order of their names, the first one's before the others.
    pools = [cluster[name] for name in sorted(cluster)]
    addresses = [address for pool in pools for address in pool]
    here = cluster[task["type"]][int(task["index"])]
    return Machines(here == addresses[0], here, tuple(addresses[1:]))


def greeting_of(workshop: Mapping[str, Any]) -> str:
    """A word that is the same for the same settings and data only."""
    return hashlib.sha256(json.dumps(workshop, sort_keys=True).encode()).hexdigest()


def run_trials_for_first(machines: Machines, workshop: Mapping[str, Any]) -> None:
    """Runs trials, each search's in a process of its own, until the first machine ends the search."""
    port = int(machines.here.rpartition(":")[2])
    with socket.create_server(("", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                greeting = _first_line(connection)
                if greeting == f"{_OVER} {greeting_of(workshop)}":
                    return
                if greeting == greeting_of(workshop):
                    _run_worker(connection)


def connect(address: str, greeting: str, patience: float = PATIENCE_SECONDS) -> socket.socket:
    """A connection to another machine's worker, as soon as that machine is there.

    Raises:
      OSError: it was not there within `patience` seconds.
    """
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + patience
    while True:
        try:
            connection = socket.create_connection((host, int(port)), timeout=_RETRY_SECONDS * 10)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
    connection.settimeout(None)
    connection.sendall(f"{greeting}\n".encode())
    return connection


def end_search(addresses: tuple[str, ...], greeting: str) -> None:
    """Ends the wait of the other machines; one that is gone has nothing to wait for."""
    for address in addresses:
        with contextlib.suppress(OSError), connect(address, f"{_OVER} {greeting}", patience=0.0):
            pass


def worker_environment() -> dict[str, str]:
    """The environment of a worker process: modules are found where this process finds them."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _run_worker(connection: socket.socket) -> None:
    """A worker that reads orders from the connection and writes answers to it, until either side is gone."""
    file = connection.fileno()
    subprocess.run([sys.executable, "-m", worker.__name__], env=worker_environment(), stdin=file, stdout=file)


def _first_line(connection: socket.socket) -> str:
    """The first line, byte by byte, for what follows is the worker's."""
    read = b""
    with contextlib.suppress(OSError):
        while not read.endswith(b"\n") and len(read) < _LONGEST_GREETING and (byte := connection.recv(1)):
            read += byte
    return read.decode(errors="replace").strip()
