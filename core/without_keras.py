"""TensorFlow imported without Keras, for processes that answer requests by signatures and train nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# TensorFlow imports it at its end, for optimizers in SavedModels of an older Keras, and goes on where it is missing.
_NAME = "keras.src.optimizers"


@contextmanager
def without_keras() -> Iterator[None]:
    """For a block that imports TensorFlow: Keras is close to half of that. It can be imported after the block."""
    is_hidden = _NAME not in sys.modules
    if is_hidden:
        sys.modules[_NAME] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if is_hidden:
            del sys.modules[_NAME]
