"""Rows of serialized examples, as many at a time as a model can be asked without filling the memory."""

from collections.abc import Iterator

import numpy as np

# A megabyte of images of 28 x 28 is some 800 rows, whose activations in a wide layer are some 100 MB; rows of a
# table are so small that all of a batch go at once.
MOST_BYTES, MOST_ROWS = 2**20, 4096


def by_size(examples: np.ndarray) -> Iterator[np.ndarray]:
    """The examples in order, in parts of about as many bytes; at least one part and one row a part."""
    a_row = sum(map(len, examples)) / max(len(examples), 1)
    rows = max(1, min(MOST_ROWS, int(MOST_BYTES / max(a_row, 1.0))))
    for start in range(0, max(len(examples), 1), rows):
        yield examples[start : start + rows]
