"""Requested, detected and used devices."""

import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from core.errors import SluiceError
from models.export.model_run import Utilisation
from models.training.hardware import Hardware, check_accelerator, hardware_here, precision_policy, strategy_for
from models.training.utilisation import UtilisationSampler, advice_on
from tests.samples.folders import ROOT
from tests.samples.image_training import arguments, sample_images, written

PLAIN = Hardware("an old one", 4)
ABLE = Hardware("a new one", 4, half_precision_cpu=True)
GPU = Hardware("a new one", 4, ("Tesla T4",), tensor_cores=True)


def test_a_gpu_that_is_requested_and_not_seen_is_refused_in_one_sentence() -> None:
    with pytest.raises(SluiceError, match=r"`train\.accelerator` is gpu, and TensorFlow sees none") as refused:
        check_accelerator("gpu", PLAIN)
    assert "train.accelerator=cpu" in refused.value.next_command


@pytest.mark.parametrize(("wanted", "found"), [("auto", PLAIN), ("cpu", PLAIN), ("gpu", GPU), ("cpu", GPU)])
def test_anything_else_trains(wanted: str, found: Hardware) -> None:
    check_accelerator(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found", "uses_gpu", "policy"),
    [
        ("auto", PLAIN, False, "float32"),
        ("auto", ABLE, False, "float32"),
        ("auto", GPU, True, "mixed_float16"),
        ("auto", Hardware("any", 2, ("GTX 1080",)), True, "float32"),
        ("auto", GPU, False, "float32"),
        ("never", GPU, True, "float32"),
        ("always", GPU, True, "mixed_float16"),
        ("always", ABLE, False, "mixed_bfloat16"),
    ],
)
def test_half_precision_goes_by_what_the_hardware_multiplies(
    wanted: str, found: Hardware, uses_gpu: bool, policy: str
) -> None:
    assert precision_policy(wanted, found, uses_gpu) == policy


def test_half_precision_that_a_processor_cannot_is_refused() -> None:
    with pytest.raises(SluiceError, match="no instructions for bfloat16"):
        precision_policy("always", PLAIN, uses_gpu=False)


def test_this_machine_is_seen() -> None:
    found = hardware_here()
    assert found.cores >= 1
    assert found.devices[-1].startswith("CPU: ")
    assert len(found.gpus) == len(tf.config.list_physical_devices("GPU"))


def test_one_device_needs_no_mirrors() -> None:
    assert strategy_for("auto", PLAIN).num_replicas_in_sync == 1


TWO_DEVICES = """
import os, pickle, signal, sys
import keras
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import models.training.build, models.training.run
from tfx.components.trainer.fn_args_utils import FnArgs
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
models.training.build.strategy_for = lambda *_: mirrored

class Dies(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)

others = models.training.run.callbacks
if "dies" in sys.argv:
    models.training.run.callbacks = lambda *given: [*others(*given), Dies()]
models.training.run.run_fn(FnArgs(**pickle.load(sys.stdin.buffer)))
"""


def test_several_devices_share_each_batch_go_on_after_a_kill_and_export_one_model(tmp_path: Path) -> None:
    given = arguments(tmp_path, train={"epochs": 4, "max_steps": 35, "augmentation": {"shift": 0.05}})
    sent = pickle.dumps({name: value for name, value in vars(given).items() if value is not None})
    command = [sys.executable, "-c", TWO_DEVICES]
    killed = subprocess.run([*command, "dies"], input=sent, cwd=ROOT, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-3000:]
    done = subprocess.run(command, input=sent, cwd=ROOT, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert written(tmp_path, "training.json")["resumed_from_epoch"] == 2
    # On several devices the last epoch may begin before the step before it is counted.
    assert written(tmp_path, "training.json")["steps"] in (35, 36)
    losses = written(tmp_path, "history.json")["val_loss"]
    assert losses[-1] < losses[0]
    images, labels = sample_images().raw["eval"]
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    answers = signature(image=tf.constant(images, tf.int64))["predictions"].numpy()
    assert np.mean(answers.argmax(axis=1) == labels) > 0.3


def test_a_busy_process_is_seen_to_be_busy() -> None:
    numbers = np.random.default_rng(0).random((300, 300))
    with UtilisationSampler(cores=1, gpus=False) as sampler:
        while sampler.elapsed < 0.5:
            numbers @ numbers
    seen = sampler.utilisation(input_stall=0.25)
    assert seen.cpu > 0.1
    assert 0 < seen.memory < 1
    assert (seen.gpu, seen.input_stall) == (None, 0.25)


@pytest.mark.parametrize(
    ("seen", "cores", "gpus", "words"),
    [
        (Utilisation(0.95, None, 0.1, 0.5), 2, 0, "more CPU cores than 2"),
        (Utilisation(0.30, None, 0.1, 0.5), 2, 0, "nearer to the machine"),
        (Utilisation(0.50, 0.2, 0.1, 0.0), 8, 1, "smaller machine such as one with a T4"),
        (Utilisation(0.50, 0.2, 0.1, 0.0), 8, 4, "half as many GPUs"),
        (Utilisation(0.95, None, 0.1, 0.0), 2, 0, "a GPU (n1-standard-4 with one T4)"),
        (Utilisation(0.20, None, 0.1, 0.0), 16, 0, "a machine with 8"),
        (Utilisation(0.60, None, 0.95, 0.0), 2, 0, "Memory was 95% full"),
    ],
)
def test_advice_names_what_was_in_the_way_and_a_machine(seen: Utilisation, cores: int, gpus: int, words: str) -> None:
    [sentence] = advice_on(seen, 3600.0, cores, gpus, batch_size=32)
    assert words in sentence


def test_no_advice_on_a_well_used_machine_nor_after_a_short_training() -> None:
    assert advice_on(Utilisation(0.8, 0.9, 0.4, 0.02), 3600.0, 8, 1, 32) == []
    assert advice_on(Utilisation(0.1, 0.1, 0.99, 0.9), 10.0, 8, 1, 32) == []
