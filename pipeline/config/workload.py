"""The typed configuration of a workload. Reading YAML, overrides and error messages live in load.py, overrides.py
and errors.py."""

from __future__ import annotations

from pydantic import model_validator

from core.strict import Strict, conflict, given_twice
from gates.data.declared import PredictionConfig as PredictionConfig
from gates.verdict.settings import GateSettings
from pipeline.config.data import DataConfig as DataConfig
from pipeline.config.data import SplitConfig as SplitConfig
from pipeline.config.evaluation import EvaluatorConfig, ValidatorConfig
from pipeline.config.hyperparameters import ModelClasses, number_of_outputs, source_of
from pipeline.config.notify import NotifyConfig as NotifyConfig
from pipeline.config.serving import ServingConfig as ServingConfig
from pipeline.config.training import TrainConfig, TunerConfig
from pipeline.config.types import (
    Hyperparameter,
    ModulePath,
    Name,
    Setting,
    Text,
)
from pipeline.config.types import InWords as InWords


class PreprocessingConfig(Strict):
    """The only place where features are computed."""

    module: ModulePath
    """Dotted path of the module that gives `preprocessing_fn(inputs)`."""
    tf1_compatible: bool = False
    """True when the module uses nothing that TensorFlow 2 alone has. Transform then traces it in graph mode, which
    takes about 60 % of the time and computes the same features."""


class ModelConfig(Strict):
    """The model and its hyperparameters."""

    module: ModulePath
    """Dotted path of the module that gives `build_model(hparams, feature_spec)` and `search_space()`."""
    hyperparameters: dict[str, Hyperparameter] = {}
    """Passed to `build_model`; what the Tuner finds replaces them."""


class RegistryConfig(Strict):
    """The registry of blessed models, and the texts of the model card that are not measured."""

    enabled: bool = True
    """Whether a blessed model is registered before it is pushed (`python -m registry list`)."""
    purpose: str = ""
    """What the model is for and who uses it: the first lines of its model card."""
    limits: list[Text] = []
    """What it must not be used for, or where it is known to fail: lines of its model card."""


class WorkloadConfig(Strict):
    """One workload: `configs/<name>.yaml`."""

    name: Name
    """The workload's name: its folder under the output directory and its name at the endpoint."""
    data: DataConfig
    prediction: PredictionConfig = PredictionConfig()
    split: SplitConfig = SplitConfig()
    schema_file: str | None = None
    """The curated schema (`schema/<name>/schema.pbtxt`); without one the first run proposes it."""
    validator: ValidatorConfig = ValidatorConfig()
    preprocessing: PreprocessingConfig
    model: ModelConfig
    train: TrainConfig = TrainConfig()
    tuner: TunerConfig = TunerConfig()
    evaluator: EvaluatorConfig = EvaluatorConfig()
    gates: GateSettings = GateSettings()
    registry: RegistryConfig = RegistryConfig()
    serving: ServingConfig = ServingConfig()
    notify: NotifyConfig | None = None
    """Who is notified when a run or a rollout needs a person; null: nobody."""
    profiles: dict[str, dict[str, Setting]] = {}
    """Sets of overrides by name, for `--profile NAME`: keys as `--set` takes them, e.g. `quick: {train.epochs: 2}`."""

    @model_validator(mode="after")
    def _classes_have_their_names(self) -> WorkloadConfig:
        names = self.data.class_names
        if twice := given_twice(names):
            raise conflict(f"`data.class_names` names {twice[0]} twice", "data", "class_names")
        if "*" in names:
            raise conflict("`*` means every class and cannot name one", "data", "class_names")
        stated = self.model.hyperparameters.get("classes", len(names))
        if names and stated != len(names):
            raise conflict(
                f"`data.class_names` names {len(names)} classes and `model.hyperparameters.classes` is {stated}",
                "data",
                "class_names",
            )
        for index, threshold in enumerate(self.evaluator.thresholds):
            if names and threshold.class_name is not None and str(threshold.class_name) not in (*names, "*"):
                known = ", ".join(names)
                sentence = f"a threshold names the class {threshold.class_name}, which is not in `data.class_names`"
                raise conflict(f"{sentence} ({known})", "evaluator", "thresholds", index, "class_name")
        return self

    def number_of_classes(self) -> int:
        """The number of the label's classes, by class names or hyperparameters; else two."""
        stated = self.model.hyperparameters.get("classes")
        return max(2, len(self.data.class_names), stated if isinstance(stated, int) else 0)

    def model_classes(self) -> ModelClasses:
        """How many classes the label has, and how many the model by its own hyperparameters."""
        source = source_of(self.model.module)
        outputs = number_of_outputs(source.read_bytes(), self.model.hyperparameters) if source else 0
        return ModelClasses(of_label=self.number_of_classes(), of_model=outputs)

    def entity_of_split(self) -> str | None:
        """The column of the entity, where entities are assigned to the splits; None where rows are."""
        return self.data.entity_key if self.split.by == "entity" else None

    def splits_by_content(self) -> bool:
        """Whether the rows of test are those of some contents, by a hash of the row."""
        return self.split.by == "row" and self.split.test_files is None

    @model_validator(mode="after")
    def _split_has_its_column(self) -> WorkloadConfig:
        if self.split.by == "entity" and self.data.entity_key is None:
            raise conflict("`split.by: entity` needs `data.entity_key`", "split", "by")
        if self.split.by == "time" and self.data.time_column is None:
            raise conflict("`split.by: time` needs `data.time_column`", "split", "by")
        if self.name in ("serving", "registry", "rollout"):
            raise conflict(f"`{self.name}` is a folder beside those of the workloads and cannot name one", "name")
        return self
