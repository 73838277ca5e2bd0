"""What both versions answered in one stretch of time: the input of the watch, and its line in a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from core.errors import SluiceError

# Of each version in a window; more would fill the disk, and show no more than some further windows do.
MOST_OBSERVATIONS = 2_000


@dataclass(frozen=True)
class Observation:
    """One request to one version: how long it took, and the numbers of the answer by name.

    `scores` is None when there was no prediction, whatever the reason: a fault of the server (5xx), a refusal (4xx), or
    a client that did not wait. Clients' own faults meet both versions and cancel out in the comparison. It is empty
    when a prediction came and no scores could be read in it.
    """

    seconds: float
    scores: Mapping[str, float] | None


@dataclass(frozen=True)
class Window:
    """The answers of both versions to requests of the same stretch of time, each in the order of arrival.

    `cursor` is where the source of the answers goes on after this window.
    """

    canary: Sequence[Observation]
    stable: Sequence[Observation]
    cursor: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps([self.cursor, _plain(self.canary), _plain(self.stable)], allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> Window:
        """The inverse of `to_line`; a number that JSON does not know, such as infinity, comes back as NaN."""
        cursor, *sides = json.loads(line)
        canary, stable = (tuple(map(_observation, side)) for side in sides)
        return cls(canary, stable, str(cursor))


class AnswerSource(Protocol):
    """Where the answers of both versions come from: the router's record, or a serving log."""

    def since(self, cursor: str, canary: str, stable: str) -> Window:
        """The answers of two deployed ids after `cursor`, copies of requests included; the empty cursor is now."""


def thinned(window: Window) -> Window:
    """The window with at most MOST_OBSERVATIONS of each side.

    They are taken at even distances, by their place alone: whatever they show, and from the whole stretch of time on
    both sides, so that what both versions share in it still cancels out.
    """
    return Window(_evenly(window.canary), _evenly(window.stable), window.cursor)


def scores_of(prediction: object) -> dict[str, float]:
    """The numbers in one prediction of an endpoint, by name.

    `{"label": "tip", "scores": {"tip": 0.7}}` → `{"tip": 0.7}`; `{"price": [3.5]}` → `{"price": 3.5}`; `0.7` →
    `{"0": 0.7}`; `[0.1, 0.9]` → `{"0": 0.1, "1": 0.9}`. Text and truth values are no scores.
    """
    if isinstance(prediction, Mapping):
        named = prediction.get("scores", prediction)
        return dict(_numbers(named if isinstance(named, Mapping) else {"scores": named}))
    return dict(_numbers({"": prediction}))


def read_windows(path: Path) -> list[Window]:
    """The windows in a file; a last line that a killed process left unfinished is ignored.

    Raises:
      SluiceError: when another line is no window.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    windows = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            windows.append(Window.from_line(line))
        except (ValueError, TypeError) as problem:
            sentence = f"{path}, line {number}: this is no record of answers; the file was altered."
            raise SluiceError(sentence, f"See the line:  sed -n {number}p {path}") from problem
    return windows


def append_window(path: Path, window: Window) -> None:
    """Adds a line; one that a killed process left unfinished is cut off first."""
    with path.open("a+b") as file:
        if _ends_within_a_line(file):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        file.write(window.to_line().encode() + b"\n")
        file.flush()


def _evenly(answers: Sequence[Observation]) -> Sequence[Observation]:
    count = len(answers)
    if count <= MOST_OBSERVATIONS:
        return answers
    return tuple(answers[number * count // MOST_OBSERVATIONS] for number in range(MOST_OBSERVATIONS))


def _ends_within_a_line(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _numbers(named: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    for name, value in named.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(name) or "0", float(value)
        elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1 and name:
            yield from _numbers({name: value[0]})
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield from _numbers({f"{name}.{index}".lstrip("."): item for index, item in enumerate(value)})


def _plain(answers: Sequence[Observation]) -> list[Any]:
    return [[each.seconds, None if each.scores is None else _finite(each.scores)] for each in answers]


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


def _observation(plain: Any) -> Observation:
    seconds, scores = plain
    if scores is None:
        return Observation(float(seconds), None)
    return Observation(
        float(seconds), {name: math.nan if value is None else float(value) for name, value in scores.items()}
    )
