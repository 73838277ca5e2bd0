"""The contract of every model registry; the folder inherits these tests, and so will the client of Vertex AI."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import SluiceError
from registry.contents import contents_of
from registry.contract import ModelRegistry, Numbered, Submission
from registry.folder import FolderRegistry
from tests.samples.folders import ROOT
from tests.samples.registrations import submission


def _two_versions(registry: ModelRegistry, folder: Path) -> None:
    """1.0.0, and 1.0.1 of other weights."""
    registry.register(submission(folder / "m"))
    registry.register(submission(folder / "n", b"other"))


class ModelRegistryContract(ABC):
    """Subclasses give `registry` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def registry(self, tmp_path: Path) -> ModelRegistry: ...

    def test_an_empty_registry_has_no_models(self, registry: ModelRegistry) -> None:
        assert registry.models() == []
        assert registry.versions("taxi") == []

    def test_the_first_version_is_1_0_0_and_latest(self, registry: ModelRegistry, tmp_path: Path) -> None:
        made = registry.register(submission(tmp_path / "m"))
        assert (made.version, made.reason, made.aliases) == ("1.0.0", "first version", ("latest",))
        assert registry.models() == ["taxi"]
        assert registry.versions("taxi") == [made]

    @pytest.mark.parametrize(
        ("changed", "version", "reason"),
        [
            ({"architecture": {"module": "models.b"}}, "2.0.0", "major: module models.a → models.b"),
            ({"hyperparameters": {"learning_rate": 0.0005}}, "1.1.0", "minor: learning_rate 0.001 → 0.0005"),
            ({"rest": {"data": "def", "seed": 7}}, "1.0.1", "patch: data abc → def"),
            ({}, "1.0.1", "patch: trained anew from the same data, code and settings"),
        ],
    )
    def test_the_number_follows_from_what_changed(
        self, registry: ModelRegistry, tmp_path: Path, changed: dict[str, Any], version: str, reason: str
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        made = registry.register(submission(tmp_path / "n", b"other", **changed))
        assert (made.version, made.reason) == (version, reason)
        assert [each.version for each in registry.versions("taxi")] == ["1.0.0", version]
        assert registry.find("taxi", "latest") == made

    def test_the_same_model_twice_is_one_version_and_changes_nothing(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        first = registry.register(submission(tmp_path / "m"))
        registry.register(submission(tmp_path / "n", b"other"))
        again = registry.register(submission(tmp_path / "copy", hyperparameters={"learning_rate": 1}))
        assert (again.version, again.digest, again.recipe) == (first.version, first.digest, first.recipe)
        assert [each.version for each in registry.versions("taxi")] == ["1.0.0", "1.0.1"]

    def test_the_same_weights_from_the_same_recipe_are_one_version_whatever_the_graph_file(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        again, otherwise = submission(tmp_path / "n"), submission(tmp_path / "o", rest={"data": "abc", "seed": 8})
        for made in (again, otherwise):
            (made.saved_model / "saved_model.pb").write_bytes(b"the same graph with other function names")
        assert registry.register(again).version == "1.0.0"
        assert registry.register(otherwise).version == "1.0.1"

    def test_models_are_numbered_apart(self, registry: ModelRegistry, tmp_path: Path) -> None:
        registry.register(submission(tmp_path / "m"))
        assert registry.register(submission(tmp_path / "n", b"other", "images")).version == "1.0.0"
        assert registry.models() == ["images", "taxi"]

    def test_an_alias_means_one_version_and_can_be_moved(self, registry: ModelRegistry, tmp_path: Path) -> None:
        _two_versions(registry, tmp_path)
        assert registry.alias("taxi", "1.0.0", "production").aliases == ("production",)
        assert registry.alias("taxi", "latest", "production").aliases == ("latest", "production")
        assert registry.find("taxi", "production").version == "1.0.1"
        assert registry.find("taxi", "1.0.0").aliases == ()

    @pytest.mark.parametrize("wrong", ["latest", "1.0.0", "Production", "p", "a b", ""])
    def test_what_cannot_be_an_alias_is_refused(self, registry: ModelRegistry, tmp_path: Path, wrong: str) -> None:
        registry.register(submission(tmp_path / "m"))
        with pytest.raises(SluiceError, match="alias"):
            registry.alias("taxi", "1.0.0", wrong)

    def test_labels_are_set_changed_and_removed(self, registry: ModelRegistry, tmp_path: Path) -> None:
        registry.register(submission(tmp_path / "m"))
        registry.label("taxi", "latest", {"stage": "candidate", "approved": "no"})
        made = registry.label("taxi", "1.0.0", {"approved": "", "stage": "production"})
        assert made.labels == {"stage": "production"}

    def test_what_cannot_be_a_label_is_refused(self, registry: ModelRegistry, tmp_path: Path) -> None:
        registry.register(submission(tmp_path / "m"))
        with pytest.raises(SluiceError, match="label"):
            registry.label("taxi", "latest", {"stage": "In Production!"})

    def test_a_missing_version_is_named_with_the_existing_ones(self, registry: ModelRegistry, tmp_path: Path) -> None:
        with pytest.raises(SluiceError, match="no model `taxi`"):
            registry.find("taxi", "latest")
        registry.register(submission(tmp_path / "m"))
        with pytest.raises(SluiceError, match=r"no version or alias `2.0.0` \(there: 1.0.0, latest\)"):
            registry.alias("taxi", "2.0.0", "production")

    def test_a_pushed_version_is_in_production_and_the_one_before_is_archived(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.label("taxi", "1.0.0", {"approved": "by-gates"})
        made = registry.deployed("taxi", "1.0.0", "pushed-17")
        assert made.aliases == ("production",)
        assert made.labels == {"approved": "by-gates", "stage": "production", "deployment": "pushed-17"}
        made = registry.deployed("taxi", "1.0.1", "pushed-18")
        assert made.aliases == ("latest", "production")
        assert made.labels == {"stage": "production", "deployment": "pushed-18"}
        before = registry.find("taxi", "1.0.0")
        assert before.aliases == ()
        assert before.labels == {"approved": "by-gates", "stage": "archived", "deployment": "pushed-17"}

    def test_a_deployment_is_recorded_once_and_later_changes_stay(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.deployed("taxi", "1.0.1", "pushed-17")
        registry.alias("taxi", "1.0.0", "production")
        registry.label("taxi", "1.0.0", {"stage": "production"})
        before = registry.versions("taxi")
        registry.deployed("taxi", "1.0.1", "pushed-17")
        assert registry.versions("taxi") == before

    def test_a_version_that_is_rolled_back_to_is_in_production_again(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.deployed("taxi", "1.0.0", "pushed-17")
        registry.deployed("taxi", "1.0.1", "pushed-18")
        made = registry.deployed("taxi", "1.0.0", "pushed-17")
        assert made.aliases == ("production",)
        assert made.labels["stage"] == "production"
        assert registry.find("taxi", "1.0.1").labels["stage"] == "archived"

    @pytest.mark.parametrize("stage", ["canary", "rolled-back"])
    def test_a_version_whose_rollout_is_done_is_in_production(
        self, registry: ModelRegistry, tmp_path: Path, stage: str
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.deployed("taxi", "1.0.0", "pushed-16")
        registry.label("taxi", "1.0.1", {"stage": stage, "deployment": "pushed-17"})
        assert registry.deployed("taxi", "1.0.1", "pushed-17").aliases == ("latest", "production")
        assert registry.find("taxi", "1.0.0").labels["stage"] == "archived"

    def test_a_version_that_takes_the_place_of_a_deployed_one_is_in_production(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.deployed("taxi", "1.0.0", "pushed-17")
        assert registry.deployed("taxi", "1.0.1", "pushed-17").aliases == ("latest", "production")

    def test_the_same_version_pushed_again_is_in_production_again(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        _two_versions(registry, tmp_path)
        for number, version in enumerate(("1.0.0", "1.0.1", "1.0.0")):
            registry.deployed("taxi", version, f"pushed-{number}")
        stages = {each.version: each.labels["stage"] for each in registry.versions("taxi")}
        assert stages == {"1.0.0": "production", "1.0.1": "archived"}
        assert registry.find("taxi", "production").labels["deployment"] == "pushed-2"

    @pytest.mark.parametrize("name", ["../registry/taxi", "/taxi", "a/b", ".", "", "Taxi", "1st"])
    def test_what_cannot_be_the_name_of_a_model_is_refused(
        self, registry: ModelRegistry, tmp_path: Path, name: str
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        attempts: list[Callable[[], Any]] = [
            lambda: registry.versions(name),
            lambda: registry.find(name, "latest"),
            lambda: registry.alias(name, "1.0.0", "production"),
            lambda: registry.fetch(name, "1.0.0", tmp_path / "fetched"),
            lambda: registry.register(submission(tmp_path / "n", b"other", name)),
        ]
        for attempt in attempts:
            with pytest.raises(SluiceError, match="cannot be the name of a model"):
                attempt()
        assert registry.models() == ["taxi"]

    def test_compares_recipes_and_figures(self, registry: ModelRegistry, tmp_path: Path) -> None:
        registry.register(submission(tmp_path / "m"))
        registry.register(submission(tmp_path / "n", b"other", auc=0.95, hyperparameters={"learning_rate": 0.01}))
        found = registry.compare("taxi", "1.0.0", "latest")
        assert [str(change) for change in found.changes] == ["learning_rate 0.001 → 0.01"]
        one, other = found.figures["auc"]
        assert one is not None
        assert other is not None
        assert (one.value, other.value) == (0.9, 0.95)

    def test_fetches_the_model_and_the_files_beside_it(self, registry: ModelRegistry, tmp_path: Path) -> None:
        made = submission(tmp_path / "m")
        registry.register(made)
        registry.fetch("taxi", "latest", tmp_path / "fetched")
        assert contents_of(tmp_path / "fetched/model") == contents_of(made.saved_model)
        assert (tmp_path / "fetched/model_card.md").read_text() == "# taxi 1.0.0\nfirst version\n"

    def test_does_not_fetch_over_existing_files(self, registry: ModelRegistry, tmp_path: Path) -> None:
        registry.register(submission(tmp_path / "m"))
        (tmp_path / "existing").mkdir()
        (tmp_path / "existing/work").write_text("x")
        with pytest.raises(SluiceError, match="not empty"):
            registry.fetch("taxi", "latest", tmp_path / "existing")
        assert [each.name for each in (tmp_path / "existing").iterdir()] == ["work"]

    def test_what_cannot_be_described_is_not_registered(self, registry: ModelRegistry, tmp_path: Path) -> None:
        made = submission(tmp_path / "m")

        def fail(folder: Path, numbered: Numbered) -> None:
            raise RuntimeError("no card")

        with pytest.raises(RuntimeError, match="no card"):
            registry.register(Submission(**{**vars(made), "describe": fail}))
        assert registry.versions("taxi") == []
        assert registry.register(made).version == "1.0.0"

    def test_a_folder_without_a_model_is_refused(self, registry: ModelRegistry, tmp_path: Path) -> None:
        made = submission(tmp_path / "m")
        (made.saved_model / "saved_model.pb").unlink()
        with pytest.raises(SluiceError, match=r"holds no SavedModel"):
            registry.register(made)
        assert registry.models() == []


# A registration in a process of its own, which can be stopped for ever at a given moment.
_REGISTER = """
import sys, time
from pathlib import Path
from registry import folder, index
from tests.samples.registrations import submission
root, source, weights, stop_at = sys.argv[1:]
def stop(*given):
    print("stopped", flush=True)
    time.sleep(600)
if stop_at == "rename":
    folder.write_json = stop
elif stop_at == "index":
    folder.write_index = stop
made = folder.FolderRegistry(Path(root)).register(submission(Path(source), weights.encode()))
print(made.version, flush=True)
"""


def _registering(root: Path, source: Path, weights: str, stop_at: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _REGISTER, str(root), str(source), weights, stop_at]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


class TestFolderRegistry(ModelRegistryContract):
    """The registry in a folder, and the faults that only a folder can have."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> FolderRegistry:
        return FolderRegistry(tmp_path / "registry")

    @pytest.mark.parametrize(("moment", "versions"), [("rename", ["1.0.0"]), ("index", ["1.0.0", "1.0.1"])])
    def test_a_kill_leaves_a_whole_version_or_none(
        self, registry: FolderRegistry, tmp_path: Path, moment: str, versions: list[str]
    ) -> None:
        registry.register(submission(tmp_path / "m"))
        registry.alias("taxi", "1.0.0", "production")
        process = _registering(registry.root, tmp_path / "n", "second", moment)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert [each.version for each in registry.versions("taxi")] == versions
        assert registry.register(submission(tmp_path / "n", b"second")).version == "1.0.1"
        assert registry.find("taxi", "production").version == "1.0.0"
        registry.fetch("taxi", "1.0.1", tmp_path / "fetched")
        assert not list((registry.root / "taxi").glob(".incoming-*"))

    def test_two_processes_at_once_make_two_versions(self, registry: FolderRegistry, tmp_path: Path) -> None:
        processes = [_registering(registry.root, tmp_path / weights, weights) for weights in ("one", "two", "two-too")]
        numbers = sorted(process.communicate(timeout=120)[0].strip() for process in processes)
        assert numbers == ["1.0.0", "1.0.1", "1.0.2"] == [each.version for each in registry.versions("taxi")]

    @pytest.mark.parametrize("change", ["alias", "label", "deployed"])
    @pytest.mark.parametrize("how", ["altered", "gone"])
    def test_refuses_to_change_a_version_that_is_gone_or_altered(
        self, registry: FolderRegistry, tmp_path: Path, how: str, change: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        assert registry.alteration(made) == ""
        if how == "gone":
            shutil.rmtree(made.location)
        else:
            (Path(made.location) / "model/saved_model.pb").write_bytes(b"other")
        index = registry.root / "taxi/index.json"
        before = index.read_bytes()
        argument: Any = {"stage": "production"} if change == "label" else "canary"
        with pytest.raises(SluiceError, match=r"is gone|is not what was registered: \S+ was altered") as caught:
            getattr(registry, change)("taxi", "latest", argument)
        assert "Register it anew" in caught.value.next_command
        assert index.read_bytes() == before
        assert how in registry.alteration(made)

    @pytest.mark.parametrize("how", ["altered", "missing", "added"])
    def test_tampering_is_noticed_and_nothing_is_fetched(
        self, registry: FolderRegistry, tmp_path: Path, how: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        file = Path(made.location) / ("note.txt" if how == "added" else "model/saved_model.pb")
        if how == "missing":
            file.unlink()
        else:
            file.write_bytes(b"other")
        with pytest.raises(SluiceError, match=rf"is not what was registered: \S+ (is|was) {how}"):
            registry.fetch("taxi", "latest", tmp_path / "fetched")
        assert not (tmp_path / "fetched").exists()
        assert not list(tmp_path.glob(".incoming-*"))

    def test_an_altered_version_is_registered_anew_under_another_number(
        self, registry: FolderRegistry, tmp_path: Path
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        (Path(made.location) / "model/saved_model.pb").write_bytes(b"other")
        again = registry.register(submission(tmp_path / "m"))
        assert again.version == "1.0.1"
        assert "1.0.0 was this very model and has been altered" in again.reason
        registry.fetch("taxi", "1.0.1", tmp_path / "fetched")
        assert registry.register(submission(tmp_path / "m")).version == "1.0.1"

    def test_a_lost_index_is_made_again_from_the_versions(self, registry: FolderRegistry, tmp_path: Path) -> None:
        _two_versions(registry, tmp_path)
        before = registry.versions("taxi")
        (registry.root / "taxi/index.json").unlink()
        assert registry.versions("taxi") == before

    @pytest.mark.parametrize("entry", ["{", "[]", '{"version": "1.0.0"}'])
    def test_a_version_whose_entry_is_damaged_stays_out_and_keeps_its_number(
        self, registry: FolderRegistry, tmp_path: Path, entry: str
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        (Path(made.location) / "version.json").write_text(entry)
        (registry.root / "taxi/index.json").unlink()
        assert registry.versions("taxi") == []
        assert registry.register(submission(tmp_path / "m")).version == "1.0.1"

    @pytest.mark.parametrize("damage", ["truncated", "emptied", "garbage", "lost"])
    def test_a_damaged_index_is_made_again_with_aliases_and_labels(
        self, registry: FolderRegistry, tmp_path: Path, damage: str
    ) -> None:
        _two_versions(registry, tmp_path)
        registry.deployed("taxi", "1.0.0", "pushed-1")
        registry.alias("taxi", "latest", "candidate")
        registry.alias("taxi", "1.0.0", "candidate")
        registry.deployed("taxi", "latest", "pushed-2")
        registry.label("taxi", "1.0.0", {"checked": "by-hand"})
        before, index = registry.versions("taxi"), registry.root / "taxi/index.json"
        whole = index.read_bytes()
        if damage == "lost":
            index.unlink()
        else:
            index.write_bytes({"truncated": whole[: len(whole) // 2], "emptied": b"", "garbage": b"\xff\x00["}[damage])
        assert registry.versions("taxi") == before
        assert registry.find("taxi", "production").labels["deployment"] == "pushed-2"
        assert json.loads(index.read_bytes()) == json.loads(whole)
        assert index.with_name("index.json.damaged").exists() == (damage != "lost")
        assert not any(registry.alteration(version) for version in before)

    def test_an_altered_version_does_not_come_back_with_a_lost_index(
        self, registry: FolderRegistry, tmp_path: Path
    ) -> None:
        made = registry.register(submission(tmp_path / "m"))
        (Path(made.location) / "model/saved_model.pb").write_bytes(b"other")
        (registry.root / "taxi/index.json").unlink()
        assert registry.versions("taxi") == []
        assert registry.register(submission(tmp_path / "m")).version == "1.0.1"
