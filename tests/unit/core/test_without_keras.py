"""Processes that only answer requests import TensorFlow without Keras, and can import Keras afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.without_keras import without_keras
from tests.samples.folders import ROOT
from tests.samples.light import needs_pipeline

_BOTH = """
import sys
from core.without_keras import without_keras
with without_keras():
    import tensorflow as tf
print("keras" in sys.modules)
import keras
print(keras.optimizers.Adam.__name__, tf.constant(7).numpy())
"""


@needs_pipeline
def test_keras_is_imported_by_whoever_wants_it_and_not_by_tensorflow() -> None:
    done = subprocess.run([sys.executable, "-c", _BOTH], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "Adam", "7"]


def test_what_is_imported_already_stays() -> None:
    import keras.src.optimizers as before

    with without_keras():
        assert sys.modules["keras.src.optimizers"] is before
    assert sys.modules["keras.src.optimizers"] is before


def test_nothing_is_hidden_after_an_import_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keras.src.optimizers", raising=False)
    with pytest.raises(ImportError), without_keras():
        import keras.src.optimizers  # noqa: F401
    assert "keras.src.optimizers" not in sys.modules
