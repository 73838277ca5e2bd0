"""The typed configuration of a workload. Reading YAML, overrides and error messages live in config_file.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from gates.settings import GateSettings


@dataclass(frozen=True)
class InWords:
    """Says what a type wants when its pattern would not."""

    words: str


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$"), InWords("a name of a-z, 0-9 and _ that starts with a letter")
]
Text = Annotated[str, Field(pattern=r"\S"), InWords("text that is not empty")]
ModulePath = Annotated[
    str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"), InWords("a dotted module path such as models.wide_and_deep")
]
Bucket = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$"), InWords("a bucket's name, without gs:// and folders")
]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Scalar = bool | int | float | str
Hyperparameter = Annotated[Scalar | list[Scalar], InWords("true or false, a number, text, or a list of these")]
SliceValue = str | int


class Strict(BaseModel):
    """A frozen model that refuses unknown keys; the string under a field is its documentation."""

    # strict: `epochs: true` is not 1, and `"10"` is not 10; allow_inf_nan: no limit can be met by NaN.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def conflict(sentence: str, *at: str | int) -> PydanticCustomError:
    """Keys that do not go together; `at` is the path, below the section that raises, of the one to look at."""
    return PydanticCustomError("conflict", "{sentence}", {"sentence": sentence, "at": at})


def _given_twice(items: Iterable[str]) -> list[str]:
    return [item for item, count in Counter(items).items() if count > 1]


class DataConfig(Strict):
    """Where the rows come from and what their columns mean."""

    source: Text
    """A file, glob, folder or span pattern (`…/span-{SPAN}/version-{VERSION}/*.csv`); `package:PATH` is a file
    inside an installed Python package. The command line's `--data` replaces it."""
    format: Literal["auto", "csv", "parquet", "tfrecord"] = "auto"
    """How the files are read; `auto` goes by suffix (.csv, .csv.gz, .parquet, .tfrecord, .tfrecord.gz, .gz)."""
    span: NonNegativeInt | None = None
    """Which span to read when `source` has `{SPAN}`; the newest when absent."""
    label: Text
    """The column that the model learns. It is never a feature."""
    label_expression: str | None = None
    """How to compute `label` from other columns when the data does not hold it, e.g. `tips > 0.2 * fare`
    (a pandas expression; a row with any of these columns missing has no label and counts as unusable)."""
    column_types: dict[str, Literal["int", "float", "string"]] = {}
    """Types that override what is inferred from the files, by column."""
    entity_key: str | None = None
    """The column that says whose row it is (customer, patient, vehicle); needed to split by entity."""
    time_column: str | None = None
    """The column that says when a row happened (integer or float epoch, or ISO text); needed to split by time."""
    max_unusable_share: Share = 0.001
    """The run is refused when more than this share of rows cannot be parsed or has no label."""
    serving_log: str | None = None
    """Rows that an endpoint saw, in any of the formats of `source`; ExampleValidator compares them with train."""


class PredictionConfig(Strict):
    """When a prediction is made, and hence which columns it may use."""

    moments: list[str] = ["request", "outcome"]
    """The life of a row, first moment first."""
    made_at: str = "request"
    """The moment at which a prediction is made."""
    known_from: dict[str, list[str]] = {}
    """Columns by the moment from which they are known; those not named are known from the first.
    Columns that become known after `made_at` never reach the features."""
    never: list[str] = []
    """Columns that are known in time and still must not be features, e.g. proxies of the label."""

    @model_validator(mode="after")
    def _moments_exist(self) -> PredictionConfig:
        for path in (("made_at",), *(("known_from", moment) for moment in self.known_from)):
            moment = self.made_at if path == ("made_at",) else path[-1]
            if moment not in self.moments:
                known = ", ".join(self.moments)
                raise conflict(f"`{moment}` is not one of `prediction.moments` ({known})", *path)
        return self

    @model_validator(mode="after")
    def _each_thing_once(self) -> PredictionConfig:
        if twice := _given_twice(self.moments):
            raise conflict(f"`prediction.moments` names {twice[0]} twice", "moments")
        if twice := _given_twice(column for columns in self.known_from.values() for column in set(columns)):
            raise conflict(f"`prediction.known_from` gives the column {twice[0]} two moments", "known_from")
        return self

    def withheld_columns(self) -> list[str]:
        """The columns that features must not see, sorted."""
        now = self.moments.index(self.made_at)
        later = {c for m, columns in self.known_from.items() if self.moments.index(m) > now for c in columns}
        return sorted(later | set(self.never))


class SplitConfig(Strict):
    """How each row is dealt to train, eval or test, once and for good."""

    by: Literal["row", "entity", "time", "column"] = "row"
    """`row`: hash of the whole row without its label; `entity`: hash of `data.entity_key`; `time`: the past trains,
    the future tests, along `data.time_column`; `column`: a given column holds the names train, eval and test."""
    train: PositiveFloat = 0.8
    """Weight of the train split."""
    eval: PositiveFloat = 0.1
    """Weight of the eval split (early stopping and tuning)."""
    test: PositiveFloat = 0.1
    """Weight of the test split (seen by Evaluator and gates alone)."""
    gap: Annotated[float, Field(ge=0)] = 0.0
    """For `time`: rows less than this after the end of the split before are left out
    (units of the time column; seconds when it holds ISO text)."""
    column: str | None = None
    """For `column`: which one."""
    salt: str = ""
    """Changes which rows go where under `row` and `entity`, without any randomness."""

    @model_validator(mode="after")
    def _column_goes_with_by_column(self) -> SplitConfig:
        if self.by == "column" and self.column is None:
            raise conflict("`split.by: column` needs `split.column`", "by")
        if self.by != "column" and self.column is not None:
            raise conflict(f"`split.column` goes with `split.by: column`, and `split.by` is {self.by}", "column")
        if self.by != "time" and self.gap > 0:
            raise conflict(f"`split.gap` goes with `split.by: time`, and `split.by` is {self.by}", "gap")
        return self


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


class TrainConfig(Strict):
    """The training budget."""

    epochs: PositiveInt = 10
    """Passes over train at most; early stopping may end sooner."""
    max_steps: PositiveInt | None = None
    """Gradient steps at most, whatever the epochs say."""
    batch_size: PositiveInt = 128
    """Rows a gradient step."""
    early_stopping_patience: NonNegativeInt = 3
    """Epochs without a better eval loss before training ends; 0 never stops early."""
    seed: NonNegativeInt = 0
    """Seed of every random choice in tuning and training."""


class TunerConfig(Strict):
    """The search for hyperparameters, scored on eval."""

    enabled: bool = False
    """Whether to search at all."""
    algorithm: Literal["random", "bayesian", "grid"] = "random"
    """How the next trial is chosen."""
    max_trials: PositiveInt = 10
    """Trials at most."""
    epochs: PositiveInt = 2
    """Passes over train in each trial."""


class Threshold(Strict):
    """A limit for one metric, overall or on one slice. Slices with fewer than `min_examples` rows are
    reported, not judged."""

    metric: str
    """One of `evaluator.metrics`."""
    slice: dict[str, SliceValue] = {}
    """Column and value, e.g. `{company: Flash Cab}`; empty means all test rows. A column alone with the value
    `*` means every value of that column."""
    at_least: float | None = None
    """The metric must reach this."""
    at_most: float | None = None
    """The metric must not exceed this (for losses)."""
    no_worse_than_blessed_by: Annotated[float, Field(ge=0)] | None = None
    """How far the metric may fall behind the last blessed model; not judged when there is none yet."""
    min_examples: PositiveInt = 200
    """A slice with fewer rows is reported, not judged."""

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


class EvaluatorConfig(Strict):
    """What is measured on test, and what a model must reach to be blessed."""

    metrics: list[Literal["auc", "accuracy", "precision", "recall", "loss", "calibration"]] = ["auc", "accuracy"]
    """Metrics to compute, overall and by slice."""
    slices: list[list[str]] = []
    """Columns, or combinations of columns, whose values are evaluated one by one."""
    thresholds: list[Threshold] = []
    """Limits; a model is blessed when it meets all of them."""
    judged_by: Literal["interval", "estimate"] = "interval"
    """`interval`: the end of the confidence interval nearest to refusal must meet the limit (in doubt, refuse);
    `estimate`: the point estimate must."""
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """Of the two-sided intervals."""

    @model_validator(mode="after")
    def _thresholds_are_measured(self) -> EvaluatorConfig:
        sliced = [sorted(columns) for columns in self.slices]
        for index, threshold in enumerate(self.thresholds):
            at = ("thresholds", index)
            if threshold.metric not in self.metrics:
                raise conflict(f"a threshold names `{threshold.metric}`, which is not in `evaluator.metrics`", *at)
            if threshold.slice and sorted(threshold.slice) not in sliced:
                wanted = ", ".join(threshold.slice)
                raise conflict(f"a threshold names the slice [{wanted}], which is not in `evaluator.slices`", *at)
        return self

    @model_validator(mode="after")
    def _each_thing_once(self) -> EvaluatorConfig:
        if twice := _given_twice(self.metrics):
            raise conflict(f"`evaluator.metrics` names {twice[0]} twice", "metrics")
        for index, columns in enumerate(self.slices):
            if not columns or _given_twice(columns):
                raise conflict("a slice needs at least one column, and each column once", "slices", index)
        if twice := _given_twice(", ".join(sorted(columns)) for columns in self.slices):
            raise conflict(f"`evaluator.slices` names [{twice[0]}] twice", "slices")
        if twice := _given_twice(f"{t.metric} on {t.slice or 'all rows'}" for t in self.thresholds):
            raise conflict(f"`evaluator.thresholds` judges {twice[0]} twice; join the two", "thresholds")
        return self


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
    serving: ServingConfig = ServingConfig()

    @model_validator(mode="after")
    def _split_has_its_column(self) -> WorkloadConfig:
        if self.split.by == "entity" and self.data.entity_key is None:
            raise conflict("`split.by: entity` needs `data.entity_key`", "split", "by")
        if self.split.by == "time" and self.data.time_column is None:
            raise conflict("`split.by: time` needs `data.time_column`", "split", "by")
        if self.name == "serving":
            raise conflict("`serving` is the folder of pushed models and cannot name a workload", "name")
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
