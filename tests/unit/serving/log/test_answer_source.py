"""What a rollout sees of the record of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from serving.log.answer_files import AnswerFiles
from serving.log.answer_line import line_of
from serving.log.answer_source import answer_source_at
from serving.log.answered import Answered
from serving.watch.window import Observation, Window


def _line(deployed_id: str, score: float, code: int = 200, is_copy: bool = False) -> bytes:
    return line_of(Answered(1.0, deployed_id, code, 0.1, b'{"predictions":[%g]}' % score, is_copy))


def test_the_empty_cursor_is_now_and_each_answer_is_in_one_window(tmp_path: Path) -> None:
    files, source = AnswerFiles(tmp_path), answer_source_at(str(tmp_path))
    files.append(_line("1", 0.1) + _line("2", 0.1))
    first = source.since("", "2", "1")
    assert (first.canary, first.stable) == ((), ())
    files.append(_line("1", 0.2) + _line("2", 0.3) + _line("3", 0.9) + _line("1", 0.4))
    second = source.since(first.cursor, "2", "1")
    assert second.canary == (Observation(0.1, {"0": 0.3}),)
    assert second.stable == (Observation(0.1, {"0": 0.2}), Observation(0.1, {"0": 0.4}))
    third = source.since(second.cursor, "2", "1")
    assert (third.canary, third.stable, third.cursor) == ((), (), second.cursor)


def test_copies_and_refused_requests_count(tmp_path: Path) -> None:
    files, source = AnswerFiles(tmp_path), answer_source_at(str(tmp_path))
    cursor = source.since("", "2", "1").cursor
    files.append(_line("2", 0.1, is_copy=True) + _line("2", 0.1, code=429) + _line("2", 0.1, code=503))
    found = source.since(cursor, "2", "1")
    assert found.canary == (Observation(0.1, {"0": 0.1}), Observation(0.1, None), Observation(0.1, None))


def test_where_no_record_is_kept_nothing_is_ever_observed() -> None:
    assert answer_source_at("").since("", "2", "1") == Window((), ())


def test_another_kind_of_place_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        SluiceError, match="no record of answers is kept in ftp://x; a place for it is a folder, gs://…"
    ):
        answer_source_at("ftp://x")
