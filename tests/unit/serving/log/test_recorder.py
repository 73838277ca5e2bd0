"""From the answers of a process to the lines of its record."""

from __future__ import annotations

import asyncio

from serving.log.answer_line import answer_in
from serving.log.answered import Answered
from serving.log.recorder import AnswerRecorder


def test_one_flush_is_one_piece_of_whole_lines_which_an_object_of_a_bucket_can_hold() -> None:
    pieces: list[bytes] = []

    async def run() -> None:
        recorder = AnswerRecorder(pieces.append, interval=3600)
        for number in range(3):
            recorder.answered(Answered(1.0, str(number), 200, 0.1, b'{"predictions":[0.5]}'))
        recorder.start()
        await recorder.stop()

    asyncio.run(run())
    (piece,) = pieces
    answers = [answer_in(line) for line in piece.splitlines()]
    assert [each and each.deployed_id for each in answers] == ["0", "1", "2"]
