"""Tries a container that serves one model: its probe, the golden requests of the model, requests that are wrong.

deploy/test_image.sh starts the container and calls this beside it:  try_serving.py http://127.0.0.1:8080 MODEL
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported
ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(ROOT)]  # a script's own folder would hide the packages

from core.errors import SluiceError  # noqa: E402
from core.printable import show_error  # noqa: E402
from serving.rollout.golden import GoldenRequests  # noqa: E402
from serving.rollout.golden_file import read_golden  # noqa: E402
from serving.watch.window import scores_of  # noqa: E402

HEALTH, PREDICT = "/health", "/ask"  # as deploy/test_image.sh sets AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE
READY_SECONDS = 120
TOLERANCE = 1e-4
OK = 200
WRONG = {
    "no JSON": (b"{", 400),
    "no instances": (b'{"instances": []}', 400),
    "an unknown feature": (b'{"instances": [{"no such feature": 1}]}', 400),
    "too large": (b" " * 10_000_001, 413),
}


def try_container(container: httpx.Client, golden: GoldenRequests) -> str:
    """What was tried, in a sentence.

    Raises:
      SluiceError: at the first answer that is not as it must be.
    """
    _wait_until_ready(container)
    answer = container.post(PREDICT, json={"instances": list(golden.instances)})
    if answer.status_code != OK:
        raise SluiceError(f"the golden requests were answered with {answer.status_code}: {answer.text}")
    difference = _largest_difference(answer.json()["predictions"], golden)
    if not difference <= TOLERANCE:
        raise SluiceError(f"the golden requests were answered otherwise than by the exported model: by {difference:g}")
    for name, (sent, expected) in WRONG.items():
        answer = container.post(PREDICT, content=sent)
        if answer.status_code != expected or set(answer.json()) != {"error"}:
            raise SluiceError(
                f"a request with {name} was answered with {answer.status_code}, not {expected}: {answer.text}"
            )
    answered = f"{len(golden.instances)} golden requests answered as by the exported model (within {difference:.1e})"
    return f"{answered}, {len(WRONG)} wrong requests refused"


def _wait_until_ready(container: httpx.Client) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < READY_SECONDS:
        try:
            if container.get(HEALTH).status_code == OK:
                return
        except httpx.ConnectError:  # nothing listens yet
            time.sleep(0.1)
    raise SluiceError(f"the container was not ready within {READY_SECONDS} s")


def _largest_difference(predictions: Sequence[Any], golden: GoldenRequests) -> float:
    pairs = zip(map(scores_of, predictions), golden.answers, strict=True)
    return max(abs(found[name] - recorded[name]) for found, recorded in pairs for name in recorded)


def main() -> None:
    """Prints what was tried; a failure is one sentence and exit code 3."""
    url, model = sys.argv[1:]
    try:
        golden = read_golden(model)
        if not golden.instances:
            raise SluiceError(f"{model} carries no golden requests to try", "make run")
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as container:
            print(f"image: {try_container(container, golden)}")
    except SluiceError as problem:
        show_error(problem)
        sys.exit(int(problem.exit_code))


if __name__ == "__main__":
    main()
