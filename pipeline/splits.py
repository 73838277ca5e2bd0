"""The splits that the learning components read: defined once, wired from here, judged by the DataGate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfx.components import Transform
from tfx.proto import trainer_pb2, transform_pb2


@dataclass(frozen=True)
class Lineage:
    """The splits that Transform learns from, and by split the components that learn from it."""

    analysed: tuple[str, ...]
    fitted_on: tuple[str, ...]
    watched: tuple[str, ...]

    @property
    def splits_config(self) -> transform_pb2.SplitsConfig:
        """The splits that Transform analyses and transforms; a split that no component learns from has no features."""
        transformed = dict.fromkeys((*self.fitted_on, *self.watched))
        return transform_pb2.SplitsConfig(analyze=self.analysed, transform=list(transformed))

    @property
    def train_args(self) -> trainer_pb2.TrainArgs:
        """The split that gradients are computed on."""
        return trainer_pb2.TrainArgs(splits=self.fitted_on)

    @property
    def eval_args(self) -> trainer_pb2.EvalArgs:
        """The split of early stopping and of the Tuner's score."""
        return trainer_pb2.EvalArgs(splits=self.watched)

    @property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """By split, the components that learn from it."""
        roles = (("Transform", self.analysed), ("Trainer", self.fitted_on + self.watched), ("Tuner", self.watched))
        splits = dict.fromkeys(split for _, read in roles for split in read)
        return {split: tuple(name for name, read in roles if split in read) for split in splits}

    def inputs_of(self, transform: Transform) -> dict[str, Any]:
        """The inputs of Tuner and Trainer: features of train and eval. Test is not among them."""
        return {
            "examples": transform.outputs["transformed_examples"],
            "transform_graph": transform.outputs["transform_graph"],
            "train_args": self.train_args,
            "eval_args": self.eval_args,
        }


LEARNING = Lineage(analysed=("train",), fitted_on=("train",), watched=("eval",))
