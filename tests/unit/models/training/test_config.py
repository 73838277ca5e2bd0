"""What the pipeline hands over of the configuration is what models read: no key is lost, none is unknown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from models.training.config import LearningSettings
from pipeline.component_inputs import LearningInputs
from pipeline.config.load import load_workload
from pipeline.config.shapes import all_keys
from tests.samples.platforms import pretended_platform

EVERYTHING = (
    "train.plateau={factor: 0.5, patience: 2, floor: 0}",
    "train.augmentation={rotation: 10, for_epochs: 3}",
    "train.max_steps=7",
    "tuner.max_minutes=5",
    "model.hyperparameters.dropout=0.5",
)


def handed_over(*overrides: str) -> LearningInputs:
    return LearningInputs.of(load_workload("taxi", overrides), pretended_platform(), "training")


def test_models_know_exactly_the_keys_that_are_handed_over() -> None:
    assert set(all_keys(LearningSettings)) == set(all_keys(LearningInputs))
    assert ("train", "augmentation", "for_epochs") in all_keys(LearningSettings)


@pytest.mark.parametrize("overrides", [(), EVERYTHING])
def test_every_value_arrives_as_it_was_configured(overrides: tuple[str, ...]) -> None:
    given = handed_over(*overrides)
    arrived = LearningSettings.from_custom_config(given.to_custom_config())
    assert arrived.model_dump() == given.model_dump()


def test_equal_configurations_are_equal_text() -> None:
    one, other = ({"a": 1, "b": 0.5}, {"b": 0.5, "a": 1})
    sections = [handed_over().model.model_copy(update={"hyperparameters": each}) for each in (one, other)]
    assert len({section.to_property() for section in sections}) == 1


def test_refuses_a_key_that_models_do_not_know() -> None:
    text = handed_over().to_property().replace('"focal_gamma"', '"focal_gama"')
    with pytest.raises(ValidationError, match="focal_gama"):
        LearningSettings.from_property(text)
