"""Hyperparameters that a model does not have, found before anything runs."""

import ast
from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import check_references, load_workload
from pipeline.config_hyperparameters import DEFAULTS, OF_TRAINING, check_hyperparameters
from pipeline.errors import ExitCode, SluiceError

ROOT = Path(__file__).parents[2]


def test_a_misspelt_hyperparameter_ends_with_exit_code_3_and_what_was_meant() -> None:
    with pytest.raises(SluiceError) as refused:
        check_references(load_workload("taxi", ["model.hyperparameters.learning_rat=0.1"]))
    assert refused.value.exit_code == ExitCode.UNUSABLE
    assert refused.value.headline == (
        "`model.hyperparameters` names learning_rat, and models.wide_and_deep has no such hyperparameter; "
        "did you mean `learning_rate`?"
    )
    assert "batch_size, dropout, hidden_units, learning_rate" in refused.value.next_command


def test_the_batch_size_is_a_hyperparameter_of_every_model() -> None:
    check_references(load_workload("taxi", ["model.hyperparameters.batch_size=64"]))
    from models.hyperparameters import BATCH_SIZE

    assert {BATCH_SIZE} == OF_TRAINING


@pytest.mark.parametrize(
    "source", [b"", b"DEFAULTS = {**others, 'a': 1}", b"DEFAULTS = read()", b"def build_model(): ..."]
)
def test_a_model_that_does_not_list_its_hyperparameters_is_asked_later(source: bytes) -> None:
    check_hyperparameters("mine", source, ["anything"])


@pytest.mark.parametrize("module", ["wide_and_deep", "cnn", "lenet5"])
def test_our_models_list_theirs(module: str) -> None:
    def refuse() -> Any:
        check_hyperparameters(module, (ROOT / f"models/{module}.py").read_bytes(), ["no_such"])

    with pytest.raises(SluiceError):
        refuse()
    assert DEFAULTS in {
        getattr(statement.target, "id", "")
        for statement in ast.parse((ROOT / f"models/{module}.py").read_text()).body
        if isinstance(statement, ast.AnnAssign)
    }
