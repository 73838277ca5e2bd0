"""A version was pushed for a rollout where no endpoint had ever run: the first start gives that version nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.rollout.folder_store import FolderStore
from tests.e2e.test_rollout_run import Site, options, some_rides
from tests.samples.local_runs import QUICK, end_when, run_locally, start_locally
from tests.samples.served_models import Server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One version was pushed, and a second one for a rollout, by a run that was killed right after that."""
    output = tmp_path_factory.mktemp("never_started") / "out"
    first = run_locally(output, *QUICK)
    assert first.exit_code == 0, first.printed
    killed = start_locally(output, *options(8))
    end_when(killed, lambda: len(first.versions()) == 2, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert FolderStore(output, "taxi").current() is None, "no step of a rollout was recorded"
    return output


@pytest.fixture(scope="module")
def site(output: Path) -> Iterator[Site]:
    """The first start of the endpoint."""
    server = Server(output, workload="taxi").start()
    try:
        yield Site(output, server)
    finally:
        server.stop()


def test_the_first_start_of_the_endpoint_gives_the_version_without_a_rollout_no_traffic(site: Site) -> None:
    [version, _] = pushed(site)
    assert site.serves_alone() == version
    assert {site.endpoint.predict([ride]).version for ride in some_rides()[:20]} == {version}


def test_the_same_run_again_rolls_it_out(site: Site) -> None:
    [version, candidate] = pushed(site)
    with site.users():
        again = site.run(8)
    assert again.exit_code == 0, again.printed
    assert site.seen == [{version: 100}, {version: 90, candidate: 10}, {candidate: 100}]
    assert site.serves_alone() == candidate


def pushed(site: Site) -> list[str]:
    """The versions in the order in which they were pushed."""
    folder = site.output / "serving/taxi"
    return sorted((path.name for path in folder.iterdir() if path.name.isdigit()), key=int)
