"""Python's collector and the objects of the libraries, which stay as long as the process."""

from __future__ import annotations

import gc


def leave_out_what_is_loaded() -> None:
    """Keeps what exists out of every later collection. To look through the objects of TensorFlow takes a quarter of a
    second, and requests wait meanwhile."""
    gc.collect()
    gc.freeze()
