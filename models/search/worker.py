"""A process that runs trials one at a time: `python -m models.search.worker`, started by pool.py.

It exchanges lines of JSON. Input: the workshop, then orders (a task, or `true`/`false` for whether to continue after an
epoch). Output: the curves after each epoch and, at the end, the outcome.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict
from typing import Any, TextIO

from core.errors import SluiceError
from core.garbage import nothing_collected
from models.search.trial import OBJECTIVE, Curves, Task, TrialOutcome

STOPPED_BY_MEDIAN = "its loss on eval was above the median of the trials before it"


def main() -> None:
    """Runs trials until the search closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the search decides what ends
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries may print to standard output, which carries answers
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    given = orders.get()
    with nothing_collected():
        _use_machine(given["threads"], given["number"])
        from models.search.fitting import Workshop

    workshop = Workshop.of_json(given["workshop"])
    while True:
        order = orders.get()
        _send(answers, {"outcome": asdict(_carried_out(workshop, order, orders, answers))})


def _listen(orders: queue.SimpleQueue[Any]) -> None:
    """Forwards the orders of the search; the worker exits when the search is gone, even within an epoch."""
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)


def _carried_out(workshop: Any, order: dict[str, Any], orders: queue.SimpleQueue[Any], answers: TextIO) -> TrialOutcome:
    task, start = Task(**order["task"]), time.monotonic()
    seen: Curves = {}
    stop_requested = False

    def go_on(curves: Curves) -> bool:
        nonlocal stop_requested
        seen.update({name: list(values) for name, values in curves.items()})
        if task.learnt + len(curves[OBJECTIVE]) < task.epochs:
            _send(answers, {"curves": curves, "seconds": time.monotonic() - start})
            stop_requested = not orders.get()
        return not stop_requested

    try:
        workshop.train(task, order["weights_from"], order["weights_to"], go_on)
    except Exception as problem:  # a fault of one trial must not end the others
        traceback.print_exc()
        return TrialOutcome("failed", seen, time.monotonic() - start, in_one_line(problem))
    state, reason = ("stopped", STOPPED_BY_MEDIAN) if stop_requested else ("completed", "")
    return TrialOutcome(state, seen, time.monotonic() - start, reason)  # type: ignore[arg-type]


def _send(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(message) + "\n")
    except ConnectionError:  # of a pipe or of a socket
        os._exit(0)


def in_one_line(problem: Exception) -> str:
    """What went wrong, without a traceback."""
    if isinstance(problem, SluiceError):
        return problem.headline
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()] or [""]
    # TensorFlow begins a quoted traceback with "in user code:", and the message follows below.
    message = lines[-1] if lines[0].endswith(":") else lines[0]
    return f"{type(problem).__name__}: {message[:300]}".removesuffix(": ")


def _use_machine(threads: int, number: int) -> None:
    """Restricts TensorFlow to this worker's share of the cores and to one graphics card."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if cards := tf.config.list_physical_devices("GPU"):
        card = cards[number % len(cards)]
        tf.config.set_visible_devices(card, "GPU")
        tf.config.experimental.set_memory_growth(card, True)


if __name__ == "__main__":
    main()
