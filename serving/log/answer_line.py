"""The record of one answer: a line of JSON, small whatever the answer holds."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import islice

import orjson

from serving.log.answered import Answered
from serving.watch.window import Observation, scores_of

MOST_SCORES = 100
# As much of an answer is looked at: the scores of its first instance lie in it.
BODY_BYTES = 64 << 10
_BEGINNING = '{"predictions":['
_decoder = json.JSONDecoder()


@dataclass(frozen=True)
class RecordedAnswer:
    """`scores`: the numbers in the answer to the first instance, by name; None where there was no answer."""

    time: float
    deployed_id: str
    code: int
    is_copy: bool
    observation: Observation


def line_of(answered: Answered) -> bytes:
    """The line with its end."""
    scores = first_scores(answered.body) if answered.code < 400 else None
    fields = [round(answered.time, 3), answered.deployed_id, answered.code, round(answered.seconds, 6)]
    return orjson.dumps([*fields, int(answered.is_copy), scores]) + b"\n"


def answer_in(line: bytes) -> RecordedAnswer | None:
    """The inverse of `line_of`; None for a line that a crash left damaged."""
    try:
        time, deployed_id, code, seconds, is_copy, scores = orjson.loads(line)
        # A score that JSON cannot hold was written as null.
        named = None if scores is None else {name: math.nan if x is None else float(x) for name, x in scores.items()}
        return RecordedAnswer(time, deployed_id, int(code), bool(is_copy), Observation(float(seconds), named))
    except (ValueError, TypeError, AttributeError):
        return None


def first_scores(body: bytes) -> dict[str, float]:
    """The numbers in the first prediction of an answer, by name; none where it is longer than BODY_BYTES."""
    text = body[:BODY_BYTES].decode(errors="ignore")
    if not text.startswith(_BEGINNING):
        return {}
    try:
        first, _ = _decoder.raw_decode(text, len(_BEGINNING))
    except ValueError:
        return {}
    return dict(islice(scores_of(first).items(), MOST_SCORES))


def object_name(seconds: float, container: str = "") -> str:
    """The name of lines that are written to a bucket at this time: in the order of time. Without a container it is the
    beginning of all names of that time."""
    return f"{int(seconds * 1000):013d}-{f'{container}.jsonl' if container else ''}"
