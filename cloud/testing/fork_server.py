"""The process from which containers' processes are forked: it has imported the heavy libraries once.

Started as a script, standard library only. It reads one JSON object a line from its input (`id`, `command`, `folder`,
`log`, `errors`, `environment`) and writes one for each start (`id`, `pid`) and each end (`id`, `status`). When its
input ends, it kills what it has started.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_PYTHON = {"python", "python3", sys.executable}
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def serve(modules: Sequence[str]) -> None:
    """Imports `modules`, then starts a process for each line of the input, until there are no more lines."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    _preload(modules)
    running: dict[int, int] = {}
    server = os.getpid()
    try:
        for event in _events():
            if event is None:
                _report_ended(running, answers)
                continue
            _preload(event["modules"])
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                answers.close()  # so its other end is closed when the server has ended
                _end_with(server)
                _become(event)
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)  # here, too: it may be stopped before it has done so itself
            running[pid] = event["id"]
            print(json.dumps({"id": event["id"], "pid": pid}), file=answers)
    finally:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _path_of_a_container() -> list[str]:
    """The interpreter's folders and PYTHONPATH: neither this file's folder nor a checkout that `pip` has linked."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [each for each in sys.path if each in given or each.startswith((sys.prefix, sys.base_prefix))]


def _events() -> Iterator[dict[str, Any] | None]:
    """Each request; None when a process may have ended."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(reader, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if reader in ready:
                os.read(reader, 4096)
                yield None
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                yield from map(json.loads, lines)


def _report_ended(running: dict[int, int], answers: Any) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        # What the process has left behind ends with it, as it does with a container.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"id": running.pop(pid), "status": code}), file=answers)


def _preload(modules: Sequence[str]) -> None:
    # The objects of a module stay: to look through them again and again is a quarter of the time of an import, and in
    # each fork a copy of their pages.
    gc.disable()
    for name in modules:
        # One that is missing is the affair of the process that needs it.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()
    gc.enable()


def _become(request: Mapping[str, Any]) -> NoReturn:
    """Runs the command of a request in this process, the fork, and ends it."""
    code = 1
    try:
        _enter(request)
        code = _run(list(request["command"]))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # Without the interpreter's end: handlers that the parent has registered are not the fork's.
        os._exit(code)


def _enter(request: Mapping[str, Any]) -> None:
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, file in ((1, request["log"]), (2, request["errors"])):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), descriptor)
    os.environ.update(request["environment"])
    os.chdir(request["folder"])


def _end_with(server: int) -> None:
    """Signal 9 ends the server before it can end what it has started: then Linux does it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)


def _run(command: list[str]) -> int:
    """`python -m MODULE …` and `python FILE …` in this process, everything else in its place."""
    program, *rest = command
    if program in _PYTHON and rest[:1] == ["-m"] and len(rest) > 1:
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    elif program in _PYTHON and rest and rest[0].endswith(".py"):
        sys.argv = rest
        sys.path.insert(0, str(Path(rest[0]).resolve().parent))
        runpy.run_path(rest[0], run_name="__main__")
    else:
        found = sys.executable if program in _PYTHON else shutil.which(program)
        if found is None:
            print(f"{program}: command not found", file=sys.stderr)
            return 127
        os.execv(found, [program, *rest])
    return 0


if __name__ == "__main__":
    sys.path[:] = _path_of_a_container()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        serve(sys.argv[1:])
    finally:
        # Without the interpreter's end: it takes seconds with TensorFlow, and nothing is left to write.
        os._exit(0)
