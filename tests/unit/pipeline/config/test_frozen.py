"""Committed hyperparameters of an earlier search, used instead of searching."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.frozen import frozen_text
from pipeline.config.load import load_workload
from pipeline.config.paths import CONFIGS


def frozen(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return f"tuner.frozen={file}"


def test_what_a_search_left_is_used_instead_of_searching(tmp_path: Path) -> None:
    found = {"learning_rate": 1e-05, "batch_size": 64, "hidden_units": "128"}
    given = frozen(tmp_path / "best.yaml", frozen_text(found, "taxi", "Trial 3 of 9."))
    config = load_workload("taxi", ("tuner.enabled=true", given))
    assert not config.tuner.enabled
    assert config.train.batch_size == 64
    assert config.model.hyperparameters == {"learning_rate": 1e-05, "hidden_units": "128", "dropout": 0.5}


def test_json_will_do_as_well(tmp_path: Path) -> None:
    config = load_workload("taxi", (frozen(tmp_path / "best.json", '{"learning_rate": 1e-05}'),))
    assert config.model.hyperparameters["learning_rate"] == 1e-05


def test_a_relative_path_starts_where_the_command_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(tmp_path / "best.yaml", "dropout: 0.25")
    monkeypatch.chdir(tmp_path)
    assert load_workload("taxi", ("tuner.frozen=best.yaml",)).model.hyperparameters["dropout"] == 0.25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "must be keys with values"),
        ("units: {a: 1}", "must hold a name and a value a line"),
        ("a: [", "best.yaml, line"),
        ("batch_size: 0", "`batch_size` in"),
    ],
)
def test_says_what_is_wrong_with_a_frozen_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SluiceError) as refusal:
        load_workload("taxi", (frozen(tmp_path / "best.yaml", text),))
    assert message in refusal.value.headline


def test_refuses_a_frozen_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="cannot be read"):
        load_workload("taxi", (f"tuner.frozen={tmp_path / 'none.yaml'}",))


def test_the_batch_size_of_the_file_replaces_both_of_the_yaml(tmp_path: Path) -> None:
    text = (CONFIGS / "taxi.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("    dropout: 0.5", "    dropout: 0.5\n    batch_size: 32"))
    given = frozen(tmp_path / "best.yaml", "batch_size: 64\ndropout: 0.25")
    config = load_workload(str(tmp_path / "mine.yaml"), (given,))
    assert "batch_size" not in config.model.hyperparameters  # it would go before the one of `train`
    assert config.train.batch_size == 64
    assert config.model.hyperparameters["dropout"] == 0.25


@pytest.mark.parametrize(
    ("typed", "key", "given", "found"),
    [
        ("model.hyperparameters.dropout=0.1", "model.hyperparameters.dropout", "0.1", "0.25"),
        ("model.hyperparameters={dropout: 0.1}", "model.hyperparameters.dropout", "0.1", "0.25"),
        ("model.hyperparameters.hidden_units.0=7", "model.hyperparameters.hidden_units", "[7]", "[32]"),
        ("model.hyperparameters.batch_size=32", "model.hyperparameters.batch_size", "32", "64"),
        ("train.batch_size=32", "train.batch_size", "32", "64"),
        ("train={batch_size: 32}", "train.batch_size", "32", "64"),
    ],
)
def test_a_typed_value_is_not_silently_overruled_by_the_file(
    tmp_path: Path, typed: str, key: str, given: str, found: str
) -> None:
    file = frozen(tmp_path / "best.yaml", "batch_size: 64\ndropout: 0.25\nhidden_units: [32]")
    with pytest.raises(SluiceError) as refusal:
        load_workload("taxi", (file, typed))
    assert refusal.value.exit_code == ExitCode.UNUSABLE
    assert refusal.value.headline == (
        f"`{key}` is {given} on the command line and {found} in {tmp_path / 'best.yaml'}, which `tuner.frozen` names"
    )
    way_out = refusal.value.next_command.partition("--set ")[2]
    assert load_workload("taxi", (file, typed, way_out)).tuner.frozen is None


@pytest.mark.parametrize(
    "typed", ["model.hyperparameters.dropout=0.25", "train={epochs: 2}", "model.hyperparameters.learning_rate=0.1"]
)
def test_a_typed_value_is_allowed_with_a_file_that_has_the_same_or_none(tmp_path: Path, typed: str) -> None:
    file = frozen(tmp_path / "best.yaml", "batch_size: 64\ndropout: 0.25")
    config = load_workload("taxi", (file, typed))
    assert (config.train.batch_size, config.model.hyperparameters["dropout"]) == (64, 0.25)
