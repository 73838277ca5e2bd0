"""The TensorBoard files of a training."""

import functools
import uuid
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from models.training.tensorboard import TensorBoardLogs, event_folder
from tests.samples.folders import scratch
from tests.samples.image_training import trained, written


@functools.cache
def home() -> Path:
    return trained(scratch(), hyperparameters={"activation": "leakyrelu"})


def events(part: str = "") -> EventAccumulator:
    found = EventAccumulator(str(home() / "run/tensorboard" / part), size_guidance={"tensors": 0})
    found.Reload()
    return found


@pytest.mark.parametrize(
    ("part", "tag", "curve"),
    [
        ("train", "epoch_loss", "loss"),
        ("train", "epoch_learning_rate", "learning_rate"),
        ("validation", "epoch_accuracy", "val_accuracy"),
    ],
)
def test_scalars_are_the_curves_of_the_report(part: str, tag: str, curve: str) -> None:
    shown = [float(tf.make_ndarray(event.tensor_proto)) for event in events(part).Tensors(tag)]
    assert shown == pytest.approx(written(home(), "history.json")[curve], rel=1e-6)


def test_the_graph_is_that_of_the_model() -> None:
    assert "Conv2D" in {node.op for node in tf.compat.v1.GraphDef.FromString(graph_of("train")).node} | functions()


def graph_of(part: str) -> bytes:
    return bytes(events(part).Graph().SerializeToString())


def functions() -> set[str]:
    graph: Any = tf.compat.v1.GraphDef.FromString(graph_of("train"))
    return {node.op for function in graph.library.function for node in function.node_def}


def test_hyperparameters_stand_beside_what_they_came_to() -> None:
    found = events()
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.hparams["activation"].string_value == "leakyrelu"
    assert start.hparams["batch_size"].number_value == 32
    assert "val_loss" in found.Tags()["tensors"]


def test_epochs_of_an_attempt_that_was_killed_are_shown_with_the_others(tmp_path: Path) -> None:
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    logs = TensorBoardLogs(str(tmp_path), {}, trial="training", before={"loss": [3.0, 2.0], "val_loss": [4.0, 3.5]})
    logs.set_model(model)
    logs.on_train_begin()
    logs.on_epoch_end(2, {"loss": 1.0, "val_loss": 3.0})
    logs.close()
    for part, tag, wanted in (("train", "epoch_loss", [3.0, 2.0, 1.0]), ("", "val_loss", [4.0, 3.5, 3.0])):
        found = EventAccumulator(str(tmp_path / part), size_guidance={"tensors": 0}).Reload().Tensors(tag)
        assert [(each.step, float(tf.make_ndarray(each.tensor_proto))) for each in found] == list(enumerate(wanted))


def test_a_model_may_name_its_inputs_in_any_order(tmp_path: Path) -> None:
    inputs = {"pic": keras.Input((2, 2, 1), name="pic"), "cat": keras.Input((3,), name="cat")}
    hidden = keras.layers.Concatenate()([keras.layers.Flatten()(inputs["pic"]), inputs["cat"]])
    logs = TensorBoardLogs(str(tmp_path), {}, trial="training")
    logs.set_model(keras.Model(inputs, keras.layers.Dense(1)(hidden)))
    logs.on_train_begin()
    logs.close()
    assert EventAccumulator(str(tmp_path / "train")).Reload().Graph().node


def test_a_remote_folder_gets_its_files_before_the_with_ends() -> None:
    remote = f"ram://{uuid.uuid4()}/tensorboard"
    with event_folder(remote) as local:
        assert "://" not in local
        with tf.summary.create_file_writer(local).as_default():
            tf.summary.scalar("loss", 1.0, step=0)
    assert len(tf.io.gfile.listdir(remote)) == 1


def test_event_files_also_reach_the_folder_that_a_tensorboard_instance_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIP_TENSORBOARD_LOG_DIR", "ram://watched/logs/")
    with (
        event_folder("ram://run/tensorboard") as local,
        tf.summary.create_file_writer(local).as_default(),
    ):
        tf.summary.scalar("loss", 1.0, step=0)
    assert len(tf.io.gfile.listdir("ram://watched/logs")) == len(tf.io.gfile.listdir("ram://run/tensorboard")) == 1
