"""Whole rollouts at an endpoint on Vertex AI whose containers run: users' requests by the split, the record of answers
that the containers write to the bucket, and the watch that reads it there."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest
import tensorflow as tf

from cloud import bucket_answers
from cloud.endpoint.options import EndpointOptions
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode
from serving.backends import endpoint_at
from serving.contract import Endpoint, ModelVersion, PredictionRefusedError, deployed_id_of
from serving.rollout.carry_out import carry_out
from serving.rollout.order import RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Outcome, Phase, Rollout
from serving.rollout.stores import store_at
from serving.version_folder import copy_folder
from serving.watch.settings import WatchSettings
from tests.samples.served_models import RIDE, WORKLOAD, RideModel, export_ride_model, write_golden_file

pytestmark = pytest.mark.e2e
REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
STABLE, ALIKE, SHIFTED, FAILING = "101", "102", "103", "104"
BASES = {STABLE: 0.9, ALIKE: 0.9, SHIFTED: 0.05, FAILING: 0.9}
DEAR = 60.0
RIDES = [{**RIDE, "hour": hour, "fare": fare} for hour in (0, 8, 9, 10) for fare in (10.0, DEAR, DEAR)]
# Margins so wide that about a hundred answers of the canary decide, and latencies of a busy machine are no harm.
PLAN = RolloutPlan(
    window_seconds=1.0,
    warm_minutes=0.0,
    deadline_minutes=30.0,
    latency_budget_ms=60_000.0,
    watch=WatchSettings(failure_margin=0.2, slow_margin=0.9, slowdown=20.0, prediction_margin=0.8, fewest_requests=20),
)
PAUSE = 0.02  # seconds between two requests
SETTLED_SECONDS = 15.0  # containers beside this process write every ten, and their clock is ours


class FailingOnDearRides(RideModel):
    """Gives NaN, which no endpoint answers, for rides that no golden request has."""

    def predict(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
        found = super().predict(**columns)["predictions"]
        return {"predictions": tf.where(columns["fare"][:, None] < DEAR, found, math.nan)}


class Users:
    """Who answered their requests, and the splits that they saw at the endpoint."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.failed = 0
        self.seen: list[dict[str, int]] = []

    @contextmanager
    def sending(self, endpoint: Endpoint) -> Iterator[None]:
        """Requests, one after the other, until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._send, args=(endpoint, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _send(self, endpoint: Endpoint, over: threading.Event) -> None:
        for number, ride in enumerate(cycle(RIDES)):
            if number % 10 == 0 and (split := dict(endpoint.state().traffic)) not in self.seen[-1:]:
                self.seen.append(split)
            try:
                self.answered[endpoint.predict([ride]).deployed_id] += 1
            except PredictionRefusedError as refused:
                assert refused.code == 500
                self.failed += 1
            if over.wait(PAUSE):
                return


class Site:
    """An endpoint of Vertex AI, and the records of its rollouts in a bucket."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._options = EndpointOptions(
            project=cloud.project,
            region=REGION,
            environment="prod",
            versions="gs://bucket/serving",
            answers="gs://bucket/answers",
            serving_image=IMAGE,
        )
        self.endpoint = endpoint_at(self._options.place_text(), WORKLOAD)
        assert self.roll_out(STABLE).phase is Phase.DONE

    def roll_out(self, version: str) -> Rollout:
        """As the pipeline does it: all that it needs is found by its place."""
        candidate = ModelVersion(deployed_id_of(version), WORKLOAD, version)
        order = RolloutOrder(self._options.place_text(), f"{self._options.versions}/{version}", PLAN)
        return carry_out(candidate, order, store_at("gs://bucket/sluice", WORKLOAD)).rollout

    def alone(self) -> str:
        """The only version that is deployed, which has all traffic."""
        state = self.endpoint.state()
        [deployed] = state.deployed
        assert dict(state.traffic) == {deployed.deployed_id: 100}
        return deployed.version


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """STABLE has all traffic; the others can be rolled out."""
    folder = tmp_path_factory.mktemp("versions")
    with LocalCloud(serves=True) as cloud, cloud.applied(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket_answers, "SETTLED_SECONDS", SETTLED_SECONDS)
        cloud.storage.create_bucket("bucket", REGION)
        for version, base in BASES.items():
            kind = FailingOnDearRides if version == FAILING else RideModel
            export_ride_model(folder / version, base, kind=kind)
            golden = {name: [value] for name, value in RIDE.items()}
            write_golden_file(folder / version, [(golden, {"predictions": [[base]]})])
            copy_folder(str(folder / version), f"gs://bucket/serving/{version}")
        yield Site(cloud)


def shares_of(version: str, users: Users) -> list[int]:
    """The shares that a version had, one after the other."""
    shares = [split.get(version, 0) for split in users.seen]
    return [share for number, share in enumerate(shares) if share not in shares[max(number - 1, 0) : number]]


@pytest.mark.parametrize(
    ("version", "named"), [(SHIFTED, "`tip`"), (FAILING, "failed requests")], ids=["shifted", "failing"]
)
def test_what_the_containers_recorded_of_a_bad_version_rolls_it_back(site: Site, version: str, named: str) -> None:
    before, users = site.alone(), Users()
    with users.sending(site.endpoint):
        rollout = site.roll_out(version)
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    [failed] = [entry for entry in rollout.entries if entry.outcome is Outcome.FAILED]
    assert failed.phase is Phase.CANARY
    assert named in failed.reason
    assert shares_of(version, users)[:2] == [0, 10]
    assert max(shares_of(version, users)) == 10
    requests = users.answered.total() + users.failed
    got = users.failed + users.answered[version]
    # Six standard deviations of the binomial above the canary's share.
    assert 0 < got <= 0.1 * requests + 6 * math.sqrt(0.09 * requests)
    assert site.alone() == before


def test_a_good_version_goes_from_0_to_10_to_100_percent_by_what_the_containers_recorded(site: Site) -> None:
    before, users = site.alone(), Users()
    with users.sending(site.endpoint):
        rollout = site.roll_out(ALIKE)
        site.endpoint.predict([RIDE])
    assert (rollout.phase, rollout.exit_code) == (Phase.DONE, ExitCode.PUSHED)
    shares = {entry.phase: entry.share for entry in rollout.entries if entry.outcome is Outcome.PASSED}
    assert (shares[Phase.SMOKE], shares[Phase.CANARY], shares[Phase.PRODUCTION]) == (0, 10, 100)
    [canary] = [entry for entry in rollout.entries if entry.phase is Phase.CANARY]
    assert max(each.canary for each in canary.comparisons) >= PLAN.watch.fewest_requests
    assert shares_of(ALIKE, users)[:2] == [0, 10]
    assert set(shares_of(ALIKE, users)) <= {0, 10, 100}
    assert users.failed == 0
    assert site.alone() == ALIKE != before
