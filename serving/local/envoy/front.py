"""Envoy between the clients and the processes of the versions: it follows the state, and says what was not answered."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from serving.local.envoy.bootstrap import Place
from serving.local.envoy.clusters import clusters_of
from serving.local.envoy.process import EnvoyProcess
from serving.local.envoy.routes import routes_of
from serving.local.state import StoredState


class Unanswered(Protocol):
    """Keeps that a version has not answered a request; `code` is what the client has got."""

    def unanswered(self, deployed_id: str, code: int, seconds: float) -> None:
        """Called once for each."""


class EnvoyFront:
    """The front of one endpoint. Made, and `begin`-ed, before the router runs; it follows the state while that does."""

    def __init__(self, place: Place, process: EnvoyProcess) -> None:
        self._place = place
        self._process = process
        self._ids: dict[str, str] = {}
        self._pipe = -1

    def begin(self, state: StoredState) -> None:
        """Listens. Until a state is followed, the router answers all requests.

        Raises:
          SluiceError: when Envoy does not start.
        """
        os.mkfifo(self._place.unanswered, 0o600)
        # With both ends in our hands the pipe outlasts Envoy, which would not start before somebody reads.
        self._pipe = os.open(self._place.unanswered, os.O_RDWR | os.O_NONBLOCK)
        self._process.write_clusters([])
        self._process.write_routes(routes_of(state.model_copy(update={"traffic": {}, "mirror": None}), {}))
        self._process.start()

    async def follow(self, state: StoredState, workers: Mapping[str, str], ending: Iterable[str]) -> None:
        """Returns once every request goes by this state; TimeoutError when Envoy does not read it. `workers`: their
        names by deployed id; `ending`: the names of those that may still have requests."""
        self._ids.update({name: deployed_id for deployed_id, name in workers.items()})
        # Routes last: they name the clusters.
        clusters = clusters_of([*workers.values(), *ending], self._place.folder)
        await asyncio.to_thread(self._process.write_clusters, clusters)
        await asyncio.to_thread(self._process.write_routes, routes_of(state, workers))

    async def drain(self) -> None:
        """Takes no more connections, and returns once what has begun is answered."""
        await asyncio.to_thread(self._process.drain)

    def end(self) -> None:
        """Ends Envoy."""
        self._process.stop()

    @asynccontextmanager
    async def reporting(self, to: Unanswered) -> AsyncIterator[None]:
        """Reports each request that no version has answered, while the block runs."""
        pipe = os.fdopen(self._pipe, "rb", buffering=0)
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        task = asyncio.create_task(self._report(reader, to))
        try:
            yield
        finally:
            task.cancel()
            transport.close()

    async def _report(self, reader: asyncio.StreamReader, to: Unanswered) -> None:
        while line := await reader.readline():
            try:
                found: dict[str, Any] = json.loads(line)
                deployed_id = self._ids.get(found["cluster"] or "")
                if deployed_id is not None:
                    to.unanswered(deployed_id, int(found["code"]), found["milliseconds"] / 1000)
            except (ValueError, KeyError, TypeError) as problem:
                logging.getLogger(__name__).error("a line of Envoy's cannot be read: %s", problem)
