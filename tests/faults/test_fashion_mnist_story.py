"""The fault of the 45.57 % model: a real CNN, trained on pixels from 0 to 1, gets pixels from 0 to 255."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from gates.data.gate import judge
from gates.model.evidence import TRAINING, ModelEvidence, Predicted, Replay
from gates.verdict.catalogue import Gate
from gates.verdict.finding import GateReport, Severity, Verdict
from gates.verdict.settings import GateSettings
from tests.samples.fashion_mnist import CLASSES, Classes, Pixels, fashion_mnist, needs_fashion_mnist, shuffled_split

pytestmark = needs_fashion_mnist

# Runs in a process of its own, as a server would: nothing of the training process can hide a fault.
_SERVE = """
import sys
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
export, rows, answers = sys.argv[1:]
signature = tf.saved_model.load(export).signatures["serving_default"]
pixels = tf.constant(np.load(rows))
np.save(answers, np.stack([signature(image=pixels)["scores"].numpy() for _ in range(2)]))
"""


@dataclass(frozen=True)
class _Trained:
    """What training left behind: predictions on scaled pixels, and two exports of the same weights."""

    train: Predicted
    eval: Predicted
    test: Predicted
    unscaled_test: Predicted
    replayed: Predicted
    served: dict[str, np.ndarray]  # export → [two calls, rows, classes]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> _Trained:
    """A small CNN after two short epochs on 8,000 images."""
    folder = tmp_path_factory.mktemp("story")
    train, held_out = shuffled_split(0, 8_000, 2_000)
    pixels, classes = fashion_mnist("t10k")
    test = pixels[:2_000], classes[:2_000]
    model = _learn(*train)

    def predicted(part: tuple[Pixels, Classes], scale: float = 255.0) -> Predicted:
        return Predicted.of(part[1], model.predict(_as_input(part[0], scale), batch_size=500, verbose=0))

    replayed = test[0][:512], test[1][:512]
    return _Trained(
        train=predicted((train[0][:2_000], train[1][:2_000])),
        eval=predicted(held_out),
        test=predicted(test),
        unscaled_test=predicted(test, scale=1.0),
        replayed=predicted(replayed),
        served={name: _served(model, folder, name, scale, replayed[0]) for name, scale in _EXPORTS.items()},
    )


_EXPORTS = {"sound": 255.0, "without the division": 1.0}


def _as_input(pixels: Pixels, scale: float) -> np.ndarray:
    return (pixels.reshape(-1, 28, 28, 1) / np.float32(scale)).astype(np.float32)


def _learn(pixels: Pixels, classes: Classes):
    import keras

    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(16, 3, strides=2, use_bias=False),
            # Its moving averages hold train's scale; without it, a ReLU network hardly minds another one.
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Conv2D(32, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(_as_input(pixels, 255.0), classes, batch_size=64, epochs=2, verbose=0)
    return model


def _served(model, folder: Path, name: str, scale: float, pixels: Pixels) -> np.ndarray:
    """What the export answers to raw pixels, twice, in a process of its own."""
    import tensorflow as tf

    export, rows, answers = folder / name, folder / "rows.npy", folder / f"{name}.npy"

    @tf.function(input_signature=[tf.TensorSpec([None, 784], tf.uint8, name="image")])
    def serving_default(image):
        scaled = tf.cast(tf.reshape(image, [-1, 28, 28, 1]), tf.float32) / scale
        return {"scores": model(scaled, training=False)}

    # The module holds the variables, so that they are exported with the signature.
    module = tf.Module()
    module.weights = model.variables
    tf.saved_model.save(module, str(export), signatures={"serving_default": serving_default})
    np.save(rows, pixels)
    subprocess.run([sys.executable, "-c", _SERVE, str(export), str(rows), str(answers)], check=True, timeout=300)
    return np.load(answers)


def _evidence(trained: _Trained, export: str = "sound") -> ModelEvidence:
    first, again = trained.served[export]
    return ModelEvidence(
        classes=CLASSES,
        train=trained.train,
        eval=trained.eval,
        test=trained.test,
        replays=(
            Replay(TRAINING, trained.replayed.scores, rows="512 images of test"),
            Replay("serving_default", first, again, rows="512 images of test"),
        ),
        replayed_labels=trained.replayed.labels,
    )


def _verdict(evidence: ModelEvidence) -> GateReport:
    return judge(Gate.MODEL, evidence, GateSettings(), date(2026, 1, 1))


def _blocking(report: GateReport) -> dict[str, str]:
    return {finding.check: finding.reason for finding in report.of(Severity.BLOCK)}


def test_the_sound_model_passes(trained):
    report = _verdict(_evidence(trained))
    assert _blocking(report) == {}
    assert report.verdict is not Verdict.FAIL
    assert {"replay_parity", "generalisation", "prediction_collapse", "loss_sanity"} <= set(report.checks_run)
    assert (trained.test.answers == trained.test.labels).mean() > 0.75


def test_refuses_a_signature_that_does_not_divide_by_255_and_says_how_far_off_it_is(trained):
    report = _verdict(_evidence(trained, "without the division"))
    blocking = _blocking(report)
    assert set(blocking) == {"replay_parity"}
    (finding,) = [each for each in report.of(Severity.BLOCK) if each.check == "replay_parity"]
    assert finding.subject == "serving_default"
    apart = np.abs(trained.served["without the division"][0] - trained.replayed.scores).max()
    assert finding.value == pytest.approx(apart, rel=1e-3)
    assert "serving_default" in finding.reason and f"{apart:.3g}" in finding.reason


def test_refuses_a_test_set_of_unscaled_pixels_and_names_the_class_onto_which_predictions_collapse(trained):
    report = _verdict(replace(_evidence(trained), test=trained.unscaled_test))
    blocking = _blocking(report)
    assert {"generalisation", "prediction_collapse"} <= set(blocking)
    share = np.bincount(trained.unscaled_test.answers, minlength=10) / trained.unscaled_test.rows
    assert CLASSES[int(share.argmax())] in blocking["prediction_collapse"]
