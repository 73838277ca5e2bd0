"""A search over the machines of one job; here each is a process, and they find one another by loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.search.machines import Machines, connect, greeting_of, machines_of_job, run_trials_for_first
from models.search.tuner import Tuner, tuner_fn
from tests.samples.folders import ROOT
from tests.samples.trial_processes import free_port
from tests.samples.tuning import arguments
from tests.samples.tuning_model import LOG

OTHER_MACHINE = """
import pickle, sys
from pathlib import Path
from models.search.tuner import tuner_fn
tuner = tuner_fn(pickle.loads(Path(sys.argv[1]).read_bytes())).tuner
tuner.search()
assert not tuner.has_results and not tuner.trials
"""


def specification(ports: list[int], pool: str, index: int = 0) -> str:
    """CLUSTER_SPEC as Vertex AI writes it for a chief and a pool of others."""
    first, *others = (f"127.0.0.1:{port}" for port in ports)
    cluster = {"workerpool0": [first], "workerpool1": others}
    return json.dumps({"cluster": cluster, "environment": "cloud", "task": {"type": pool, "index": index}})


@contextlib.contextmanager
def other_machine(home: Path, ports: list[int], **settings: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The second machine of a job, at work on the same search."""
    variables = {"CLUSTER_SPEC": specification(ports, "workerpool1"), LOG: str(home / "fits-there")}
    (home / "given").write_bytes(pickle.dumps(arguments(home, **settings)))
    command = [sys.executable, "-c", OTHER_MACHINE, str(home / "given")]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables, "PYTHONPATH": str(ROOT)})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def first_machine(home: Path, ports: list[int], monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Tuner:
    monkeypatch.setenv("CLUSTER_SPEC", specification(ports, "workerpool0"))
    monkeypatch.setenv(LOG, str(home / "fits-here"))
    tuner: Tuner = tuner_fn(arguments(home, **settings)).tuner
    tuner.search()
    return tuner


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_two_machines_share_the_trials_of_one_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [free_port(), free_port()]
    with other_machine(tmp_path, ports) as other:
        tuner = first_machine(tmp_path, ports, monkeypatch)
        assert other.wait(timeout=60) == 0
    assert tuner.has_results
    assert [trial.outcome.state for trial in tuner.trials] == ["completed"] * 6
    here, there = lines(tmp_path / "fits-here"), lines(tmp_path / "fits-there")
    assert here
    assert there
    assert len({*here, *there}) == len(here) + len(there) == 6


def test_a_worker_that_dies_on_another_machine_fails_its_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports, trouble = [free_port(), free_port()], "tests.samples.tuning_failing_model"
    with other_machine(tmp_path, ports, module=trouble) as other:
        tuner = first_machine(tmp_path, ports, monkeypatch, module=trouble)
        assert other.wait(timeout=60) == 0
    states = {trial.hyperparameters["trouble"]: trial.outcome.state for trial in tuner.trials}
    assert states.pop("none") == "completed"
    assert states == {"cannot be built": "failed", "not a number": "failed", "killed": "failed"}


def test_a_machine_takes_no_orders_from_another_search() -> None:
    ours, theirs, port = {"config": "ours"}, {"config": "theirs"}, free_port()
    address = f"127.0.0.1:{port}"
    machines = Machines(is_first=False, here=address, others=(address,))
    process = os.fork()
    if not process:
        run_trials_for_first(machines, ours)
        os._exit(0)
    with connect(address, greeting_of(theirs)) as connection:
        connection.sendall(b'{"workshop": {}, "threads": 1, "number": 0}\n')
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with connect(address, f"over {greeting_of(theirs)}"):
        pass
    with connect(address, f"over {greeting_of(ours)}"):
        pass
    assert os.waitpid(process, 0)[1] == 0


@pytest.mark.parametrize(
    ("pool", "index", "is_first", "here"),
    [("workerpool0", 0, True, "a:2222"), ("workerpool1", 0, False, "b:2222"), ("workerpool1", 1, False, "c:2222")],
)
def test_each_machine_knows_its_place(pool: str, index: int, is_first: bool, here: str) -> None:
    cluster = {"workerpool0": ["a:2222"], "workerpool1": ["b:2222", "c:2222"]}
    text = json.dumps({"cluster": cluster, "task": {"type": pool, "index": index}})
    assert machines_of_job({"CLUSTER_SPEC": text}) == Machines(is_first, here, ("b:2222", "c:2222"))


def test_one_machine_alone_is_the_first() -> None:
    text = json.dumps({"cluster": {"chief": ["a:2222"]}, "task": {"type": "chief", "index": 0}})
    assert machines_of_job({"CLUSTER_SPEC": text}) == Machines(True, "a:2222", ())
    assert machines_of_job({}) is None
