"""A loaded model behind the worker's own HTTP face, in this process, for a few requests."""

from __future__ import annotations

import http.client
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from serving.protocol.errors import JSON
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerSettings
from serving.worker.process import configuration

_ANSWER_SECONDS = 60


def answers_over_http(model: LoadedModel, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """The code and the body of the answer to each of these bodies, sent one after another.

    Raises:
      OSError: when no answer comes.
    """
    settings = WorkerSettings()
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder, socket.socket(socket.AF_UNIX) as listening:
        path = str(Path(folder) / "worker.sock")
        listening.bind(path)
        listening.listen()
        server = uvicorn.Server(configuration(model, settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            return _answers(path, settings.predict_route, bodies)
        finally:
            server.should_exit = True
            thread.join()


def _answers(path: str, route: str, bodies: Sequence[bytes]) -> list[tuple[int, bytes]]:
    connection = http.client.HTTPConnection("worker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_ANSWER_SECONDS)
    try:
        connection.sock.connect(path)
        found = []
        for body in bodies:
            connection.request("POST", route, body, {"Content-Type": JSON})
            answer = connection.getresponse()
            found.append((answer.status, answer.read()))
        return found
    finally:
        connection.close()
