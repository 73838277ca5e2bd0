"""Records that are no tf.Examples are refused with what they are; nothing of them is dropped without a word."""

from pathlib import Path

import pytest

from core.errors import SluiceError
from sources.joined import joined_kinds
from sources.tfrecord import TfRecord, frame_records

EMPTY_EXAMPLE, FEATURE_LISTS, UNKNOWN = b"\x0a\x00", b"\x12\x00", b"\x1a\x00"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (EMPTY_EXAMPLE + FEATURE_LISTS, "is a tf.SequenceExample"),
        (FEATURE_LISTS + EMPTY_EXAMPLE, "is a tf.SequenceExample"),
        (EMPTY_EXAMPLE + UNKNOWN, "has a field that a tf.Example does not have"),
        (b"no record", "is not a tf.Example"),
    ],
)
def test_a_file_without_any_tf_example_is_refused_with_what_it_holds(
    record: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.tfrecord"
    path.write_bytes(frame_records([record] * 3))
    with pytest.raises(SluiceError, match=f"no record of .* can be used: record 1 {reason}"):
        joined_kinds([TfRecord().survey(str(path))], TfRecord())
