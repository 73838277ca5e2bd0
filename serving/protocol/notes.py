"""What a worker notes for its router of a request that has come past it: a frame without a request before it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from serving.protocol.frames import Frame

# The status of an answer is never 0.
NOTE = 0
_END = b"\n"


@dataclass(frozen=True)
class Note:
    """`is_copy`: nobody saw the answer; `answer`: as much of it as is kept; `request`: where it is to be logged, else
    empty; `lost`: how many notes before this one could not be sent."""

    time: float
    code: int
    seconds: float
    is_copy: bool
    request_id: str
    answer: bytes
    request: bytes = b""
    lost: int = 0


def frame_of(note: Note) -> Frame:
    """A line of JSON, and behind it both bodies."""
    plain: dict[str, Any] = {**asdict(note), "answer": len(note.answer), "request": len(note.request)}
    return Frame(0, NOTE, orjson.dumps(plain) + _END + note.answer + note.request)


def note_in(frame: Frame) -> Note:
    """The inverse of `frame_of`."""
    head, _, bodies = frame.body.partition(_END)
    plain = orjson.loads(head)
    end = plain["answer"]
    return Note(**{**plain, "answer": bodies[:end], "request": bodies[end : end + plain["request"]]})
