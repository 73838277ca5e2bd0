"""A model is built for training only when it tells the named classes apart."""

import pytest
import tensorflow as tf

from core.errors import ExitCode, SluiceError
from models.training.build import built_for_training
from models.training.hardware import Hardware
from tests.samples.training_settings import train_settings

GREY = {"image": tf.io.FixedLenFeature([16, 16, 1], tf.float32)}


def test_another_number_of_classes_than_named_is_refused_before_the_training() -> None:
    def built(names: list[str]) -> object:
        return built_for_training("models.lenet5", train_settings(), {"classes": 3}, GREY, Hardware("test", 2), names)

    with pytest.raises(SluiceError) as refused:
        built(["normal", "recovering"])
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert refused.value.headline == "`data.class_names` names 2 classes, and models.lenet5 tells 3 apart"
    assert built(["normal", "recovering", "broken"]) is not None and built([]) is not None
