"""The records of a workload's rollouts: the present one, earlier ones, what was observed, and what people decided."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import SluiceError
from serving.rollout.record import Phase, Rollout
from serving.watch.window import Window

FOLDER = "rollout"
CURRENT = "current.json"
_INSTRUCTION = "instruction.json"
_HISTORY = "history"
ANSWERS = "answers"


@dataclass(frozen=True)
class Instruction:
    """What a person decided about a rollout in its present step: `approve`, `reject` or `rollback`, and why."""

    rollout: str
    phase: str
    action: str
    reason: str


class RolloutStore(ABC):
    """`<output>/rollout/<workload>/`, in a folder or a bucket; every file is written whole or not at all."""

    def __init__(self, output: str, workload: str) -> None:
        """`output`: where the runs have their output."""
        self.output = output
        self.workload = workload

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Keeps other processes from rolling out meanwhile; a killed process keeps nobody from it for long.

        Raises:
          SluiceError: when another process does.
        """

    @abstractmethod
    def is_running(self) -> bool:
        """Whether a process is rolling out at this moment."""

    @abstractmethod
    def windows(self, rollout: Rollout) -> Sequence[Window]:
        """What was observed in the present step, in its order.

        Raises:
          SluiceError: when it cannot be read.
        """

    @abstractmethod
    def add_window(self, rollout: Rollout, number: int, window: Window) -> None:
        """Records what was observed next; `number`: how many windows the step has already.

        Raises:
          SluiceError: when it cannot be written, or another process rolls out by now.
        """

    @abstractmethod
    def _remove_windows(self) -> None:
        """Removes what was observed in all steps."""

    @abstractmethod
    def where(self, name: str) -> str:
        """The path or the address of one of the files."""

    @abstractmethod
    def _read(self, name: str) -> bytes | None: ...

    @abstractmethod
    def _write(self, name: str, value: Any) -> None: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...

    @abstractmethod
    def _names(self, folder: str) -> list[str]:
        """The names of the files in a folder, sorted."""

    @abstractmethod
    def _aside(self, name: str) -> str:
        """The command that puts a file aside."""

    def current(self) -> Rollout | None:
        """The last rollout that was begun.

        Raises:
          SluiceError: when its file cannot be read as one.
        """
        return self._rollout(CURRENT)

    def save(self, rollout: Rollout) -> None:
        """Records the present rollout. A final one also goes into the history, and what was observed is removed.

        Raises:
          SluiceError: when it cannot be written, or another process rolls out by now.
        """
        if rollout.is_final:
            self._write(f"{_HISTORY}/{rollout.id}.json", rollout.to_plain())
        self._write(CURRENT, rollout.to_plain())
        if rollout.is_final:
            # What its steps compared is in its entries.
            self._remove_windows()

    def history(self) -> list[Rollout]:
        """The finished rollouts, oldest first.

        Raises:
          SluiceError: when one of the files cannot be read.
        """
        names = [name for name in self._names(_HISTORY) if name.endswith(".json")]
        return [found for name in names if (found := self._rollout(f"{_HISTORY}/{name}"))]

    def instruct(self, instruction: Instruction) -> None:
        """Leaves a person's decision for the process that rolls out, now or when it starts again.

        Raises:
          SluiceError: when it cannot be written.
        """
        self._write(_INSTRUCTION, asdict(instruction))

    def instruction(self, rollout: Rollout) -> Instruction | None:
        """The decision that a person left for this rollout; an approval is for the step in which it was given.

        Raises:
          SluiceError: when the file is not as `instruct` writes it.
        """
        content = self._read(_INSTRUCTION)
        if content is None:
            return None
        try:
            found = Instruction(**json.loads(content))
        except (ValueError, TypeError) as problem:
            raise self._unreadable(_INSTRUCTION) from problem
        is_late = found.action == "approve" and found.phase != rollout.phase.value
        return None if is_late or found.rollout != rollout.id else found

    def forget_instruction(self) -> None:
        """Once it was followed and recorded, or the rollout is over.

        Raises:
          SluiceError: when it cannot be removed.
        """
        self._remove(_INSTRUCTION)

    def command(self, name: str) -> str:
        """What to type for one of the commands of `python -m serving.rollout`."""
        return f"python -m serving.rollout {name} --output-dir {self.output} --workload {self.workload}"

    def next_command(self, rollout: Rollout) -> str:
        """What to type for a rollout that is not over: `approve` where it waits for a person, else `resume`."""
        return self.command("approve" if rollout.phase is Phase.APPROVAL else "resume")

    def _rollout(self, name: str) -> Rollout | None:
        content = self._read(name)
        if content is None:
            return None
        try:
            return Rollout.from_plain(json.loads(content))
        except (ValueError, TypeError, KeyError) as problem:
            raise self._unreadable(name) from problem

    def _unreadable(self, name: str) -> SluiceError:
        return SluiceError(
            f"{self.where(name)} is not as Sluice writes it: it was altered, or another version of Sluice wrote it.",
            f"Put it aside:  {self._aside(name)}",
        )


def step_of(rollout: Rollout) -> str:
    """The name of the present step, under which its windows are kept."""
    return f"{rollout.id}-{rollout.phase.value}-{rollout.step}"
