"""What `models.export.fresh_process` answers, and before it the golden requests of the export as the process behind an
endpoint answers them: over HTTP. One process for both, for most of its time goes by until TensorFlow and the model are
loaded.

    python -m pipeline.evidence.fresh_endpoint MODEL REQUESTS.npz PLAN.json ANSWERS.npz
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SluiceError
from core.text import listed
from models.export.fresh_process import main
from models.export.golden import failed_request
from serving.protocol.errors import RequestError
from serving.watch.window import scores_of

GOLDEN = "golden"
RECORDED, ANSWERED = f"{GOLDEN}/recorded", f"{GOLDEN}/answered"


def golden_answers(export: str, loaded: Any = None) -> dict[str, NDArray[Any]]:
    """The recorded answers and those over HTTP, [requests, scores], or the problem; empty without golden requests. Each
    request is sent alone, as it was answered when it was recorded. `loaded`: the SavedModel, where it was loaded."""
    # A server, which whoever reads these answers does not need.
    from serving.rollout.golden_file import read_golden
    from serving.worker.alone import answers_over_http
    from serving.worker.model import LoadedModel

    if failed := failed_request(export):
        return {f"error:{GOLDEN}": np.array(failed)}
    try:
        golden = read_golden(export)
        if not golden.instances:
            return {}
        bodies = [json.dumps({"instances": [instance]}).encode() for instance in golden.instances]
        answers = answers_over_http(LoadedModel(export, loaded), bodies)
        found = [_scores(number, *answer) for number, answer in enumerate(answers, start=1)]
        names = _common_names(golden.answers, found)
    except (SluiceError, RequestError, OSError) as problem:
        return {f"error:{GOLDEN}": np.array(str(problem))}
    return {RECORDED: _table(golden.answers, names), ANSWERED: _table(found, names)}


def _scores(number: int, code: int, body: bytes) -> Mapping[str, float]:
    content = json.loads(body)
    if code != 200:
        raise RequestError(code, f"request {number} got {code}, {content['error']['message']}")
    return scores_of(content["predictions"][0])


def _common_names(recorded: Sequence[Mapping[str, float]], found: Sequence[Mapping[str, float]]) -> list[str]:
    for number, (before, now) in enumerate(zip(recorded, found, strict=True), start=1):
        if before.keys() != now.keys():
            there, was = (listed(sorted(each)) or "none" for each in (now, before))
            raise SluiceError(f"the scores of request {number} are {there}, and were {was}")
    return list(recorded[0])


def _table(scores: Sequence[Mapping[str, float]], names: Sequence[str]) -> NDArray[Any]:
    return np.array([[row[name] for name in names] for row in scores], np.float64)


if __name__ == "__main__":
    main(golden_answers)
