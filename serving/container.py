"""`python -m serving.container`: one model alone behind the container contract of Vertex AI, without a router.

The process of the image's target `serving`. Vertex sets the variables that begin with AIP_. Nothing listens until the
model is loaded and warmed up, so no health probe finds it ready before.
"""

from __future__ import annotations

from core.environment import SERVING, enter_environment

if __name__ == "__main__":
    enter_environment(SERVING)

import os
import posixpath
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import SluiceError
from core.garbage import nothing_collected
from core.printable import show_error, show_text
from core.quiet_import import nothing_printed
from core.without_keras import without_keras
from serving.worker.plan import HEALTH_ROUTE, PREDICT_ROUTE, WorkerSettings
from serving.worker.port import open_port
from serving.worker.signals import end_on_signal

MODEL, PORT, MODE = "AIP_STORAGE_URI", "AIP_HTTP_PORT", "AIP_MODE"
PREDICT, HEALTH, DEPLOYED = "AIP_PREDICT_ROUTE", "AIP_HEALTH_ROUTE", "AIP_DEPLOYED_MODEL_ID"
ENDPOINT = "AIP_ENDPOINT_ID"
LIMIT, ANSWERS = "SLUICE_BODY_LIMIT", "SLUICE_ANSWERS"
# What Vertex passes on at a dedicated endpoint; a shared one refuses more than 1,500,000 bytes before they come here.
DEDICATED_LIMIT = 10_000_000
_PREDICTION = "PREDICTION"
_LARGEST_PORT = 65535


@dataclass(frozen=True)
class ContainerSettings:
    """`model` is a folder, here or in a bucket; `deployed_id` is Vertex' id of the deployed model, or empty. `answers`:
    the folder for the record of its answers; empty: none is kept."""

    model: str
    port: int = 8080
    deployed_id: str = ""
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    answers: str = ""


def settings_from(environment: Mapping[str, str]) -> ContainerSettings:
    """What the variables of the container contract say.

    Raises:
      SluiceError: when one of them cannot be used.
    """
    mode = environment.get(MODE, _PREDICTION)
    if mode != _PREDICTION:
        raise SluiceError(f"{MODE} is `{mode}`, and this container answers requests alone: `{_PREDICTION}`")
    if not environment.get(MODEL):
        raise SluiceError(f"{MODEL} is not set: there is no model to serve", f"Name its folder:  {MODEL}=gs://BUCKET/…")
    limit = _number(environment, LIMIT, DEDICATED_LIMIT)
    worker = WorkerSettings(
        predict_route=_route(environment, PREDICT, PREDICT_ROUTE),
        health_route=_route(environment, HEALTH, HEALTH_ROUTE),
        body_limit=limit,
        answer_limit=limit,
    )
    if worker.predict_route == worker.health_route:
        raise SluiceError(f"{PREDICT} and {HEALTH} are both `{worker.predict_route}`")
    port = _number(environment, PORT, 8080)
    if port > _LARGEST_PORT:
        raise SluiceError(f"{PORT} is `{port}`, and a port is at most {_LARGEST_PORT}")
    deployed_id = environment.get(DEPLOYED, "")
    return ContainerSettings(environment[MODEL], port, deployed_id, worker, _answers(environment, deployed_id))


def run(settings: ContainerSettings) -> None:
    """Serves until SIGTERM, then answers what has begun.

    Raises:
      SluiceError: when the port is taken, or the model cannot be loaded.
    """
    end_on_signal()
    with open_port("0.0.0.0", settings.port, f"{PORT}={{port}}", listen=False) as port:
        identity = f" as deployed model {settings.deployed_id}" if settings.deployed_id else ""
        show_text(f"sluice: loads {settings.model}{identity}")
        # Imports TensorFlow.
        with nothing_collected(), nothing_printed(), without_keras():
            from serving.worker.answer_record import AnswerRecord
            from serving.worker.process import serve_container

        record = AnswerRecord(settings.answers, settings.deployed_id) if settings.answers else None
        serve_container(settings.model, port, settings.worker, record)


def _answers(environment: Mapping[str, str], deployed_id: str) -> str:
    """A copy of a version at another endpoint has the same id: its answers are kept apart."""
    folder, endpoint = environment.get(ANSWERS, ""), environment.get(ENDPOINT, "")
    if not folder:
        return ""
    for variable, value in ((ENDPOINT, endpoint), (DEPLOYED, deployed_id)):
        if not value:
            raise SluiceError(f"{ANSWERS} is set, and {variable} is not: nobody could tell whose answers these are")
    return posixpath.join(folder, endpoint, deployed_id)


def _number(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise SluiceError(f"{variable} is `{text}`, which is no whole number")
    return int(text)


def _route(environment: Mapping[str, str], variable: str, default: str) -> str:
    route = environment.get(variable) or default
    if not route.startswith("/"):
        raise SluiceError(f"{variable} is `{route}`, and a route begins with a slash")
    return route


def main() -> None:
    """Serves what the environment says; a user's error is one sentence and an exit code."""
    try:
        run(settings_from(os.environ))
    except SluiceError as problem:
        show_error(problem)
        sys.exit(int(problem.exit_code))


if __name__ == "__main__":
    main()
