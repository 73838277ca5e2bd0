"""Whole rollouts at an endpoint on Vertex AI, recorded in a bucket; what users' requests show is drawn by chance."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.api_core import exceptions

from cloud.bucket_rollouts import BucketStore
from cloud.calls import Patience
from cloud.endpoint.backend import VertexEndpoint
from cloud.endpoint.options import EndpointOptions
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode
from serving.contract import DeployedModel, EndpointState, ModelVersion
from serving.rollout.golden import GoldenRequests
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Phase, Rollout
from serving.rollout.run import RolloutTools, roll_out
from serving.watch.settings import WatchSettings
from tests.samples.endpoints import GOLDEN_ANSWER, Clock, DrawnAnswers, Killed
from tests.samples.traffic import Behaviour

REGION = "europe-west4"
IMAGE = f"{REGION}-docker.pkg.dev/my-project/sluice/serving@sha256:{'0' * 64}"
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=60)
ONE, TWO, THREE = (ModelVersion(str(number), "taxi", str(number)) for number in (1, 2, 3))
GOLDEN = GoldenRequests([{"trip_miles": 1.0}], [GOLDEN_ANSWER])
# Wide margins: decided within a few windows.
WATCH = WatchSettings(failure_margin=0.1, slow_margin=0.1, prediction_margin=0.6)
PLAN = RolloutPlan(latency_budget_ms=1e6, deadline_minutes=30, watch=WATCH)


class Site(VertexEndpoint):
    """An endpoint on Vertex AI whose process can be killed before or after a change, and its rollouts."""

    def __init__(self, options: EndpointOptions, output: str) -> None:
        super().__init__(options, "taxi", patience=QUICK)
        self.behaviours: dict[str, Behaviour] = {}
        self.requests = 1_000
        self.kill_at, self.after_change, self.changes = 0, False, 0
        self.answers = DrawnAnswers(self)
        self._store = BucketStore(output, "taxi")
        self._clock = Clock()
        self.deploy(ONE)
        self.set_traffic({"1": 100}, self.state().etag)
        self.undeploy("0")  # and with it the copy of the first version
        self.changes = 0

    def deploy(self, version: ModelVersion) -> DeployedModel:
        self._changing(before=True)
        made = super().deploy(version)
        self._changing(before=False)
        return made

    def set_traffic(self, split: Mapping[str, int], etag: str) -> EndpointState:
        self._changing(before=True)
        state = super().set_traffic(split, etag)
        self._changing(before=False)
        return state

    def undeploy(self, deployed_id: str) -> EndpointState:
        self._changing(before=True)
        state = super().undeploy(deployed_id)
        self._changing(before=False)
        return state

    def roll_out(self, candidate: ModelVersion = TWO, plan: RolloutPlan = PLAN) -> Rollout:
        self.answers.requests = self.requests
        tools = RolloutTools(self, self.answers, GOLDEN, self._store, self._clock, self._clock.wait)
        return roll_out(candidate, plan, tools)

    def most_of(self, deployed_id: str) -> int:
        """The largest share that it had while there were requests."""
        return max((shares.get(deployed_id, 0) for shares in self.answers.shares), default=0)

    def ends(self) -> tuple[dict[str, int], list[str], list[str]]:
        """The traffic, what is deployed, and the copies for golden requests."""
        state = self.state()
        copies = self._candidates.resource.find()
        assert copies is not None
        return (
            dict(state.traffic),
            [each.version for each in state.deployed],
            [each.id for each in copies.deployed_models],
        )

    def _changing(self, before: bool) -> None:
        self.changes += before
        if self.changes == self.kill_at and before is not self.after_change:
            raise Killed


AS_BEFORE: tuple[dict[str, int], list[str], list[str]] = ({"1": 100}, ["1"], [])
REPLACED: tuple[dict[str, int], list[str], list[str]] = ({"2": 100}, ["2"], [])


@pytest.fixture
def answered(cloud: LocalCloud) -> Iterator[dict[str, Any]]:
    """What each version answers to golden requests, by the name under which it is deployed."""
    answers: dict[str, Any] = {}

    def predicted(deployed: Any, instances: list[Any]) -> list[Any]:
        answer = answers.get(deployed.display_name, GOLDEN_ANSWER)
        if isinstance(answer, Exception):
            raise answer
        return [answer for _ in instances]

    cloud.vertex.backend.predictor = predicted
    yield answers
    cloud.vertex.backend.predictor = None


def new_site(cloud: LocalCloud) -> Site:
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    cloud.storage.create_bucket(bucket, REGION)
    for version in ("1", "2", "3"):
        cloud.storage.write(bucket, f"serving/{version}/saved_model.pb", f"graph {version}".encode())
    options = EndpointOptions(
        project=cloud.project,
        region=REGION,
        environment=uuid.uuid4().hex[:8],
        versions=f"gs://{bucket}/serving",
        serving_image=IMAGE,
    )
    return Site(options, f"gs://{bucket}/sluice")


@pytest.fixture
def site(cloud: LocalCloud, answered: dict[str, Any]) -> Site:
    return new_site(cloud)


def test_a_good_version_goes_from_0_to_10_to_100_percent(site: Site) -> None:
    rollout = site.roll_out()
    assert (rollout.phase, rollout.exit_code) == (Phase.DONE, ExitCode.PUSHED)
    assert site.ends() == REPLACED
    assert list(dict.fromkeys(shares.get("2", 0) for shares in site.answers.shares)) == [10]
    [shadow] = [entry for entry in rollout.entries if entry.phase is Phase.SHADOW]
    assert shadow.reason.startswith("Left out: this endpoint copies no requests")


def test_without_copies_and_without_a_canary_nothing_is_compared_and_it_is_taken_back(site: Site) -> None:
    rollout = site.roll_out(plan=dataclasses.replace(PLAN, canary_shares=()))
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    assert "nothing would be compared" in rollout.reason
    assert site.ends() == AS_BEFORE


@pytest.mark.parametrize(
    ("behaviour", "named"),
    [
        (Behaviour(failures=0.5), "failed requests"),
        (Behaviour(slowness=4.0), "slow answers"),
        (Behaviour(shift=2.0), "`tip`"),
        (Behaviour(nan=0.05), "NaN"),
    ],
)
def test_harm_is_rolled_back_and_never_has_more_than_the_canary_share(
    site: Site, behaviour: Behaviour, named: str
) -> None:
    site.behaviours["2"] = behaviour
    rollout = site.roll_out()
    assert (rollout.phase, rollout.exit_code) == (Phase.ROLLED_BACK, ExitCode.REFUSED)
    assert named in rollout.reason
    assert (site.ends(), site.most_of("2")) == (AS_BEFORE, 10)


@pytest.mark.parametrize("answer", [{"tip": 0.3}, exceptions.InternalServerError("the model failed")])
def test_a_version_that_answers_golden_requests_otherwise_gets_no_request(
    site: Site, answered: dict[str, Any], answer: Any
) -> None:
    answered["taxi@2"] = answer
    rollout = site.roll_out()
    assert rollout.phase is Phase.ROLLED_BACK
    assert "Golden request 1" in rollout.reason
    assert (site.ends(), site.most_of("2")) == (AS_BEFORE, 0)


def test_without_traffic_it_ends_undecided_and_goes_on_when_there_is_some(site: Site) -> None:
    site.requests = 0
    assert site.roll_out().exit_code == ExitCode.UNDECIDED
    assert site.state().traffic == {"1": 90, "2": 10}
    site.requests = 1_000
    assert site.roll_out().phase is Phase.DONE
    assert site.ends() == REPLACED


def test_a_canary_is_rolled_back_and_another_one_can_come(site: Site) -> None:
    site.behaviours["2"] = Behaviour(failures=0.5)
    assert site.roll_out(TWO).phase is Phase.ROLLED_BACK
    assert site.roll_out(THREE).phase is Phase.DONE
    assert site.ends() == ({"3": 100}, ["3"], [])


@pytest.mark.parametrize("after_change", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("is_good", [True, False], ids=["good", "bad"])
def test_killed_at_any_change_of_the_endpoint_and_run_again_it_ends_consistent(
    cloud: LocalCloud, answered: dict[str, Any], after_change: bool, is_good: bool
) -> None:
    number, kills = 1, 0
    while True:
        site = new_site(cloud)
        site.behaviours["2"] = Behaviour() if is_good else Behaviour(failures=0.5)
        site.kill_at, site.after_change = number, after_change
        try:
            site.roll_out()
            break
        except Killed:
            kills += 1
        site.kill_at = 0
        rollout = site.roll_out()
        assert rollout.phase is (Phase.DONE if is_good else Phase.ROLLED_BACK), f"killed at change {number}"
        assert site.ends() == (REPLACED if is_good else AS_BEFORE), f"killed at change {number}"
        number += 1
    assert kills == number - 1 > 2
