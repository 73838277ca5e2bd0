"""Every key can be looked up, and the reference page agrees with the code."""

import pytest

from core.errors import SluiceError
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.explain import REFERENCE_COMMAND, explain, reference_markdown
from pipeline.config.paths import ROOT
from pipeline.config.shapes import all_keys
from pipeline.config.workload import WorkloadConfig

KEYS = [".".join(path) for path in all_keys(WorkloadConfig)]
KEYS += [".".join(("environment", *path)) for path in all_keys(EnvironmentConfig)]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_documented(key):
    text = explain(key)
    assert text.startswith(f"{key}: ")
    meaning = text.replace("\n", " ").removeprefix(f"{key}: ").split(maxsplit=3)
    assert len(meaning) > 3, f"{key} has no documentation in pipeline/config/workload.py"


def test_a_section_lists_its_keys_with_type_default_and_meaning():
    text = explain("train")
    assert text.startswith("train: What training may cost, and how it goes about it.")
    assert "epochs: a whole number of at least 1; not set by default\n      Passes over train at most" in text
    assert "max_steps: a whole number of at least 1; not set by default" in text


def test_a_key_is_explained_with_its_values():
    assert "one of row, entity, time, column; default row" in explain("split.by")
    assert explain("evaluator.thresholds.0.at_least") == explain("evaluator.thresholds.at_least")
    assert explain("model.hyperparameters.learning_rate") == explain("model.hyperparameters")


def test_a_key_below_a_name_of_a_mapping_is_explained_as_without_the_name():
    for name in ("exact_duplicates", "*"):
        assert explain(f"gates.checks.{name}") == explain("gates.checks")
        assert explain(f"gates.checks.{name}.waive.expires") == explain("gates.checks.waive.expires")
    assert explain("environment.tasks.ModelGate.cpu") == explain("environment.tasks.cpu")


def test_an_unknown_check_is_answered_with_the_nearest():
    with pytest.raises(SluiceError, match=r"no check `exact_duplicate`; did you mean `exact_duplicates`"):
        explain("gates.checks.exact_duplicate.severity")
    with pytest.raises(SluiceError, match=r"no key `gates\.checks\.exact_duplicates\.repeated_rows\.severity`"):
        explain("gates.checks.exact_duplicates.repeated_rows.severity")


def test_no_key_lists_them_all():
    text = explain()
    assert all(f"  {key}  " in text for key in KEYS)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("trian", "train"),
        ("epochs", "train.epochs"),
        ("evaluator.treshold", "evaluator.thresholds"),
        ("environment.regoin", "environment.region"),
        ("train.epochs.x", "train.epochs"),
        ("gates.checks.severty", "gates.checks.severity"),
        ("environment.tasks.cpus", "environment.tasks.cpu"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key, meant):
    with pytest.raises(SluiceError, match=f"no key `{key}`; did you mean `{meant}`"):
        explain(key)


def test_the_reference_page_is_in_step_with_the_code():
    page = (ROOT / "docs/configuration.md").read_text()
    assert page == reference_markdown(), f"out of step; make it anew:  {REFERENCE_COMMAND}"
