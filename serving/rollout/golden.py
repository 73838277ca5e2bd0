"""Golden requests: answered by the candidate as they were by the exported model, and fast enough."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.text import counted, listed
from serving.contract import Endpoint, PredictionRefusedError
from serving.watch.decision import Failed, Passed
from serving.watch.window import scores_of


@dataclass(frozen=True)
class GoldenRequests:
    """Instances and, in the same order, the numbers of their recorded answers by name."""

    instances: Sequence[Any]
    answers: Sequence[Mapping[str, float]]


def check_golden(
    endpoint: Endpoint, deployed_id: str, golden: GoldenRequests, tolerance: float, budget_ms: float
) -> Passed | Failed:
    """Sends each request to one version, whatever its traffic. Without any request the check fails: it shows nothing.

    Raises:
      SluiceError: when the endpoint does not answer at all.
    """
    if not golden.instances:
        return Failed("There are no golden requests, so nothing shows that the candidate answers as it should.")
    milliseconds = []
    for number, (instance, answer) in enumerate(zip(golden.instances, golden.answers, strict=True), start=1):
        begun = time.perf_counter()
        try:
            prediction = endpoint.predict([instance], deployed_id=deployed_id).predictions[0]
        except PredictionRefusedError as refusal:
            return Failed(f"Golden request {number} was answered with the error {refusal.code}: {refusal.headline}")
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if difference := _difference(scores_of(prediction), answer, tolerance):
            return Failed(f"Golden request {number} was answered otherwise than the exported model did: {difference}.")
    p99 = float(np.quantile(milliseconds, 0.99))
    requests = counted(len(milliseconds), "golden request")
    if p99 > budget_ms:
        return Failed(f"The p99 of {requests} is {p99:.1f} ms, and the budget {budget_ms:g} ms.")
    return Passed(f"{requests} answered within {tolerance:g} of the exported model, p99 {p99:.1f} ms.")


def _difference(found: Mapping[str, float], recorded: Mapping[str, float], tolerance: float) -> str:
    if found.keys() != recorded.keys():
        names = (listed(sorted(each)) or "none" for each in (found, recorded))
        return "its scores are {}, and were {}".format(*names)
    for name, value in recorded.items():
        # NaN is within no tolerance.
        if not math.isfinite(found[name]) or abs(found[name] - value) > tolerance:
            return f"`{name}` is {found[name]:.6g} and was {value:.6g}"
    return ""
