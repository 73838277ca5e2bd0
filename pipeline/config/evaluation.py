"""What a model must reach, and which anomalies of the data are tolerated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from core.strict import Strict, conflict, given_twice
from core.text import did_you_mean
from gates.verdict.settings import Tolerance, Waiver
from pipeline.config.types import SliceValue, Text


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
    without_champion: Waiver | None = None
    """Lets a model pass for a time although the one that it must not fall behind cannot be had: its files are gone, or
    the registry is damaged. `subjects` mean nothing here."""

    @model_validator(mode="after")
    def _thresholds_are_measured(self) -> EvaluatorConfig:
        sliced = [sorted(columns) for columns in self.slices]
        for index, threshold in enumerate(self.thresholds):
            at = ("thresholds", index)
            if threshold.metric not in self.metrics and threshold.class_name is None:
                near = did_you_mean(threshold.metric, self.metrics)
                sentence = f"a threshold names `{threshold.metric}`, which is not in `evaluator.metrics`{near}"
                raise conflict(sentence, *at)
            if threshold.slice and sorted(threshold.slice) not in sliced:
                wanted = ", ".join(threshold.slice)
                near = did_you_mean(wanted, [", ".join(columns) for columns in self.slices])
                raise conflict(f"a threshold names the slice [{wanted}], which is not in `evaluator.slices`{near}", *at)
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

    tolerated: dict[str, str | Tolerance] = {}
    """Columns whose anomalies are shown as warnings and do not refuse, each with the reason why, or with `reason` and
    the last day, `expires` (YYYY-MM-DD). Under `strict` a last day is needed."""
