"""The records of rollouts keep one contract, in a folder and in a bucket."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from google.api_core import exceptions

from cloud.bucket_folder import BucketFolder
from cloud.bucket_lease import LeaseTimes
from cloud.bucket_rollouts import BucketStore
from cloud.testing.cloud import LocalCloud
from core.errors import SluiceError
from core.webhook import Webhook
from serving.contract import ModelVersion
from serving.rollout.folder_store import FolderStore
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Entry, Outcome, Phase, Rollout
from serving.rollout.store import Instruction, RolloutStore
from serving.rollout.stores import store_at
from serving.watch.decision import Comparison, Standing
from serving.watch.settings import WatchSettings
from serving.watch.window import Observation, Window

COMPARISON = Comparison("share of failed requests", 0.0, -0.1, 0.1, 0.95, 0.05, False, 7, 70, Standing.OPEN)
ENTRY = Entry("2026-11-29 12:00:00", Phase.CANARY, Outcome.UNDECIDED, "no traffic", 10, (COMPARISON,))
ORDER = RolloutOrder(
    "out/serving/taxi",
    "out/serving/taxi/2",
    RolloutPlan(canary_shares=(10, 50), approve="manual", watch=WatchSettings(fewest_requests=7)),
    Registered("out/registry", "taxi", "1.0.1"),
    Webhook("HOOK", ("undecided",), "HOOK_SECRET"),
    uploads=True,
)
ROLLOUT = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", Phase.CANARY, 1, 17.5, (ENTRY,), ORDER)
OVER = Rollout("00001-2", ModelVersion("2", "taxi", "2"), None, Phase.DONE)
WINDOW = Window((Observation(0.5, {"tip": 0.25}),), (Observation(0.25, None),), "7")
# Long enough for a loaded machine to renew in time, short enough to be waited for.
SHORT = LeaseTimes(length=5.0, renewal=0.2, look=0.1)


class RecordsContract(ABC):
    """Subclasses give `place`, the output of the runs, and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def place(self) -> str: ...

    @pytest.fixture
    def store(self, place: str) -> RolloutStore:
        return opened(place)

    @abstractmethod
    def put(self, store: RolloutStore, name: str, content: bytes) -> None: ...

    def test_a_rollout_comes_back_as_it_was_recorded(self, store: RolloutStore, place: str) -> None:
        assert store.current() is None
        store.save(ROLLOUT)
        assert store.current() == opened(place).current() == ROLLOUT
        assert store.history() == []

    def test_a_final_rollout_goes_into_the_history(self, store: RolloutStore) -> None:
        store.save(ROLLOUT)
        store.save(OVER)
        assert store.history() == [OVER]
        assert store.current() == OVER

    def test_an_instruction_is_for_its_rollout_and_an_approval_for_its_step(self, store: RolloutStore) -> None:
        approval = Instruction("00001-2", "canary", "approve", "by ada")
        store.save(ROLLOUT)
        assert store.instruction(ROLLOUT) is None
        store.instruct(approval)
        assert store.instruction(ROLLOUT) == approval
        assert store.instruction(OVER) is None
        store.instruct(Instruction("00001-2", "canary", "rollback", "by ada"))
        assert store.instruction(OVER) is not None
        store.forget_instruction()
        store.forget_instruction()
        assert store.instruction(ROLLOUT) is None

    def test_windows_of_a_step_come_back_in_their_order(self, store: RolloutStore, place: str) -> None:
        assert list(store.windows(ROLLOUT)) == []
        expected = [WINDOW, Window((), (), "8"), WINDOW]
        for number, window in enumerate(expected):
            store.add_window(ROLLOUT, number, window)
        assert list(opened(place).windows(ROLLOUT)) == expected
        assert list(store.windows(OVER)) == []

    def test_what_was_observed_goes_when_the_rollout_is_over(self, store: RolloutStore, place: str) -> None:
        store.save(ROLLOUT)
        store.add_window(ROLLOUT, 0, WINDOW)
        store.save(ROLLOUT)
        assert list(opened(place).windows(ROLLOUT)) == [WINDOW]
        store.save(OVER)
        assert list(opened(place).windows(ROLLOUT)) == []
        assert store.history() == [OVER]

    @pytest.mark.parametrize("content", [b"{", b"[]", b'{"id": "1"}'])
    def test_a_damaged_record_is_named(self, store: RolloutStore, content: bytes) -> None:
        self.put(store, "current.json", content)
        with pytest.raises(SluiceError, match=r"current\.json is not as Sluice writes it"):
            store.current()

    def test_a_second_process_is_refused_while_the_first_rolls_out(self, store: RolloutStore, place: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        held, release = spawn.Event(), spawn.Event()
        other = spawn.Process(target=hold, args=(place, dict(os.environ), held, release))
        assert not store.is_running()
        other.start()
        try:
            assert held.wait(60)
            assert store.is_running()
            with pytest.raises(SluiceError, match="another process is rolling out taxi"), store.alone():
                pass
        finally:
            release.set()
            other.join(60)
        assert not store.is_running()
        with store.alone():
            store.save(ROLLOUT)

    def test_a_killed_process_keeps_nobody_out(self, store: RolloutStore, place: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        held, release = spawn.Event(), spawn.Event()
        other = spawn.Process(target=hold, args=(place, dict(os.environ), held, release))
        other.start()
        assert held.wait(60)
        other.kill()
        other.join(60)
        with store.alone():
            store.save(ROLLOUT)
        assert store.current() == ROLLOUT


def opened(place: str) -> RolloutStore:
    return BucketStore(place, "taxi", SHORT) if place.startswith("gs://") else FolderStore(Path(place), "taxi")


def hold(place: str, environment: Mapping[str, str], held: Event, release: Event) -> None:
    os.environ.update(environment)
    with opened(place).alone():
        held.set()
        release.wait(60)


class TestFolderStore(RecordsContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path)

    def put(self, store: RolloutStore, name: str, content: bytes) -> None:
        path = Path(store.where(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def test_whoever_looks_at_the_same_moment_is_not_taken_for_a_process_that_rolls_out(
        self, store: RolloutStore
    ) -> None:
        with store.alone():
            pass
        with Path(store.where(".lock")).open("rb") as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            assert not store.is_running()


class TestBucketStore(RecordsContract):
    @pytest.fixture
    def place(self, cloud: LocalCloud) -> str:
        bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        cloud.storage.create_bucket(bucket, "europe-west4")
        return f"gs://{bucket}/sluice"

    def put(self, store: RolloutStore, name: str, content: bytes) -> None:
        folder, _, last = store.where(name).rpartition("/")
        BucketFolder(folder).write(last, content)

    def test_two_that_both_began_write_over_nothing_of_each_other(self, place: str) -> None:
        first, second = opened(place), opened(place)
        first.save(ROLLOUT)
        assert second.current() == ROLLOUT
        second.save(OVER)
        with pytest.raises(SluiceError, match=r"current\.json was written by another process"):
            first.save(ROLLOUT)
        second.add_window(ROLLOUT, 0, WINDOW)
        with pytest.raises(SluiceError, match="was written by another process"):
            first.add_window(ROLLOUT, 0, Window((), (), "8"))
        assert (first.current(), list(first.windows(ROLLOUT))) == (OVER, [WINDOW])

    def test_whoever_lost_the_lease_writes_nothing_more(self, place: str) -> None:
        store, lease = opened(place), "rollout/taxi/lease.json"
        with store.alone():
            store.save(ROLLOUT)
            content = BucketFolder(place).read(lease)
            assert content is not None
            BucketFolder(place).write(lease, content[0].replace(b"process", b"another process"))
            with pytest.raises(SluiceError, match="is not held by this process any more"):
                until_refused(lambda: store.save(ROLLOUT))
        # What another process has taken is not given back by this one.
        found = BucketFolder(place).read(lease)
        assert found is not None
        assert b"another process" in found[0]

    @pytest.mark.parametrize("served", [False, True])
    def test_an_outage_in_between_is_sat_out(self, place: str, cloud: LocalCloud, served: bool) -> None:
        store = opened(place)
        store.save(ROLLOUT)
        cloud.faults.fail_next(exceptions.ServiceUnavailable("try again"), "storage.objects.create", served=served)
        store.save(replace(ROLLOUT, since=18.5))
        assert store.current() == replace(ROLLOUT, since=18.5)

    def test_a_lease_of_nobody_can_be_taken(self, place: str, store: RolloutStore) -> None:
        self.put(store, "lease.json", b"{")
        with store.alone():
            assert store.is_running()

    def test_the_commands_and_the_pipeline_find_it_by_its_address(self, place: str) -> None:
        store = store_at(f"{place}/", "taxi")
        assert isinstance(store, BucketStore)
        assert store.where("current.json") == f"{place}/rollout/taxi/current.json"
        assert store.command("status") == f"python -m serving.rollout status --output-dir {place} --workload taxi"


def until_refused(write: Callable[[], None]) -> None:
    """A renewal shows that the lease is lost; the writes before it still pass."""
    while True:
        write()


def test_there_is_no_other_place_for_records() -> None:
    with pytest.raises(SluiceError, match="cannot be recorded in s3://bucket; a place for them is a folder, gs://…"):
        store_at("s3://bucket", "taxi")
