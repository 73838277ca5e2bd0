"""`--set KEY=VALUE`: what it changes and what it refuses."""

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_environment, load_workload


def refusal(*overrides: str) -> str:
    with pytest.raises(SluiceError) as caught:
        load_workload("taxi", overrides)
    return caught.value.headline


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("train.epochs=2", lambda c: c.train.epochs, 2),
        ("train.max_steps=null", lambda c: c.train.max_steps, None),
        ("tuner.enabled=true", lambda c: c.tuner.enabled, True),
        ("split.salt=a=b", lambda c: c.split.salt, "a=b"),
        ("model.hyperparameters.learning_rate=1e-3", lambda c: c.model.hyperparameters["learning_rate"], 0.001),
        ("model.hyperparameters.brand_new=[1, 2]", lambda c: c.model.hyperparameters["brand_new"], [1, 2]),
        ("model.hyperparameters.hidden_units.0=5", lambda c: c.model.hyperparameters["hidden_units"], [5]),
        ("data.column_types.fare=float", lambda c: c.data.column_types, {"fare": "float"}),
        ("evaluator.thresholds.1.at_least=0.9", lambda c: c.evaluator.thresholds[1].at_least, 0.9),
        ("evaluator.thresholds.accuracy.at_least=0.9", lambda c: c.evaluator.thresholds[1].at_least, 0.9),
        ("evaluator.thresholds=[{metric: auc, at_least: 2}]", lambda c: len(c.evaluator.thresholds), 1),
        ("split={by: time}", lambda c: c.split.by, "time"),
    ],
)
def test_sets_one_key(override, read, expected):
    assert read(load_workload("taxi", [override])) == expected


def test_a_metric_means_its_threshold_for_all_rows_and_no_slice():
    before = load_workload("taxi").evaluator.thresholds
    after = load_workload("taxi", ["evaluator.thresholds.auc.at_least=0.99"]).evaluator.thresholds
    assert after[0].at_least == 0.99
    assert after[1:] == before[1:]


def test_the_last_override_wins():
    assert load_workload("taxi", ["train.epochs=2", "train.epochs=3"]).train.epochs == 3


def test_overrides_reach_an_environment_too():
    assert load_environment("dev", ["dataflow.max_workers=1"]).dataflow.max_workers == 1


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("train.epoch=2", "unknown key `train.epoch`; did you mean `epochs`?"),
        ("epochs=2", "unknown key `epochs`; did you mean `train.epochs`?"),
        ("trian.epochs=2", "unknown key `trian`; did you mean `train`?"),
        ("train.epochs=ten", "`train.epochs` must be a whole number of at least 1 or null, got 'ten'"),
        ("train.seed=4294967296", "`train.seed` must be a whole number from 0 to 4294967295, got 4294967296"),
        ("train.seed=-1", "`train.seed` must be a whole number from 0 to 4294967295, got -1"),
        ("train=null", "`train` must be a section of keys, and is empty"),
        ("train.epochs.x=1", "`train.epochs` is a single value and has no keys below it"),
        ("train.epochs", "write it as KEY=VALUE"),
        ("train..epochs=1", "write it as KEY=VALUE"),
        ("model.hyperparameters.a=[1", "a list in [ ] misses a comma"),
        ("tuner.enabled=yes", "`yes` may mean true or false or text"),
        ("evaluator.thresholds.auk.at_least=1", "has no item `auk` that covers all rows; did you mean `auc`?"),
        ("evaluator.thresholds.loss.at_most=1", "has no item `loss` that covers all rows; there are accuracy, auc"),
        ("evaluator.thresholds.9.at_least=1", "`evaluator.thresholds` has 3 items, counted from 0"),
        ("evaluator.thresholds.auc.at_leest=1", "did you mean `at_least`?"),
        ("evaluator.thresholds.auc.at_least=.nan", "must be a finite number, got nan"),
        ("split.by=entity", "`split.by: entity` needs `data.entity_key`"),
    ],
)
def test_a_refusal_quotes_the_override(override, sentence):
    headline = refusal(override)
    assert headline.startswith(f"--set {override}: ")
    assert sentence in headline
