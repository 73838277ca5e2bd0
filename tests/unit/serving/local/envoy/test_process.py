"""A program in Envoy's place that does not start, or does not stay."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SluiceError
from serving.local.envoy.binary import find_envoy
from serving.local.envoy.bootstrap import Place
from serving.local.envoy.process import EnvoyProcess
from serving.local.envoy.routes import routes_of
from serving.local.state import StoredState
from tests.samples.fronts import needs_envoy


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Place("127.0.0.1", port, tmp_path)
    os.mkfifo(found.unanswered)
    pipe = os.open(found.unanswered, os.O_RDWR)
    yield found
    os.close(pipe)


def _program(folder: Path, lines: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


def _started(program: Path, place: Place, problems: list[str], ended: threading.Event) -> EnvoyProcess:
    def on_end(problem: str) -> None:
        problems.append(problem)
        ended.set()

    process = EnvoyProcess(program, place, on_end)
    process.write_clusters([])
    process.write_routes(routes_of(StoredState(endpoint="e", etag="e"), {}))
    process.start()
    return process


def test_what_does_not_start_is_a_sentence_with_its_last_line(place: Place) -> None:
    program = _program(place.folder, "echo first; echo the reason >&2; exit 7")
    with pytest.raises(SluiceError, match="Envoy did not start: it ended with exit code 7: the reason"):
        _started(program, place, [], threading.Event())


@needs_envoy
def test_what_does_not_stay_is_started_again_until_it_fails_three_times(place: Place) -> None:
    starts = place.folder / "starts"
    program = _program(place.folder, f'echo >>{starts}; [ $(wc -l <{starts}) = 1 ] || exit 9; exec {find_envoy()} "$@"')
    problems: list[str] = []
    ended = threading.Event()
    process = _started(program, place, problems, ended)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert ended.wait(120)
    assert problems == ["Envoy cannot be kept alive: it ended with exit code 9"]
    assert len(starts.read_text()) == 4
    process.stop()


@needs_envoy
def test_a_change_returns_once_it_was_read_and_a_wrong_one_never(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    process = _started(find_envoy(), place, [], threading.Event())
    try:
        process.write_routes(routes_of(StoredState(endpoint="other", etag="e"), {}))
        monkeypatch.setattr("serving.local.envoy.process.READY_SECONDS", 0.5)
        with pytest.raises(TimeoutError, match="has not read"):
            process.write_routes({"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": 7})
    finally:
        process.stop()
