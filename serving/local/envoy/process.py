"""The process of Envoy: started, started again when it ends, followed until it has read what was written, drained."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.atomic_write import write_text
from core.child_process import ending_in_words
from core.errors import SluiceError
from core.printable import show_error
from serving.local.envoy import launch
from serving.local.envoy.admin import Admin
from serving.local.envoy.bootstrap import LISTENER, Place, bootstrap
from serving.local.envoy.routes import NAME

READY_SECONDS = 30
DRAIN_SECONDS = 30
# When it has ended so often without being ready in between, it is not started again.
MOST_FAILURES = 3
_LOOK_EVERY = 0.01
_LAST_LINES = 2000  # bytes of its log
_CLUSTERS_READ = "cluster_manager.cds.version_text"
_ROUTES_READ = f"http.{LISTENER}.rds.{NAME}.version_text"
_ACTIVE = f"http.{LISTENER}.downstream_rq_active"


class EnvoyProcess:
    """Envoy at `place`, from `start` until `stop`. `on_end` is called with a sentence when it cannot be kept alive."""

    def __init__(self, program: Path, place: Place, on_end: Callable[[str], None]) -> None:
        self._program = program
        self._place = place
        self._on_end = on_end
        self._admin = Admin(place.admin)
        self._process: subprocess.Popen[bytes] | None = None
        self._version = 0
        self._is_ready = threading.Event()
        self._is_settled = threading.Event()  # it listens, or never will
        self._is_stopping = False
        self._problem = ""
        # The system ends Envoy with the thread that has started it, so one thread does that and lives as long.
        self._thread = threading.Thread(target=self._keep_alive, name="envoy", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that listens at present."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Returns once it listens.

        Raises:
          SluiceError: when it does not, with the reason from its log.
        """
        write_text(self._place.bootstrap, json.dumps(bootstrap(self._place), indent=1))
        self._thread.start()
        self._is_settled.wait(READY_SECONDS)
        if not self._is_ready.is_set():
            self.stop()
            raise SluiceError(f"Envoy did not start: {self._problem or f'it was not ready in {READY_SECONDS} s'}")

    def write_clusters(self, clusters: list[dict[str, Any]]) -> None:
        """Returns once Envoy has read them, or TimeoutError."""
        self._written(self._place.clusters, clusters, _CLUSTERS_READ)

    def write_routes(self, routes: dict[str, Any]) -> None:
        """Returns once requests go by these routes, or TimeoutError."""
        self._written(self._place.routes, [routes], _ROUTES_READ)

    def drain(self) -> None:
        """Takes no more connections, and returns once the requests that have begun are answered."""
        self._is_stopping = True
        until = time.monotonic() + DRAIN_SECONDS
        try:
            self._admin.stop_listening()
            while self._admin.figures(_ACTIVE).get(_ACTIVE) != "0" and time.monotonic() < until:
                time.sleep(_LOOK_EVERY)
        except (OSError, http.client.HTTPException):
            return  # it has ended, and has no requests

    def stop(self) -> None:
        """Ends it now."""
        self._is_stopping = True
        self._signal(signal.SIGTERM)
        self._thread.join(DRAIN_SECONDS)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def _written(self, path: Path, resources: list[dict[str, Any]], read: str) -> None:
        self._version += 1
        version = str(self._version)
        write_text(path, json.dumps({"version_info": version, "resources": resources}))
        if not self._is_ready.is_set():
            return  # it reads the files when it starts
        until = time.monotonic() + READY_SECONDS
        while not self._has_read(read, version) and not self._is_stopping:
            if time.monotonic() > until:
                raise TimeoutError(f"Envoy has not read {path} within {READY_SECONDS} s; its log says why")
            time.sleep(_LOOK_EVERY)

    def _has_read(self, name: str, version: str) -> bool:
        try:
            return self._admin.figures(name.replace(".", "[.]")).get(name) == version
        except (OSError, http.client.HTTPException):
            return False  # it is being started again, and reads the newest files then

    def _keep_alive(self) -> None:
        failures = 0
        while not self._is_stopping:
            code, was_ready = self._run()
            failures = 0 if was_ready else failures + 1
            if self._is_stopping:
                return
            self._problem = f"it ended {ending_in_words(code)}{self._last_line()}"
            if failures == MOST_FAILURES or not self._is_ready.is_set():
                break
            show_error(f"Envoy ended {ending_in_words(code)} and is started again")
        if not self._is_ready.is_set():
            self._is_settled.set()
        else:
            self._on_end(f"Envoy cannot be kept alive: {self._problem}")

    def _run(self) -> tuple[int, bool]:
        """Runs it once; its exit code, and whether it has listened."""
        with (self._place.folder / "envoy.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(self._program)),
                    *("--config-path", str(self._place.bootstrap), "--log-level", "error"),
                    # No shared memory, by which two servers of one machine would meet.
                    "--disable-hot-restart",
                    *("--concurrency", "1", "--file-flush-interval-msec", "100"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the router, which drains first.
                start_new_session=True,
            )
        was_ready = False
        if self._is_stopping:  # since the one before it had ended
            self._process.terminate()
        while self._process.poll() is None and not was_ready:
            was_ready = self._answers()
            time.sleep(_LOOK_EVERY)
        if was_ready:
            self._is_ready.set()
            self._is_settled.set()
        return self._process.wait(), was_ready

    def _answers(self) -> bool:
        try:
            return self._admin.is_ready()
        except (OSError, http.client.HTTPException):
            return False

    def _last_line(self) -> str:
        text = (self._place.folder / "envoy.log").read_bytes()[-_LAST_LINES:].decode(errors="replace").strip()
        return f": {text.splitlines()[-1]}" if text else ""
