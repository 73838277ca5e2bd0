"""The folder of a workload's rollouts: the present one, earlier ones, what was observed, and what people decided."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.atomic_write import write_json
from core.errors import SluiceError
from serving.rollout.record import Phase, Rollout

FOLDER = "rollout"
_CURRENT = "current.json"
_INSTRUCTION = "instruction.json"
_HISTORY = "history"
_ANSWERS = "answers"
_LOCK = ".lock"


@dataclass(frozen=True)
class Instruction:
    """What a person decided about a rollout in its present step: `approve`, `reject` or `rollback`, and why."""

    rollout: str
    phase: str
    action: str
    reason: str


class RolloutStore:
    """`<output_dir>/rollout/<workload>/`; every file is written whole or not at all."""

    def __init__(self, output_dir: Path, workload: str) -> None:
        self.workload = workload
        self.folder = output_dir / FOLDER / workload

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from rolling out meanwhile; a killed process leaves no lock.

        Raises:
          SluiceError: when another process does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Not 0: `is_running` of a command holds the lock for an instant.
        lock = FileLock(self.folder / _LOCK, timeout=0.5)
        try:
            lock.acquire()
        except Timeout:
            sentence = f"another process is rolling out {self.workload} (it holds {lock.lock_file})."
            raise SluiceError(sentence, f"See how far it is:  {self.command('status')}") from None
        try:
            yield
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Whether a process is rolling out at this moment."""
        if not self.folder.is_dir():
            return False
        with (self.folder / _LOCK).open("ab") as lock:
            try:
                # Shared: whoever else looks at this moment is not taken for a process that rolls out.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def current(self) -> Rollout | None:
        """The last rollout that was begun.

        Raises:
          SluiceError: when its file cannot be read as one.
        """
        path = self.folder / _CURRENT
        return _read(path) if path.exists() else None

    def save(self, rollout: Rollout) -> None:
        """Records the present rollout. A final one also goes into the history, and what was observed is removed."""
        if rollout.is_final:
            (self.folder / _HISTORY).mkdir(parents=True, exist_ok=True)
            write_json(self._past(rollout.id), rollout.to_plain())
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / _CURRENT, rollout.to_plain())
        if rollout.is_final:
            # What its steps compared is in its entries.
            shutil.rmtree(self.folder / _ANSWERS, ignore_errors=True)

    def history(self) -> list[Rollout]:
        """The finished rollouts, oldest first.

        Raises:
          SluiceError: when one of the files cannot be read.
        """
        return [_read(path) for path in sorted((self.folder / _HISTORY).glob("*.json"))]

    def windows_file(self, rollout: Rollout) -> Path:
        """Where the answers of the present step are kept."""
        folder = self.folder / _ANSWERS
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{rollout.id}-{rollout.phase.value}-{rollout.step}.jsonl"

    def instruct(self, instruction: Instruction) -> None:
        """Leaves a person's decision for the process that rolls out, now or when it starts again."""
        write_json(self.folder / _INSTRUCTION, asdict(instruction))

    def instruction(self, rollout: Rollout) -> Instruction | None:
        """The decision that a person left for this rollout; an approval is for the step in which it was given.

        Raises:
          SluiceError: when the file is not as `instruct` writes it.
        """
        path = self.folder / _INSTRUCTION
        if not path.exists():
            return None
        try:
            found = Instruction(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as problem:
            raise _unreadable(path) from problem
        is_late = found.action == "approve" and found.phase != rollout.phase.value
        return None if is_late or found.rollout != rollout.id else found

    def forget_instruction(self) -> None:
        """Once it was followed and recorded, or the rollout is over."""
        (self.folder / _INSTRUCTION).unlink(missing_ok=True)

    def command(self, name: str) -> str:
        """What to type for one of the commands of `python -m serving.rollout`."""
        return f"python -m serving.rollout {name} --output-dir {self.folder.parent.parent} --workload {self.workload}"

    def next_command(self, rollout: Rollout) -> str:
        """What to type for a rollout that is not over: `approve` where it waits for a person, else `resume`."""
        return self.command("approve" if rollout.phase is Phase.APPROVAL else "resume")

    def _past(self, rollout_id: str) -> Path:
        return self.folder / _HISTORY / f"{rollout_id}.json"


def store_at(place: str, workload: str) -> RolloutStore:
    """The rollouts of a workload that are recorded in the output folder at `place`.

    Raises:
      SluiceError: when it is no folder of this machine: a bucket has no lock.
    """
    if "://" in place:
        raise SluiceError(f"rollouts cannot be recorded in {place}: it must be a folder of this machine.")
    return RolloutStore(Path(place), workload)


def _read(path: Path) -> Rollout:
    try:
        return Rollout.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as problem:
        raise _unreadable(path) from problem


def _unreadable(path: Path) -> SluiceError:
    return SluiceError(
        f"{path} is not as Sluice writes it: it was altered, or another version of Sluice wrote it.",
        f"Put it aside:  mv {path} {path}.aside",
    )
