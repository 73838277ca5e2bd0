"""Answers requests to the signatures of an exported model in a separate process, which loads the SavedModel and holds
nothing of training.

    python -m models.export.fresh_process MODEL REQUESTS.npz PLAN.json ANSWERS.npz

It loads the model at once. It answers when standard input has a line, for the requests are written by then, and times
single requests when standard input ends, for whoever started it is idle by then (`models.export.replay`).
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.garbage import nothing_collected

with nothing_collected():
    import tensorflow as tf

# A signature that is missing, requires other inputs, or fails is a finding of the gate, not a crash.
FAILED_CALLS = (tf.errors.OpError, KeyError, TypeError, ValueError)


def answered(model: Any, calls: list[dict[str, Any]], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Predictions by the name of each call, and the message of a failed call under `error:<name>`."""
    answers: dict[str, np.ndarray] = {}
    for call in calls:
        try:
            signature = model.signatures[call["signature"]]
            inputs = _tensors(signature, {name: arrays[key] for name, key in call["inputs"].items()})
            answers[call["name"]] = signature(**inputs)["predictions"].numpy()
        except FAILED_CALLS as error:
            answers[f"error:{call['name']}"] = np.array(f"{type(error).__name__}: {error}".splitlines()[0])
    return answers


def seconds_of_requests(model: Any, timed: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The seconds of single requests, one row each; empty where the call fails, whose message its answer is."""
    try:
        return _seconds(model.signatures[timed["signature"]], timed, arrays)
    except FAILED_CALLS:
        return np.empty(0)


def _seconds(signature: Any, timed: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    rows = len(next(iter(arrays[key] for key in timed["inputs"].values())))
    seconds = []
    for number in range(timed["requests"] + timed["warm_up"]):
        row = slice(number % rows, number % rows + 1)
        inputs = _tensors(signature, {name: arrays[key][row] for name, key in timed["inputs"].items()})
        began = time.perf_counter()
        signature(**inputs)
        seconds.append(time.perf_counter() - began)
    return np.array(seconds[timed["warm_up"] :])


def _tensors(signature: Any, arrays: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    wanted = signature.structured_input_signature[1]
    return {name: tf.constant(array, dtype=wanted[name].dtype) for name, array in arrays.items()}


def packed(values: list[bytes]) -> dict[str, np.ndarray]:
    """Byte strings as two arrays without Python objects: NumPy's own strings would lose trailing zeros."""
    lengths = np.array([len(value) for value in values], np.int64)
    return {"lengths": lengths, "data": np.frombuffer(b"".join(values), np.uint8)}


def unpacked(lengths: np.ndarray, data: np.ndarray) -> np.ndarray:
    """The inverse of `packed`."""
    ends, content = np.cumsum(lengths), data.tobytes()
    return np.array([content[end - length : end] for end, length in zip(ends, lengths, strict=True)], dtype=object)


def read_requests(path: str) -> dict[str, np.ndarray]:
    """Arrays by name, with byte strings restored."""
    with np.load(path) as stored:
        plain = {name: stored[name] for name in stored.files}
    texts = {name.removesuffix(".lengths") for name in plain if name.endswith(".lengths")}
    found = {name: unpacked(plain.pop(f"{name}.lengths"), plain.pop(f"{name}.data")) for name in texts}
    return found | plain


def write_requests(path: str, arrays: dict[str, np.ndarray]) -> None:
    """Writes numbers and byte strings without Python objects."""
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.dtype == object:
            parts = packed(array.tolist())
            stored |= {f"{name}.lengths": parts["lengths"], f"{name}.data": parts["data"]}
        else:
            stored[name] = array
    np.savez(path, **stored)


def main(more: Callable[[str, Any], dict[str, np.ndarray]] | None = None) -> None:
    """The command; `more` gives further answers of the SavedModel in a folder, which was loaded."""
    folder, requests, plan_file, answers = sys.argv[1:]
    model = tf.saved_model.load(folder)
    found = more(folder, model) if more else {}
    sys.stdin.readline()
    plan, arrays = json.loads(Path(plan_file).read_text(encoding="utf-8")), read_requests(requests)
    found |= answered(model, plan["calls"], arrays)
    sys.stdin.read()
    np.savez(answers, **found, seconds=seconds_of_requests(model, plan["timed"], arrays))


if __name__ == "__main__":
    main()
