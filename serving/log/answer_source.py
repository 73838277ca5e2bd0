"""The record of answers as a rollout reads it, from another process than the one that writes it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import SluiceError
from serving.log.answer_files import end_of, lines_after
from serving.log.answer_line import RecordedAnswer, answer_in
from serving.watch.window import AnswerSource, Observation, Window


class FolderOfAnswers:
    """The answers that AnswerFiles wrote to a folder. A cursor is a place in a file."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def since(self, cursor: str, canary: str, stable: str) -> Window:
        """See AnswerSource. Both versions' answers are in one file, so a window has one stretch of time for both."""
        if not cursor:
            return Window((), (), end_of(self._folder))
        lines, following = lines_after(self._folder, cursor)
        answers = [answer for answer in map(answer_in, lines) if answer is not None]
        return Window(observed_of(answers, canary), observed_of(answers, stable), following)


class Unobserved:
    """The source of an endpoint that keeps no record: nothing is ever observed, and nothing passes by that."""

    def since(self, cursor: str, canary: str, stable: str) -> Window:  # noqa: ARG002
        """See AnswerSource."""
        return Window((), (), cursor)


# By the part before `://` of a place; a place without it is a local folder. What speaks to Google Cloud lies in a room
# above this one, which may not be imported here: it is named by its dotted path.
BACKENDS: Mapping[str, Callable[[str], AnswerSource] | str] = {
    "": FolderOfAnswers,
    "gs": "cloud.bucket_answers:BucketOfAnswers",
}


def answer_source_at(place: str) -> AnswerSource:
    """The record of answers at `place`, which is `answers_at` of an endpoint; empty: none is kept.

    Raises:
      SluiceError: when there is no such kind of place.
    """
    if not place:
        return Unobserved()
    scheme, mark, _ = place.partition("://")
    found = BACKENDS.get(scheme if mark else "")
    if found is None:
        known = ", ".join(f"{name}://…" if name else "a folder" for name in BACKENDS)
        raise SluiceError(f"no record of answers is kept in {place}; a place for it is {known}.")
    make: Callable[[str], AnswerSource] = pkgutil.resolve_name(found) if isinstance(found, str) else found
    return make(place)


def observed_of(answers: list[RecordedAnswer], deployed_id: str) -> tuple[Observation, ...]:
    """What one version answered, copies included, in the order of the record.

    Also requests that it refused (4xx): one that refuses what the version before took is worse. What clients send
    wrongly is refused by both, and cancels out.
    """
    return tuple(each.observation for each in answers if each.deployed_id == deployed_id)
