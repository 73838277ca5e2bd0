"""Serves one version in this process until SIGTERM: loads, warms up, reports, answers, drains.

TensorFlow is imported here and nowhere else in `serving` but for what pushes into folders.
"""

from __future__ import annotations

import base64
import json
import os
import posixpath
import signal
import socket
import sys
import threading
from dataclasses import asdict
from functools import partial
from typing import Any

import uvicorn
import uvloop
from tensorflow.io import gfile

from core.errors import SluiceError
from core.printable import show_text
from core.text import counted
from serving.protocol.guarded_http import Limits, open_as_many_files_as_allowed
from serving.protocol.quiet_server import DRAIN_SECONDS, LONG_KEEP_ALIVE_SECONDS, quiet_server
from serving.protocol.token import TOKEN
from serving.version_folder import files_of
from serving.worker.answer_record import AnswerRecord
from serving.worker.app import worker_app
from serving.worker.front import Access, front_servers, listening_at
from serving.worker.garbage import leave_out_what_is_loaded
from serving.worker.link import Beside, answer_router
from serving.worker.memory import lacking_memory
from serving.worker.model import LoadedModel
from serving.worker.plan import WorkerPlan, WorkerSettings
from serving.worker.port import WAITING_CONNECTIONS, unix_port
from serving.worker.predictor import Predictor
from serving.worker.samples import samples_of
from serving.worker.signals import run_until_signal
from serving.worker.tensors import metadata_message


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
    listening = unix_port(plan.unix_socket)
    predictor = Predictor(model, plan.settings)
    beside = _front(predictor, plan)
    _report(plan.report_to, _description(model))
    uvloop.run(answer_router(listening, predictor, DRAIN_SECONDS, beside))


def _front(predictor: Predictor, plan: WorkerPlan) -> Beside | None:
    """What answers clients beside the router, when the plan has it."""
    if plan.front is None:
        return None
    open_as_many_files_as_allowed()
    access = Access(os.environ.get(TOKEN, ""), plan.settings.body_limit)
    return partial(front_servers, predictor, plan.front, listening_at(plan.front), access)


def serve_container(
    folder: str, port: socket.socket, settings: WorkerSettings, record: AnswerRecord | None = None
) -> None:
    """Serves a model alone on a port, as a container of Vertex does; `folder` may be in a bucket. `record`: of its
    answers.

    Raises:
      SluiceError: when the model cannot be loaded or served, or does not fit into the memory.
    """
    size = sum(gfile.stat(posixpath.join(folder, name)).length for name in files_of(folder))
    if problem := lacking_memory(size):
        raise SluiceError(f"the model {folder} is too large: {problem}")
    model = LoadedModel(folder)
    requests = model.warm_up()
    leave_out_what_is_loaded()
    open_as_many_files_as_allowed()
    port.listen(WAITING_CONNECTIONS)
    host, number = port.getsockname()[:2]
    show_text(f"sluice: ready on {host}:{number}, warmed up by {counted(requests, 'golden request')}")
    run_until_signal(configuration(model, settings, record), port)


def configuration(model: LoadedModel, settings: WorkerSettings, record: AnswerRecord | None = None) -> uvicorn.Config:
    """How a version is served, whoever starts the server."""
    app, limits = worker_app(Predictor(model, settings), settings, record), Limits(body_bytes=settings.body_limit)
    return quiet_server(app, limits, LONG_KEEP_ALIVE_SECONDS, loop="uvloop", lifespan="on")


def _description(model: LoadedModel) -> dict[str, Any]:
    """The signature, for gRPC too, and what the page shows of it."""
    return {
        "metadata": model.metadata(),
        "features": _as_json([asdict(feature) for feature in model.features]),
        "metadata_message": base64.b64encode(metadata_message(model.metadata())).decode(),
        "classes": [*model.classes],
        "label": model.label,
        "samples": samples_of(model),
    }


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
