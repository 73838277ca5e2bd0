"""A version was pushed for a rollout where no endpoint had ever run: the first start gives that version nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from serving.rollout.folder_store import FolderStore
from tests.e2e.test_rollout_run import Site, options, some_rides
from tests.samples.local_runs import QUICK, end_when, run_locally, start_locally
from tests.samples.served_models import Server

pytestmark = pytest.mark.e2e


def test_a_version_whose_run_was_killed_after_the_push_gets_no_traffic_when_the_endpoint_is_first_started(
    tmp_path: Path,
) -> None:
    output = tmp_path / "out"
    first = run_locally(output, *QUICK)
    assert first.exit_code == 0, first.printed
    [version] = first.versions()
    killed = start_locally(output, *options(8))
    end_when(killed, lambda: len(first.versions()) == 2, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert FolderStore(output, "taxi").current() is None, "no step of a rollout was recorded"
    [pushed] = set(first.versions()) - {version}
    server = Server(output, workload="taxi").start()
    site = Site(output, server)
    try:
        assert site.serves_alone() == version
        answers = {site.endpoint.predict([ride]).version for ride in some_rides()[:20]}
        assert answers == {version}
        with site.users():
            again = site.run(8)
        assert again.exit_code == 0, again.printed
        assert site.seen == [{version: 100}, {version: 90, pushed: 10}, {pushed: 100}]
        assert site.serves_alone() == pushed
    finally:
        server.stop()
