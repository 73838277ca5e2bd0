"""Answers requests to the signatures of an exported model in a separate process, which holds nothing of training and
loads a copy of the SavedModel from an empty folder.

    python -m models.export.fresh_process MODEL REQUESTS.npz PLAN.json ANSWERS.npz

It loads the model at once. It answers when standard input has a line, for the requests are written by then, and times
single requests when standard input ends, for whoever started it is idle by then (`models.export.replay`).
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.garbage import nothing_collected
from core.without_keras import without_keras

with nothing_collected(), without_keras():
    import tensorflow as tf

    from models.export.literals import literals_of
    from models.export.operations import operations_of

# A signature that is missing, requires other inputs, or fails is a finding of the gate, not a crash.
FAILED_CALLS = (tf.errors.OpError, KeyError, TypeError, ValueError)
# And so is an export that cannot be loaded: its files are damaged, or it needs what is not in it.
FAILED_LOADS = (*FAILED_CALLS, OSError, AttributeError, RuntimeError)
# Such errors tell of this machine at this moment, not of the model.
OF_THE_MACHINE = (
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
LOADING, OPERATIONS, LITERALS = "loading", "operations", "literals"
COPY = "copy"


def answered(model: Any, calls: list[dict[str, Any]], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Predictions by the name of each call, and the message of a failed call under `error:<name>`. A call with
    `batches` (numbers of rows) is made once for each; its predictions stand in the order of the batches."""
    answers: dict[str, np.ndarray] = {}
    for call in calls:
        try:
            signature = model.signatures[call["signature"]]
            sent = {name: arrays[key] for name, key in call["inputs"].items()}
            batches = call.get("batches") or [slice(None)]
            parts = [{name: array[rows] for name, array in sent.items()} for rows in batches]
            found = [signature(**_tensors(signature, part))["predictions"].numpy() for part in parts]
            answers[call["name"]] = np.concatenate(found) if len(found) > 1 else found[0]
        except FAILED_CALLS as error:
            answers[f"error:{call['name']}"] = _message(error)
    return answers


def single_requests(
    model: Any, timed: dict[str, Any], arrays: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The seconds of single requests, one row each, and their answers in the form of `answered`; no seconds where a
    call fails."""
    try:
        seconds, answers = _one_by_one(model.signatures[timed["signature"]], timed, arrays)
        return seconds, {timed["name"]: answers}
    except FAILED_CALLS as error:
        return np.empty(0), {f"error:{timed['name']}": _message(error)}


def _one_by_one(signature: Any, timed: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    rows = len(next(iter(arrays[key] for key in timed["inputs"].values())))
    seconds, answers = [], []
    for number in range(timed["requests"] + timed["warm_up"]):
        row = slice(number % rows, number % rows + 1)
        inputs = _tensors(signature, {name: arrays[key][row] for name, key in timed["inputs"].items()})
        began = time.perf_counter()
        answer = signature(**inputs)
        seconds.append(time.perf_counter() - began)
        answers.append(answer["predictions"].numpy())
    return np.array(seconds[timed["warm_up"] :]), np.concatenate(answers)


def error_in_words(error: BaseException) -> str:
    """Kind and message in one line. An error inside a graph has its message in the line before the name of the node."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    nodes = [number for number, line in enumerate(lines) if line.startswith("[[{{")]
    return f"{type(error).__name__}: {lines[max(nodes[0] - 1, 0) if nodes else 0]}"


def _message(error: Exception) -> np.ndarray:
    return np.array(error_in_words(error))


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
    _write(path, stored)


def main(more: Callable[[str, Any], dict[str, np.ndarray]] | None = None) -> None:
    """The command; `more` gives further answers of the SavedModel in a folder, which was loaded."""
    folder, requests, plan_file, answers = sys.argv[1:]
    copy_of(folder, COPY)
    found, model = loaded(COPY)
    if model is None:
        _write(answers, found | {"seconds": np.empty(0)})
        return
    found |= more(COPY, model) if more else {}
    sys.stdin.readline()
    plan, arrays = json.loads(Path(plan_file).read_text(encoding="utf-8")), read_requests(requests)
    found |= answered(model, plan["calls"], arrays)
    sys.stdin.read()
    seconds, single = single_requests(model, plan["timed"], arrays)
    found |= single | answered(model, plan["last"], arrays)
    _write(answers, found | {"seconds": seconds})


def _write(path: str, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)


def copy_of(folder: str, to: str) -> None:
    """Copies an export, here or in a bucket, so that nothing beside it is found by a path that begins at its own."""
    for at, _, names in tf.io.gfile.walk(folder):
        there = to + at.rstrip("/").removeprefix(folder.rstrip("/"))
        tf.io.gfile.makedirs(there)
        for name in names:
            tf.io.gfile.copy(f"{at.rstrip('/')}/{name}", f"{there}/{name}")


def loaded(folder: str) -> tuple[dict[str, np.ndarray], Any]:
    """Operations and literals of the graph, as JSON, and the SavedModel; in place of the latter the error of loading
    it."""
    found: dict[str, np.ndarray] = {}
    try:
        found[OPERATIONS] = np.array(json.dumps(operations_of(folder)))
        found[LITERALS] = np.array(json.dumps(literals_of(folder)))
        return found, tf.saved_model.load(folder)
    except FAILED_LOADS as error:
        return found | {f"error:{LOADING}": _message(error)}, None


if __name__ == "__main__":
    main()
