"""`python -m tests.samples.rolling_out HOME ADDRESS VERSION [PHASE]`: a process that rolls out at a local endpoint.

With PHASE it kills itself with signal 9 as soon as it has recorded that step, before it does anything for it; with
PHASE! at the end of that step, before it records the next.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import httpx
import numpy as np

from serving.contract import ModelVersion, deployed_id_of
from serving.local.endpoint import LocalEndpoint
from serving.rollout.folder_store import FolderStore
from serving.rollout.golden import GoldenRequests
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Rollout
from serving.rollout.run import RolloutTools, roll_out
from serving.watch.settings import WatchSettings
from serving.watch.window import Observation, Window, scores_of

# As in tests/samples/served_models.py, which imports TensorFlow.
WORKLOAD = "rides"
RIDE = {"fare": 10.0, "company": "Blue Ribbon", "hour": 8}
PLAN = RolloutPlan(
    canary_shares=(50,),
    window_seconds=0.0,
    warm_minutes=0.0,
    # Margins so wide that some hundred requests decide, and latencies of a busy machine are no harm.
    watch=WatchSettings(failure_margin=0.3, slow_margin=0.9, slowdown=20.0, prediction_margin=3.0, fewest_requests=20),
)
GOLDEN = GoldenRequests([RIDE], [{"no tip": 0.75, "tip": 0.25}])
_REQUESTS = 100


class Users:
    """Send requests to the endpoint, and note who answered what; copies are sent to the candidate by its version."""

    def __init__(self, endpoint: LocalEndpoint, address: str) -> None:
        self._endpoint = endpoint
        self._client = httpx.Client(trust_env=False, timeout=60)
        self._model = f"{address}/v1/models/{WORKLOAD}"

    def since(self, cursor: str, canary: str, stable: str) -> Window:
        number = int(cursor or 0) + 1
        observed: dict[str, list[Observation]] = {canary: [], stable: []}
        mirror = self._endpoint.state().mirror
        for hour in np.random.default_rng(number).choice([0, 8], _REQUESTS):
            ride = {**RIDE, "hour": int(hour)}
            self._send(ride, ":predict", observed)
            if mirror is not None and mirror.deployed_id == canary:
                self._send(ride, f"/versions/{canary}:predict", observed)
        return Window(observed[canary], observed[stable], str(number))

    def _send(self, ride: dict[str, object], path: str, observed: dict[str, list[Observation]]) -> None:
        begun = time.perf_counter()
        response = self._client.post(f"{self._model}{path}", json={"instances": [ride]})
        seconds = time.perf_counter() - begun
        scores = scores_of(response.json()["predictions"][0]) if response.status_code == 200 else None
        observed[response.headers["X-Vertex-AI-Deployed-Model-Id"]].append(Observation(seconds, scores))


class MortalStore(FolderStore):
    """Kills its process at one of its records."""

    def __init__(self, output_dir: Path, workload: str, phase: str) -> None:
        super().__init__(output_dir, workload)
        self._phase = phase

    def save(self, rollout: Rollout) -> None:
        before = self.current()
        if before is not None and self._phase == f"{before.phase.value}!" and not before.is_final:
            _die()
        super().save(rollout)
        if self._phase == rollout.phase.value:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(home: str, address: str, version: str, phase: str = "") -> None:
    endpoint = LocalEndpoint(Path(home) / "serving" / WORKLOAD, WORKLOAD)
    store = MortalStore(Path(home), WORKLOAD, phase)
    tools = RolloutTools(endpoint, Users(endpoint, address), GOLDEN, store)
    candidate = ModelVersion(deployed_id_of(version), WORKLOAD, version)
    rollout = roll_out(candidate, PLAN, tools)
    print(rollout.reason)
    sys.exit(rollout.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
