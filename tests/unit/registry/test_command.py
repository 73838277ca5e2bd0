"""`python -m registry` for people: answers in tables, errors in one sentence with exit code 3."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry.command import main
from registry.folder import FolderRegistry
from registry.text import in_words
from tests.samples.registrations import submission

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    registry = FolderRegistry(tmp_path / "registry")
    registry.register(submission(tmp_path / "m"))
    registry.register(submission(tmp_path / "n", b"other", auc=0.93, hyperparameters={"learning_rate": 0.0005}))
    return lambda *words: CliRunner().invoke(main, ["--folder", str(registry.root), *words])


def test_lists_versions_with_the_reason_of_their_number(ask: Ask) -> None:
    for words in (["list"], ["list", "taxi"]):
        result = ask(*words)
        assert result.exit_code == 0, result.output
        assert "1.1.0" in result.output
        assert "minor: learning_rate 0.001 → 0.0005" in result.output
    listed_versions = json.loads(ask("list", "--json").output)
    assert [each["version"] for each in listed_versions] == ["1.0.0", "1.1.0"]


def test_shows_the_latest_when_none_is_named(ask: Ask) -> None:
    assert "taxi 1.1.0" in ask("show", "taxi").output
    assert json.loads(ask("show", "taxi", "1.0.0", "--json").output)["reason"] == "first version"


def test_compares_two_versions(ask: Ask) -> None:
    result = ask("compare", "taxi", "1.0.0").output
    assert "learning_rate" in result
    assert "+0.03" in result


def test_aliases_labels_and_fetches(ask: Ask, tmp_path: Path) -> None:
    assert ask("alias", "taxi", "1.0.0", "production").output == "production of taxi is 1.0.0\n"
    result = ask("label", "taxi", "production", "stage=production", "approved=yes")
    assert result.output == "taxi 1.0.0: stage=production approved=yes\n"
    assert ask("fetch", "taxi", "production", str(tmp_path / "here")).exit_code == 0
    assert (tmp_path / "here/model/saved_model.pb").exists()


def test_a_place_that_cannot_be_written_is_named(ask: Ask) -> None:
    refused = ask("fetch", "taxi", "1.0.0", "/proc/nowhere")
    assert refused.exit_code == 3
    assert "/proc/nowhere cannot be written" in refused.output
    assert "ANOTHER_FOLDER" in refused.output


def test_hyperparameters_are_shown_as_people_write_them() -> None:
    given = {"filters": [32, 64], "plateau": {"factor": 0.2, "steps": [1, 2]}, "augmentation": None, "flip": True}
    expected = "filters (32, 64), plateau (factor 0.2, steps (1, 2)), augmentation none, flip yes"
    assert in_words(given) == expected


def test_a_version_that_is_gone_is_marked_and_cannot_be_shown(ask: Ask, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "registry/taxi/1.1.0")
    listed = ask("list", "taxi").output
    assert "1.1.0 (not as registered: the folder is gone)" in listed
    assert "1.0.0 (" not in listed
    alterations = {each["version"]: each["not_as_registered"] for each in json.loads(ask("list", "--json").output)}
    assert alterations == {"1.0.0": None, "1.1.0": "the folder is gone"}
    shown = ask("show", "taxi").output
    assert "NOT AS REGISTERED" in shown
    assert "model_card.md" not in shown
    assert "model_card.md" in ask("show", "taxi", "1.0.0").output
    for words in (["alias", "taxi", "latest", "canary"], ["label", "taxi", "1.1.0", "stage=production"]):
        result = ask(*words)
        assert (result.exit_code, len(result.output.splitlines())) == (3, 2)
        assert "taxi 1.1.0 is in the index, but" in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "txi"], "there is no model `txi` in the registry (there: taxi)."),
        (["show", "taxi", "9.9.9"], "taxi has no version or alias `9.9.9`"),
        (["list", "txi"], "there is no model `txi`"),
        (["list", "../registry/taxi"], "`../registry/taxi` cannot be the name of a model"),
        (["show", "taxi/."], "cannot be the name of a model"),
        (["alias", "taxi", "1.0.0", "latest"], "the alias `latest` always means the newest version"),
        (["label", "taxi", "1.0.0", "approved"], "`approved` is not KEY=VALUE"),
        (["label", "taxi", "1.0.0", "Approved=Yes!"], "cannot be a label"),
        (["fetch", "taxi", "1.0.0", "/proc/no/where"], "No such file or directory"),
        (["publish"], "No such command"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_the_next_command(ask: Ask, words: list[str], sentence: str) -> None:
    result = ask(*words)
    assert result.exit_code == 3
    assert result.output.startswith("sluice: ")
    assert sentence in result.output
    assert len(result.output.splitlines()) == 2


def test_an_empty_registry_is_no_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--folder", str(tmp_path), "list"])
    assert (result.exit_code, "is empty" in result.output) == (0, True)


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["show", "taxi"], ["alias", "taxi", "1.0.0", "best"]])
def test_a_folder_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["--folder", "out/registy", *words])
    assert refused.exit_code == 3
    sentence, command = refused.output.splitlines()
    assert sentence == "sluice: there is no registry in out/registy: no such folder."
    assert command.strip().endswith("python runners/local_runner.py --workload taxi")
    (tmp_path / "out/registry").mkdir(parents=True)
    found = CliRunner().invoke(main, ["--folder", "out/registy", *words])
    assert found.output.splitlines()[1].strip() == "There is one in out/registry:  python -m registry list"
    assert not (tmp_path / "out/registy").exists()


def test_help_needs_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["list", "--help"]).exit_code == 0


def test_imports_neither_tfx_nor_tensorflow() -> None:
    script = "import sys, registry.command; print({'tfx', 'tensorflow', 'keras', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
