"""TFRecord framing without TensorFlow: reading with checksums verified, and framing a batch of records at once."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import google_crc32c
import numpy as np
import numpy.typing as npt

from gates.records import MASK_DELTA, records_in
from pipeline.ingest.files import open_content, plain_read_errors


def read_records(path: str) -> Iterator[bytes]:
    """The records of a TFRecord file, gzip or not; damage is refused with the number of the record."""
    with plain_read_errors(path), open_content(path) as content:
        yield from records_in(content, path)


def frame_records(records: Sequence[bytes]) -> bytes:
    """The records as TFRecord bytes: length, its checksum, record, its checksum."""
    lengths = np.fromiter(map(len, records), "<u8", len(records))
    crcs = np.fromiter(map(google_crc32c.value, records), np.uint32, len(records))
    distinct, place = np.unique(lengths, return_inverse=True)
    length_crcs = np.array([google_crc32c.value(struct.pack("<Q", int(n))) for n in distinct], np.uint32)
    head = np.empty(len(records), [("length", "<u8"), ("crc", "<u4")])
    head["length"] = lengths
    head["crc"] = _masked_all(length_crcs)[place.reshape(-1)]
    heads, tails = head.tobytes(), _masked_all(crcs).tobytes()
    pieces = [b""] * (3 * len(records))
    pieces[0::3] = [heads[at : at + 12] for at in range(0, len(heads), 12)]
    pieces[1::3] = records
    pieces[2::3] = [tails[at : at + 4] for at in range(0, len(tails), 4)]
    return b"".join(pieces)


def _masked_all(crcs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    rotated = (crcs >> np.uint32(15)) | (crcs << np.uint32(17))
    return (rotated + np.uint32(MASK_DELTA)).astype("<u4")
