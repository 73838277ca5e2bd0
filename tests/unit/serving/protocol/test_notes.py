"""A note comes out of its frame as it went in."""

from __future__ import annotations

import pytest

from serving.protocol.notes import NOTE, Note, frame_of, note_in


@pytest.mark.parametrize(
    "note",
    [
        Note(1.5, 200, 0.25, False, "id", b'{"a":1}'),
        Note(1.5, 200, 0.25, False, "\n", b"answer\nof two lines", b"request\nof two lines", 3),
        Note(1.5, 503, 0.25, True, "", b""),
    ],
)
def test_what_goes_in_comes_out(note: Note) -> None:
    frame = frame_of(note)
    assert frame.kind == NOTE
    assert note_in(frame) == note
