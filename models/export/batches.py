"""Batches of serialized examples that a model can answer without filling the memory."""

from collections.abc import Iterator

import numpy as np

# A megabyte of images of 28 x 28 has about 800 rows, whose activations in a wide layer take about 100 MB. Rows of a
# table are so small that a full batch fits.
MOST_BYTES, MOST_ROWS = 2**20, 4096


def by_size(examples: np.ndarray) -> Iterator[np.ndarray]:
    """The examples in order, in parts of similar size in bytes; at least one part and one row a part."""
    a_row = sum(map(len, examples)) / max(len(examples), 1)
    rows = max(1, min(MOST_ROWS, int(MOST_BYTES / max(a_row, 1.0))))
    for start in range(0, max(len(examples), 1), rows):
        yield examples[start : start + rows]
