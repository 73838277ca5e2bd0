"""What the endpoint logs is what the next run, and `gates check`, compare the data for training with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.samples.folders import ROOT
from tests.samples.grpc_calls import grpc_address_of
from tests.samples.local_runs import TAXI_CSV, Run, run_locally
from tests.samples.served_models import served
from tests.samples.taxi_traffic import Instance, in_kilometres, kinds_of, rides, send, send_in_grpc

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that was pushed, in a folder that a server may change."""
    home = tmp_path_factory.mktemp("served") / "out"
    [version] = first_run.versions()
    shutil.copytree(first_run.output / "serving/taxi" / version, home / "serving/taxi" / version)
    return home


def _log_of(home: Path, count: int, name: str, changed: Callable[[Instance], Instance] = dict) -> Path:
    """The log of so many requests."""
    folder = home / name
    with served(home, "--log-share", "100", "--log-folder", str(folder), workload="taxi") as server:
        send(server.url, "taxi", rides(count, kinds_of(server.url, "taxi"), seed=count), changed)
        server.stop()
    return folder


def _grpc_log_of(home: Path, count: int, name: str, changed: Callable[[Instance], Instance] = dict) -> Path:
    """The log of so many requests, all of them in gRPC."""
    folder = home / name
    options = ["--log-share", "100", "--log-folder", str(folder), "--grpc-port", "0"]
    with served(home, *options, workload="taxi") as server:
        kinds = kinds_of(server.url, "taxi")
        send_in_grpc(grpc_address_of(server), "taxi", rides(count, kinds, seed=count), changed, kinds)
        server.stop()
    return folder


def _run_with(log: Path, output: Path) -> Run:
    return run_locally(output, "--until", "DataGate", "--set", f"data.serving_log={log}")


def _gates_check(log: Path) -> subprocess.CompletedProcess[str]:
    tables = ["--config", "configs/taxi.yaml", "--train", str(TAXI_CSV), "--serving", str(log)]
    return subprocess.run(
        [sys.executable, "-m", "gates", "check", *tables],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_traffic_in_kilometres_is_refused_by_the_next_run_and_named(home: Path, tmp_path: Path) -> None:
    log = _log_of(home, 2000, "kilometres", in_kilometres)

    refused = _run_with(log, tmp_path / "out")
    assert refused.exit_code == 2, refused.printed + refused.complaints
    assert "REFUSED" in refused.printed
    blocking = [each for each in refused.findings if each["severity"] == "block"]
    assert any(each["column"] == "trip_miles" and "serving" in each["reason"] for each in blocking)

    by_hand = _gates_check(log)
    assert by_hand.returncode == 2, by_hand.stdout + by_hand.stderr
    assert "`trip_miles`" in by_hand.stdout


@pytest.mark.parametrize("count", [200, 2000])
def test_clean_traffic_is_not_refused(home: Path, tmp_path: Path, count: int) -> None:
    log = _log_of(home, count, f"clean-{count}")

    passed = _run_with(log, tmp_path / "out")
    assert passed.exit_code == 0, passed.printed + passed.complaints
    assert f"{count:,} rows → serving {count:,}" in passed.printed
    assert passed.record["gates"]

    by_hand = _gates_check(log)
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr


def test_traffic_in_grpc_alone_is_refused_in_kilometres_and_passes_in_miles(home: Path) -> None:
    refused = _gates_check(_grpc_log_of(home, 2000, "grpc-kilometres", in_kilometres))
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "`trip_miles`" in refused.stdout

    passed = _gates_check(_grpc_log_of(home, 2000, "grpc-miles"))
    assert passed.returncode == 0, passed.stdout + passed.stderr
