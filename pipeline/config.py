"""The typed configuration of a workload. Reading YAML, overrides and error messages live in config_file.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from gates.settings import GateSettings
from pipeline.config_data import DataConfig as DataConfig
from pipeline.config_data import PredictionConfig as PredictionConfig
from pipeline.config_data import SplitConfig as SplitConfig
from pipeline.config_types import (
    Bucket,
    Hyperparameter,
    ModulePath,
    Name,
    Seed,
    Setting,
    Share,
    SliceValue,
    Text,
    conflict,
    given_twice,
)
from pipeline.config_types import InWords as InWords
from pipeline.config_types import Strict as Strict


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


class PlateauConfig(Strict):
    """When the learning rate falls, and how far."""

    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """What the learning rate is multiplied by."""
    patience: PositiveInt = 3
    """Epochs without a better eval loss before it is."""
    floor: Annotated[float, Field(ge=0.0)] = 1e-6
    """The learning rate never falls below."""


class AugmentationConfig(Strict):
    """How far a picture may be moved from itself; what comes from outside repeats the nearest border. Every picture
    draws its own transformation, another one each epoch, the same ones for the same seed."""

    rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    """Degrees to either side."""
    shift: Share = 0.0
    """Share of the height and of the width, in each direction."""
    shear: Share = 0.0
    """Slant to either side: columns that a row moves for each row below the centre."""
    zoom: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share by which height and width shrink or grow, each by its own draw."""
    horizontal_flip: bool = False
    """Mirrors every second picture left to right."""
    for_epochs: PositiveInt | None = None
    """So many epochs; those that follow learn from pictures as they are, as serving will send them, beginning with the
    first learning rate again. null: all."""


class TrainConfig(Strict):
    """What training may cost, and how it goes about it."""

    epochs: PositiveInt = 10
    """Passes over train at most; early stopping may end sooner."""
    max_steps: PositiveInt | None = None
    """Gradient steps at most, whatever the epochs say."""
    batch_size: PositiveInt = 128
    """Rows a gradient step."""
    early_stopping_patience: NonNegativeInt = 3
    """Epochs without a better eval loss before training ends; 0 never stops early."""
    seed: Seed = 0
    """Seed of every random choice in tuning and training."""
    plateau: PlateauConfig | None = None
    """Lowers the learning rate whenever the eval loss no longer falls; null keeps it as it is."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: every class weighs the same in the loss, however few rows it has."""
    loss: Literal["default", "focal"] = "default"
    """`default`: the model's own; `focal`: its focal form, in which a row counts less the better it is known."""
    focal_gamma: Annotated[float, Field(ge=1.0)] = 2.0
    """For `loss: focal`: how much less; with 2 a row that is known to 90 % counts a hundredth."""
    augmentation: AugmentationConfig | None = None
    """Changes pictures at random while the model learns from them, and never where it is evaluated or served."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """What to compute on. `auto` takes GPUs where there are any, all of them; `gpu` refuses to train without."""
    mixed_precision: Literal["auto", "always", "never"] = "auto"
    """Half precision inside the model, float32 for its weights and for serving. `auto`: on GPUs with tensor cores;
    `always` also asks CPUs for bfloat16 and refuses those that cannot."""


class TunerConfig(Strict):
    """The search for hyperparameters, scored on eval: the trial with the lowest loss on eval wins."""

    enabled: bool = False
    """Whether to search at all."""
    algorithm: Literal["grid", "random", "bayesian", "hyperband"] = "random"
    """How the next trial is chosen. `grid` (every point, in the order of the space; ten values of a continuous one) and
    `random` give the same trials however many run at a time, `bayesian` looks at those that have ended."""
    max_trials: PositiveInt = 30
    """Trials at most; `hyperband` counts its own by `epochs`."""
    max_minutes: PositiveFloat | None = None
    """For the whole search, with what a killed one had spent; then the best trial so far is taken."""
    epochs: PositiveInt = 2
    """Passes over train in a trial at most."""
    parallel_trials: PositiveInt = 1
    """Trials that run at a time, each in a process of its own that gets its share of the cores."""
    stop_poor_trials: bool = True
    """Stop a trial whose best loss on eval after an epoch is above the median of what the trials before it had on
    average up to there. `hyperband` stops poor trials in its own way, whatever this says."""
    max_failures: PositiveInt = 10
    """Failed trials after which no more are begun; a failed trial alone never fails the search."""
    frozen: str | None = None
    """A YAML or JSON file of hyperparameters that are used instead of searching, such as the `hyperparameters.yaml`
    that a run with a search leaves beside its report."""


class Threshold(Strict):
    """A limit for one metric, overall or on one slice. Slices with fewer than `min_examples` rows are
    reported, not judged."""

    metric: str
    """One of `evaluator.metrics`."""
    slice: dict[str, SliceValue] = {}
    """Column and value, e.g. `{company: Flash Cab}`; empty means all test rows. A column alone with the value
    `*` means every value of that column."""
    class_name: SliceValue | None = None
    """For a model with several classes: the recall or precision of this class (a name of `data.class_names`, or the
    label's integer), or with `*` of every class. One class is judged as all rows are, every class as slices are."""
    at_least: float | None = None
    """The metric must reach this."""
    at_most: float | None = None
    """The metric must not exceed this (for losses)."""
    no_worse_than_blessed_by: Annotated[float, Field(ge=0)] | None = None
    """How far the metric may fall behind the last blessed model; not judged when there is none yet."""
    min_examples: PositiveInt = 200
    """A slice with fewer rows, and under `class_name: "*"` a class, is reported, not judged."""

    @model_validator(mode="after")
    def _class_alone(self) -> Threshold:
        if self.class_name is None:
            return self
        if self.metric not in ("recall", "precision"):
            raise conflict(f"a class has recall and precision, and this threshold asks for its {self.metric}", "metric")
        if self.slice:
            raise conflict("a threshold bears on a class or on a slice, not on both", "slice")
        return self

    @model_validator(mode="after")
    def _says_something(self) -> Threshold:
        if self.at_least is None and self.at_most is None and self.no_worse_than_blessed_by is None:
            limits = "`at_least`, `at_most` or `no_worse_than_blessed_by`"
            raise conflict(f"the threshold for {self.metric} sets no limit; give it {limits}")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise conflict(
                f"nothing is at least {self.at_least:g} and at most {self.at_most:g}: the threshold for {self.metric} "
                "can never be met",
                "at_most",
            )
        return self


class BaselineConfig(Strict):
    """A model from outside this pipeline that the candidate must not fall behind: either its figures, or itself."""

    metrics_file: Text | None = None
    """A JSON file of its metrics on test, such as `{"auc": 0.71, "accuracy": 0.80, "rows": 1500}` (an AutoML export's
    auRoc and logLoss are understood). The comparison is unpaired; without `rows` its figures are taken as exact."""
    saved_model: Text | None = None
    """The folder of its SavedModel. It is scored on the same test rows, in place of the last blessed model, and judged
    by the thresholds with `no_worse_than_blessed_by`."""
    no_worse_by: dict[str, Annotated[float, Field(ge=0)]] = {}
    """For `metrics_file`: by metric, how far the candidate may fall behind; empty: all metrics that both have, by 0."""
    signature: Text = "serving_default"
    """For `saved_model`: the signature to ask. It takes serialized tf.Examples, or raw columns by their names."""
    output: Text = "predictions"
    """For `saved_model`: the signature's output with the probability of class 1, or of each class."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> BaselineConfig:
        if (self.metrics_file is None) == (self.saved_model is None):
            raise conflict("a baseline from outside is either a `metrics_file` or a `saved_model`")
        if self.saved_model is not None and self.no_worse_by:
            sentence = "`no_worse_by` goes with `metrics_file`; a `saved_model` is judged by `evaluator.thresholds`"
            raise conflict(sentence, "no_worse_by")
        return self


class EvaluatorConfig(Strict):
    """What is measured on test, and what a model must reach to be blessed."""

    metrics: list[Literal["auc", "accuracy", "precision", "recall", "loss", "calibration"]] = ["auc", "accuracy"]
    """Metrics to compute, overall and by slice. With several classes auc, precision and recall are means over the
    classes, each against the rest, and calibration is the mean probability of the answers over the share of right ones.
    """
    slices: list[list[str]] = []
    """Columns, or combinations of columns, whose values are evaluated one by one."""
    thresholds: list[Threshold] = []
    """Limits; a model is blessed when it meets all of them."""
    judged_by: Literal["interval", "estimate"] = "interval"
    """`interval`: the end of the confidence interval nearest to refusal must meet the limit (in doubt, refuse);
    `estimate`: the point estimate must."""
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """Of the two-sided intervals."""
    baseline: BaselineConfig | None = None
    """A model from outside this pipeline that the candidate must not fall behind."""

    @model_validator(mode="after")
    def _thresholds_are_measured(self) -> EvaluatorConfig:
        sliced = [sorted(columns) for columns in self.slices]
        for index, threshold in enumerate(self.thresholds):
            at = ("thresholds", index)
            if threshold.metric not in self.metrics and threshold.class_name is None:
                raise conflict(f"a threshold names `{threshold.metric}`, which is not in `evaluator.metrics`", *at)
            if threshold.slice and sorted(threshold.slice) not in sliced:
                wanted = ", ".join(threshold.slice)
                raise conflict(f"a threshold names the slice [{wanted}], which is not in `evaluator.slices`", *at)
        return self

    @model_validator(mode="after")
    def _each_thing_once(self) -> EvaluatorConfig:
        if twice := given_twice(self.metrics):
            raise conflict(f"`evaluator.metrics` names {twice[0]} twice", "metrics")
        for index, columns in enumerate(self.slices):
            if not columns or given_twice(columns):
                raise conflict("a slice needs at least one column, and each column once", "slices", index)
        if twice := given_twice(", ".join(sorted(columns)) for columns in self.slices):
            raise conflict(f"`evaluator.slices` names [{twice[0]}] twice", "slices")
        if twice := given_twice(f"{t.metric} on {_subject(t)}" for t in self.thresholds):
            raise conflict(f"`evaluator.thresholds` judges {twice[0]} twice; join the two", "thresholds")
        return self

    @model_validator(mode="after")
    def _baseline_is_judged(self) -> EvaluatorConfig:
        if self.baseline is None:
            return self
        for metric in self.baseline.no_worse_by:
            if metric not in self.metrics:
                sentence = f"`no_worse_by` names `{metric}`, which is not in `evaluator.metrics`"
                raise conflict(sentence, "baseline", "no_worse_by", metric)
        if self.baseline.saved_model and all(each.no_worse_than_blessed_by is None for each in self.thresholds):
            sentence = "a baseline's `saved_model` needs a threshold with `no_worse_than_blessed_by` to be judged by"
            raise conflict(sentence, "baseline", "saved_model")
        return self


def _subject(threshold: Threshold) -> str:
    return f"class {threshold.class_name}" if threshold.class_name is not None else str(threshold.slice or "all rows")


class ValidatorConfig(Strict):
    """How ExampleValidator treats anomalies."""

    tolerated: dict[str, str] = {}
    """Columns whose anomalies are shown as warnings and do not refuse, each with the reason why."""


class ServingConfig(Strict):
    """Where a blessed model goes."""

    push: bool = True
    """False: train and evaluate only."""
    keep_versions: PositiveInt = 5
    """Older pushed versions are removed; the one before the newest never is."""


class RegistryConfig(Strict):
    """Where a blessed model is kept, and what its model card says beyond what was measured."""

    enabled: bool = True
    """Whether a blessed model is registered before it is pushed (`python -m pipeline.registry list`)."""
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
        """How many classes the label has, as far as anything here says; else two."""
        stated = self.model.hyperparameters.get("classes")
        return max(2, len(self.data.class_names), stated if isinstance(stated, int) else 0)

    @model_validator(mode="after")
    def _split_has_its_column(self) -> WorkloadConfig:
        if self.split.by == "entity" and self.data.entity_key is None:
            raise conflict("`split.by: entity` needs `data.entity_key`", "split", "by")
        if self.split.by == "time" and self.data.time_column is None:
            raise conflict("`split.by: time` needs `data.time_column`", "split", "by")
        if self.name in ("serving", "registry"):
            raise conflict(f"`{self.name}` is a folder beside those of the workloads and cannot name one", "name")
        return self


class DataflowConfig(Strict):
    """Workers for the Beam parts."""

    machine_type: str = "n1-standard-4"
    """A Compute Engine machine type."""
    max_workers: PositiveInt = 10
    """Autoscaling never goes beyond."""


class EnvironmentConfig(Strict):
    """One cloud environment: `configs/environments/<name>.yaml`."""

    name: Name
    """The environment's name, e.g. dev, staging, prod."""
    project: Text
    """Google Cloud project id."""
    region: Text
    """Region of every resource, e.g. europe-west4."""
    bucket: Bucket
    """Cloud Storage bucket for artifacts, without gs://."""
    image: Text
    """Container image that runs each component (built from deploy/)."""
    service_account: str | None = None
    """Runs the pipeline; the project's default when absent."""
    strict_gates: bool = False
    """True: where the data cannot decide a tier-1 check, the gates refuse. For environments that serve customers."""
    dataflow: DataflowConfig = DataflowConfig()
    """The workers of the Beam parts."""
