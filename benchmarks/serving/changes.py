"""The endpoint while it is changed: is a request dropped, and how long do those of the stable version wait?"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.serving.client import Answers, send
from benchmarks.serving.measured import Target, quantiles
from serving.contract import ModelVersion
from serving.local.endpoint import LocalEndpoint

STABLE, CANARY = "1", "2"
_CONNECTIONS = 8
_MOST_ROUNDS = 200


@dataclass(frozen=True)
class Changed:
    """Requests during changes, how many of them had no 200, and the number of changes by their kind."""

    requests: int
    failed: int
    changes: dict[str, int]


@dataclass(frozen=True)
class Loading:
    """p99 in milliseconds of the stable version at so many requests a second: before another version was loaded, and
    meanwhile; the seconds of the loading, and the requests meanwhile."""

    rate: float
    before: float
    meanwhile: float
    seconds: float
    requests: int


def versions_of(model: Path, home: Path, workload: str) -> Path:
    """A folder of versions with the model as two versions; the second gets traffic when it is deployed."""
    versions = home / "serving" / workload
    for version in (STABLE, CANARY):
        shutil.copytree(model, versions / version)
    (versions / ".endpoint").mkdir()
    (versions / ".endpoint/state.json").write_text(
        f'{{"endpoint": "{workload}", "etag": "first", "follows_newest": false, "traffic": {{"{STABLE}": 100}}, '
        f'"deployed": [{{"deployed_id": "{STABLE}", "model": "{workload}", "version": "{STABLE}"}}]}}'
    )
    return versions


def changed_under_load(target: Target, endpoint: LocalEndpoint, workload: str, body: bytes, requests: int) -> Changed:
    """Deploys, shifts traffic, rolls back and undeploys, again and again, until so many requests were sent."""
    return asyncio.run(_changed(target, endpoint, workload, body, requests))


async def _changed(target: Target, endpoint: LocalEndpoint, workload: str, body: bytes, requests: int) -> Changed:
    ending, answers = asyncio.Event(), Answers()
    load = asyncio.create_task(send(target.url, body, _CONNECTIONS, ending, answers=answers))
    changes = {"deploys": 0, "changes of the split": 0, "rollbacks": 0, "undeploys": 0}

    def once() -> None:
        endpoint.deploy(ModelVersion(CANARY, workload, CANARY))
        changes["deploys"] += 1
        for share in (10, 50, 100):
            endpoint.set_traffic({STABLE: 100 - share, CANARY: share}, endpoint.state().etag)
            changes["changes of the split"] += 1
        endpoint.rollback(endpoint.state().etag)
        changes["rollbacks"] += 1
        endpoint.set_traffic({STABLE: 100}, endpoint.state().etag)
        endpoint.undeploy(CANARY)
        changes["undeploys"] += 1

    for _ in range(_MOST_ROUNDS):
        await _in_a_thread(once)
        if answers.codes.total() >= requests:
            break
    ending.set()
    await load
    return Changed(answers.codes.total(), answers.failed, changes)


def loading_beside(
    target: Target, versions: Path, workload: str, body: bytes, rate: float, seconds: float, rounds: int
) -> list[Loading]:
    """Sends a steady rate, and deploys another version in the midst of it, again and again.

    It is deployed from another process, as users do: in the clients' own, Python would stop them meanwhile.
    """

    async def deploy() -> None:
        await asyncio.get_running_loop().run_in_executor(other, _deploy, versions, workload)

    loaded = []
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        for _ in range(rounds):
            # Also the first time the process has begun before anything is measured.
            other.submit(_undeploy, versions, workload).result()
            loaded.append(asyncio.run(_loading(target, deploy, body, rate, seconds)))
        other.submit(_undeploy, versions, workload).result()
    return loaded


async def _loading(
    target: Target, deploy: Callable[[], Awaitable[None]], body: bytes, rate: float, seconds: float
) -> Loading:
    ending, answers = asyncio.Event(), Answers()
    load = asyncio.create_task(send(target.url, body, _CONNECTIONS, ending, rate, answers))
    await asyncio.sleep(1)  # the first requests open the connections
    begin = time.perf_counter()
    await asyncio.sleep(seconds)
    deploying = time.perf_counter()
    await deploy()
    end = time.perf_counter()
    ending.set()
    await load
    meanwhile = answers.between(deploying, end)
    before = quantiles(answers.between(begin, deploying))[1]
    return Loading(rate, before, quantiles(meanwhile)[1], end - deploying, len(meanwhile))


def _deploy(versions: Path, workload: str) -> None:
    LocalEndpoint(versions, workload).deploy(ModelVersion(CANARY, workload, CANARY))


def _undeploy(versions: Path, workload: str) -> None:
    LocalEndpoint(versions, workload).undeploy(CANARY)


async def _in_a_thread(call: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, call)
