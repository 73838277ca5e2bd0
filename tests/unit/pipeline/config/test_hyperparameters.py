"""Hyperparameters that a model does not have or cannot be built with, found before anything runs."""

import ast
import importlib
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.hyperparameters import DEFAULTS, ModelClasses, check_classes, check_hyperparameters
from pipeline.config.load import load_workload
from pipeline.config.references import check_references
from tests.samples.folders import ROOT


def test_what_is_in_effect_is_the_same_whether_spelled_out_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.hyperparameters import in_effect

    cnn = importlib.import_module("models.cnn")
    spelled = {"units": cnn.DEFAULTS["units"], "filters": "32, 64,128"}
    assert in_effect(spelled, "models.cnn") == in_effect({}, "models.cnn") == cnn.DEFAULTS
    assert in_effect({"batch_size": 64}, "models.cnn") == {**cnn.DEFAULTS, "batch_size": 64}
    monkeypatch.setitem(cnn.DEFAULTS, "learning_rate", 0.01)
    assert in_effect({}, "models.cnn")["learning_rate"] == 0.01


@pytest.mark.parametrize("defaults", [None, 3, {"activation": len}, {"batch_size": 8}])
def test_what_is_given_is_kept_of_a_module_without_plain_defaults(
    defaults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.hyperparameters import in_effect

    module = types.ModuleType("models.other")
    module.__dict__.update({} if defaults is None else {"DEFAULTS": defaults})
    monkeypatch.setitem(sys.modules, "models.other", module)
    assert in_effect({"depth": "3,4"}, "models.other") == {"depth": "3,4"}


def test_a_misspelt_hyperparameter_ends_with_exit_code_3_and_what_was_meant() -> None:
    with pytest.raises(SluiceError) as refused:
        check_references(load_workload("taxi", ["model.hyperparameters.learning_rat=0.1"]))
    assert refused.value.exit_code == ExitCode.UNUSABLE
    assert refused.value.headline == (
        "`model.hyperparameters` names learning_rat, and models.wide_and_deep has no such hyperparameter; "
        "did you mean `learning_rate`?"
    )
    assert "batch_size, classes, dropout, hidden_units, learning_rate" in refused.value.next_command


def test_the_batch_size_is_a_hyperparameter_of_every_model() -> None:
    check_references(load_workload("taxi", ["model.hyperparameters.batch_size=64"]))
    from core.hyperparameters import BATCH_SIZE, completed

    assert completed({BATCH_SIZE: 64}, {"depth": 3}, "mine") == {"depth": 3}


@pytest.mark.parametrize(
    "source", [b"", b"DEFAULTS = {**others, 'a': 1}", b"DEFAULTS = read()", b"def build_model(): ..."]
)
def test_a_model_that_does_not_list_its_hyperparameters_is_checked_when_built(source: bytes) -> None:
    check_hyperparameters("mine", source, {"anything": 1})
    check_classes("mine", source, {}, ["a", "b", "c"])


@pytest.mark.parametrize("module", ["wide_and_deep", "cnn", "lenet5"])
def test_our_models_list_their_hyperparameters(module: str) -> None:
    def refuse() -> Any:
        check_hyperparameters(module, (ROOT / f"models/{module}.py").read_bytes(), {"no_such": 1})

    with pytest.raises(SluiceError, match="no_such"):
        refuse()
    assert DEFAULTS in {
        getattr(statement.target, "id", "")
        for statement in ast.parse((ROOT / f"models/{module}.py").read_text()).body
        if isinstance(statement, ast.AnnAssign)
    }


WRONG = [
    ("cnn", "filters", 32, "a list, each item a whole number of at least 1"),
    ("cnn", "filters", [32, 0], "a list, each item a whole number of at least 1"),
    ("cnn", "filters", [32, 0.5], "a list, each item a whole number of at least 1"),
    ("cnn", "filters", "32;64", "a list, each item a whole number of at least 1"),
    ("cnn", "dropout", 1.5, "a number of at least 0 and below 1"),
    ("cnn", "dense_dropout", 1, "a number of at least 0 and below 1"),
    ("cnn", "units", True, "a whole number of at least 1"),
    ("cnn", "units", [512], "a whole number of at least 1"),
    ("cnn", "classes", 1, "a whole number of at least 2"),
    ("cnn", "learning_rate", "fast", "a number above 0"),
    ("cnn", "learning_rate", False, "a number above 0"),
    ("lenet5", "conv_layers", 2.0, "a whole number from 1 to 3"),
    ("lenet5", "conv_layers", 4, "a whole number from 1 to 3"),
    ("lenet5", "activation", 1, "one of relu, leakyrelu, softmax"),
    ("lenet5", "optimizer", "adamw", "one of adam, sgd, rmsprop"),
    ("wide_and_deep", "hidden_units", "128,", "a list, each item a whole number of at least 1"),
    ("wide_and_deep", "batch_size", "abc", "a whole number of at least 1"),
    ("wide_and_deep", "batch_size", 0, "a whole number of at least 1"),
]
RIGHT = [
    ("cnn", "filters", []),
    ("cnn", "filters", [8, 16]),
    ("cnn", "dropout", 0),
    ("cnn", "clipnorm", 3),
    ("lenet5", "conv_layers", 3),
    ("lenet5", "pooling", "average"),
    ("wide_and_deep", "hidden_units", "128, 64"),
    ("wide_and_deep", "batch_size", 64),
]


def module_and_source(name: str) -> tuple[str, bytes]:
    return f"models.{name}", (ROOT / f"models/{name}.py").read_bytes()


@pytest.mark.parametrize(("name", "key", "value", "wanted"), WRONG)
def test_a_value_that_the_model_cannot_be_built_with_is_refused_with_an_example(
    name: str, key: str, value: Any, wanted: str
) -> None:
    with pytest.raises(SluiceError) as refused:
        check_hyperparameters(*module_and_source(name), {key: value})
    assert refused.value.headline == f"`model.hyperparameters.{key}` is {value!r}, and models.{name} needs {wanted}"
    flag, override = shlex.split(refused.value.next_command.partition(":  ")[2])
    assert flag == "--set"
    example = load_workload("taxi", ["data.class_names=[]", override]).model.hyperparameters[key]
    check_hyperparameters(*module_and_source(name), {key: example})


@pytest.mark.parametrize(("name", "key", "value"), RIGHT)
def test_a_value_like_the_default_and_within_the_limits_passes(name: str, key: str, value: Any) -> None:
    check_hyperparameters(*module_and_source(name), {key: value})


def test_the_models_themselves_judge_the_values_of_a_search_alike() -> None:
    from core.errors import SluiceError
    from core.hyperparameters import completed

    models = {name: importlib.import_module(f"models.{name}") for name in ("cnn", "lenet5", "wide_and_deep")}
    for name, key, value, _ in WRONG:
        with pytest.raises(SluiceError, match=f"`{key}` is .* and must be"):
            completed({key: value}, models[name].DEFAULTS, name, models[name].LIMITS)
    for name, key, value in RIGHT:
        chosen = completed({key: value}, models[name].DEFAULTS, name, models[name].LIMITS)
        assert set(chosen) == set(models[name].DEFAULTS)
    assert completed({"hidden_units": "128, 64"}, models["wide_and_deep"].DEFAULTS, "")["hidden_units"] == [128, 64]


@pytest.mark.parametrize("name", ["wide_and_deep", "cnn", "lenet5"])
def test_the_defaults_are_within_the_limits_and_every_limit_has_its_default(name: str) -> None:
    model = importlib.import_module(f"models.{name}")
    check_hyperparameters(*module_and_source(name), model.DEFAULTS)
    assert set(model.LIMITS) <= set(model.DEFAULTS)


def test_lenet_has_as_many_layers_as_its_limits_say() -> None:
    from models import lenet5

    assert lenet5.LIMITS["conv_layers"]["le"] == len(lenet5.FILTERS)
    assert lenet5.LIMITS["dense_layers"]["le"] == len(lenet5.UNITS)


def test_a_default_that_is_none_or_computed_takes_anything() -> None:
    source = b"DEFAULTS = {'depth': None, 'units': 2**9, 'sizes': []}"
    check_hyperparameters("mine", source, {"depth": [1], "units": "many", "sizes": [1, "a"]})


def test_limits_of_another_kind_are_none_of_ours() -> None:
    source = b"DEFAULTS = {'depth': 3, 'units': 8}; LIMITS = {'depth': (0, 1), 'units': {'min': 9}}"
    check_hyperparameters("mine", source, {"depth": 4, "units": 2})


def test_the_batch_size_is_looked_at_where_a_model_does_not_list_its_hyperparameters() -> None:
    with pytest.raises(SluiceError, match="batch_size"):
        check_hyperparameters("mine", b"", {"batch_size": "abc"})


def test_as_many_names_as_the_model_has_classes_by_default(tmp_path: Path) -> None:
    text = (ROOT / "configs/fashion_mnist.yaml").read_text().replace("    classes: 10\n", "")
    (tmp_path / "mine.yaml").write_text(text)
    names = "data.class_names=[boot, coat, dress]"
    with pytest.raises(SluiceError) as refused:
        check_references(load_workload(str(tmp_path / "mine.yaml"), [names]))
    assert refused.value.exit_code == ExitCode.UNUSABLE
    assert refused.value.headline == "`data.class_names` names 3 classes, and models.cnn has 10 by default"
    mended = refused.value.next_command.partition("--set ")[2]
    check_references(load_workload(str(tmp_path / "mine.yaml"), [names, mended]))
    check_references(load_workload(str(tmp_path / "mine.yaml")))


def test_three_names_for_a_table_model_of_two_are_refused_with_the_line_to_set() -> None:
    names = "data.class_names=[normal, recovering, broken]"
    with pytest.raises(SluiceError) as refused:
        check_references(load_workload("taxi", [names]))
    assert refused.value.headline == "`data.class_names` names 3 classes, and models.wide_and_deep has 2 by default"
    mended = refused.value.next_command.partition("--set ")[2]
    config = load_workload("taxi", [names, mended])
    check_references(config)
    assert config.model_classes() == ModelClasses(of_label=3, of_model=3)
    assert load_workload("taxi").model_classes() == ModelClasses(of_label=2, of_model=2)


@pytest.mark.parametrize(
    ("defaults", "limits", "given"),
    [
        ({"l2": 0}, {}, {"l2": 0.01}),
        ({"shares": [8, 0.5]}, {}, {"shares": [8, 0.5]}),
        ({"units": 3}, {"units": {"ge": "a"}}, {"units": 1}),
        ({"act": "x"}, {"act": {"one_of": 5}}, {"act": "y"}),
        ({"act": "x"}, {"act": {"one_of": []}}, {"act": "y"}),
    ],
)
def test_a_users_module_is_not_checked_beyond_its_own_limits(defaults: Any, limits: Any, given: dict[str, Any]) -> None:
    check_hyperparameters("mine", f"DEFAULTS = {defaults!r}\nLIMITS = {limits!r}".encode(), given)


def test_a_search_gets_the_allowed_numbers() -> None:
    from core.errors import SluiceError
    from core.hyperparameters import completed

    with pytest.raises(SluiceError, match="must be one of 3, 5"):
        completed({"k": 4}, {"k": 3}, "mine", {"k": {"one_of": [3, 5]}})
    assert completed({"l2": 0.01}, {"l2": 0}, "mine") == {"l2": 0.01}
