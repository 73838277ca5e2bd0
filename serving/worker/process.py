"""Serves one version in this process until SIGTERM: loads, warms up, reports, answers, drains.

TensorFlow is imported here and nowhere else in `serving` but for what pushes into folders.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from core.errors import SluiceError
from serving.protocol.guarded_http import Limits, guarded, open_as_many_files_as_allowed
from serving.worker.app import worker_app
from serving.worker.garbage import leave_out_what_is_loaded
from serving.worker.link import answer_router
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerPlan, WorkerSettings
from serving.worker.predictor import Predictor
from serving.worker.signals import run_until_signal

DRAIN_SECONDS = 30
# Longer than a client keeps a connection: it must not be closed while a request is on its way.
KEEP_ALIVE_SECONDS = 3600


def serve(plan: WorkerPlan) -> None:
    """Serves for a router. A model that cannot be loaded is reported, and ends the process."""
    threading.Thread(target=_end_with_the_router, daemon=True).start()
    try:
        model = LoadedModel(plan.model)
        model.warm_up()
    except SluiceError as problem:
        _report(plan.report_to, {"problem": problem.headline})
        sys.exit(int(problem.exit_code))
    except Exception as problem:
        _report(plan.report_to, {"problem": f"{type(problem).__name__}: {problem}".splitlines()[0]})
        raise
    leave_out_what_is_loaded()
    Path(plan.unix_socket).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(plan.unix_socket)
    listening.listen(1024)
    features = [asdict(feature) for feature in model.features]
    _report(plan.report_to, {"metadata": model.metadata(), "features": _as_json(features), "classes": [*model.classes]})
    uvloop.run(answer_router(listening, Predictor(model, plan.settings), DRAIN_SECONDS))


def serve_container(model_dir: str, listening: socket.socket, settings: WorkerSettings) -> None:
    """Serves alone on a port, as a container of Vertex does.

    Raises:
      SluiceError: when the model cannot be loaded or served.
    """
    model = LoadedModel(model_dir)
    model.warm_up()
    leave_out_what_is_loaded()
    open_as_many_files_as_allowed()
    answer_on(listening, model, settings)


def answer_on(listening: socket.socket, model: LoadedModel, settings: WorkerSettings) -> None:
    """Answers until SIGTERM, then finishes what has begun."""
    config = uvicorn.Config(
        worker_app(Predictor(model, settings), settings),
        loop="uvloop",
        http=guarded(Limits(body_bytes=settings.body_limit)),
        ws="none",
        # A warning would be a line for each odd request.
        log_level="error",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    run_until_signal(config, listening)


def _report(pipe: int, found: dict[str, Any]) -> None:
    with os.fdopen(pipe, "w", encoding="utf-8") as file:
        json.dump(found, file)


def _as_json(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """NaN is no JSON; whether there is a placeholder is all that a reader needs."""
    return [{**each, "shape": list(each["shape"]), "missing": each["missing"] is not None} for each in features]


def _end_with_the_router() -> None:
    """The router holds the other end of standard input; it closes with the router, however that ends."""
    # Not by `sys.stdin`, whose lock would be held when the interpreter ends.
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
