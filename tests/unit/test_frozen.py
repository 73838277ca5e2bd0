"""Hyperparameters that were found once, committed, and used instead of searching."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config_file import load_workload
from pipeline.errors import SluiceError
from pipeline.frozen import frozen_text


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
    ("text", "said"),
    [
        ("- 1", "must be keys with values"),
        ("units: {a: 1}", "must hold a name and a value a line"),
        ("a: [", "best.yaml, line"),
        ("batch_size: 0", "`batch_size` in"),
    ],
)
def test_says_what_is_wrong_with_a_frozen_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SluiceError) as refusal:
        load_workload("taxi", (frozen(tmp_path / "best.yaml", text),))
    assert said in refusal.value.headline


def test_says_so_when_the_frozen_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="cannot be read"):
        load_workload("taxi", (f"tuner.frozen={tmp_path / 'none.yaml'}",))
