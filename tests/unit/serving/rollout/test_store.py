"""What is recorded comes back; two processes never roll out at once."""

from __future__ import annotations

import fcntl
import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from core.errors import SluiceError
from core.webhook import Webhook
from serving.contract import ModelVersion
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.plan import RolloutPlan
from serving.rollout.record import Entry, Outcome, Phase, Rollout
from serving.rollout.store import Instruction, RolloutStore, store_at
from serving.watch.decision import Comparison, Standing
from serving.watch.settings import WatchSettings
from serving.watch.window import Window, append_window

COMPARISON = Comparison("share of failed requests", 0.0, -0.1, 0.1, 0.95, 0.05, False, 7, 70, Standing.OPEN)
ENTRY = Entry("2026-11-29 12:00:00", Phase.CANARY, Outcome.UNDECIDED, "no traffic", 10, (COMPARISON,))
ORDER = RolloutOrder(
    "out/serving/taxi",
    "out/serving/taxi/2",
    RolloutPlan(canary_shares=(10, 50), approve="manual", watch=WatchSettings(fewest_requests=7)),
    Registered("out/registry", "taxi", "1.0.1"),
    Webhook("HOOK", ("undecided",), "HOOK_SECRET"),
)
ROLLOUT = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", Phase.CANARY, 1, 17.5, (ENTRY,), ORDER)
OVER = Rollout("00001-2", ModelVersion("2", "taxi", "2"), None, Phase.DONE)


@pytest.fixture
def store(tmp_path: Path) -> RolloutStore:
    return RolloutStore(tmp_path, "taxi")


def test_a_rollout_comes_back_as_it_was_recorded(store: RolloutStore) -> None:
    assert store.current() is None
    store.save(ROLLOUT)
    assert store.current() == ROLLOUT
    assert store.history() == []


def test_a_final_rollout_goes_into_the_history(store: RolloutStore) -> None:
    store.save(OVER)
    assert store.history() == [OVER]
    assert store.current() == OVER


def test_an_instruction_is_for_its_rollout_and_an_approval_for_its_step(store: RolloutStore) -> None:
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


@pytest.mark.parametrize("content", ["{", "[]", '{"id": "1"}'])
def test_a_damaged_record_is_named(store: RolloutStore, content: str) -> None:
    store.save(ROLLOUT)
    (store.folder / "current.json").write_text(content)
    with pytest.raises(SluiceError, match=r"current\.json"):
        store.current()


def _hold(folder: Path, held: Event, release: Event) -> None:
    with RolloutStore(folder, "taxi").alone():
        held.set()
        release.wait(60)


def test_a_second_process_is_refused_while_the_first_rolls_out(store: RolloutStore, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, held, release))
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
    with store.alone():
        pass


def test_whoever_looks_at_the_same_moment_is_not_taken_for_a_process_that_rolls_out(store: RolloutStore) -> None:
    with store.alone():
        pass
    with (store.folder / ".lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not store.is_running()


def test_what_was_observed_goes_when_the_rollout_is_over(store: RolloutStore) -> None:
    store.save(ROLLOUT)
    path = store.windows_file(ROLLOUT)
    append_window(path, Window((), (), "1"))
    store.save(ROLLOUT)
    assert path.exists()
    store.save(OVER)
    assert not path.exists()
    assert store.history() == [OVER]


def test_rollouts_are_recorded_in_a_folder_of_this_machine_alone(tmp_path: Path) -> None:
    assert store_at(str(tmp_path), "taxi").folder == tmp_path / "rollout/taxi"
    with pytest.raises(SluiceError, match="cannot be recorded in gs://bucket/out"):
        store_at("gs://bucket/out", "taxi")
