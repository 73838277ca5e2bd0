"""Frames come out as they went in, however the connection cuts them, and one turn of the loop is one write."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from serving.protocol.frames import Frame, FrameReader, FrameWriter

FRAMES = [
    Frame(0, 0, b""),
    Frame(7, 200, b"x" * 5000, b"beside it"),
    Frame(2**64 - 1, 503, b"\0\1"),
    Frame(9, 200, b"", b"beside nothing"),
    Frame(8, 0, b"end"),
]


class _Transport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closing = False

    def writelines(self, parts: list[bytes]) -> None:
        self.writes.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closing


def _written(*turns: list[Frame]) -> list[bytes]:
    transport: Any = _Transport()

    async def run() -> None:
        writer = FrameWriter(transport)
        for turn in turns:
            for frame in turn:
                writer.write(frame)
            await asyncio.sleep(0)

    asyncio.run(run())
    return list(transport.writes)


def test_frames_are_read_as_they_were_written_wherever_the_stream_is_cut() -> None:
    [stream] = _written(FRAMES)
    for seed in range(50):
        draw = random.Random(seed)
        cuts = sorted(draw.sample(range(len(stream)), 12))
        reader = FrameReader()
        parts = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert [frame for part in parts for frame in reader.frames(part)] == FRAMES


def test_what_is_written_in_one_turn_of_the_loop_leaves_together() -> None:
    assert len(_written(FRAMES)) == 1
    assert len(_written(FRAMES[:2], FRAMES[2:])) == 2


def test_nothing_is_written_once_the_other_side_has_gone() -> None:
    transport: Any = _Transport()

    async def run() -> None:
        writer = FrameWriter(transport)
        writer.write(FRAMES[0])
        transport.closing = True
        await asyncio.sleep(0)

    asyncio.run(run())
    assert transport.writes == []
