"""A fingerprint changes with the code that a component can reach, and with nothing else."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from core.stack import CLASSIC, IMAGE, MODERN, STACKS, active_stack
from runners.provenance import (
    ROOT,
    code_fingerprint,
    code_in_image,
    git_commit,
    image_code,
    lock_hash,
    reachable_sources,
)

ACTIVE_LOCK = active_stack().lock
[OTHER_LOCK] = {CLASSIC.lock, MODERN.lock} - {ACTIVE_LOCK}
FILES = {
    CLASSIC.lock: "a==1\n",
    MODERN.lock: "a==2\n",
    "pipeline/__init__.py": "",
    "pipeline/features.py": "def f():\n    from pipeline.names import N\n    return N\n",
    "pipeline/names.py": "N = 1\n",
    "pipeline/ingest/__init__.py": "from . import rows\n",
    "pipeline/ingest/rows.py": "from ..names import N\nimport numpy\n",
    "models/__init__.py": "",
    "models/wide.py": "import keras\nimport gates.metrics\n",
    "gates/__init__.py": "",
    "gates/metrics.py": "",
    "preprocessing/__init__.py": "",
    "preprocessing/taxi.py": "from preprocessing import columns\n",
    "preprocessing/columns.py": "C = 1\n",
    "report/__init__.py": "",
    "report/page.py": "P = 1\n",
    "registry/__init__.py": "",
    "registry/index.py": "I = 1\n",
    "registry/card.py": "import jinja2\nimport registry.index\nL = jinja2.PackageLoader('registry')\n",
    "registry/templates/card.md.j2": "# {{ name }}\n",
    "runners/__init__.py": "",
    "runners/console.py": "from pipeline import features\n",
    "pipeline/gate.py": "if typing.TYPE_CHECKING:\n  import runners.console\nelse:\n  import models.wide\n",
}
TRANSFORM = ("pipeline.features", "preprocessing.taxi")
TRAINER = ("models.wide",)
INGEST = ("pipeline.ingest",)
REGISTRAR = ("registry.card",)
PUSHER = ("registry.index",)


@pytest.fixture
def house(tmp_path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("preprocessing/columns.py", {"transform"}),
        ("pipeline/names.py", {"transform", "ingest"}),
        ("pipeline/ingest/rows.py", {"ingest"}),
        ("models/wide.py", {"trainer"}),
        ("gates/metrics.py", {"trainer"}),
        ("models/__init__.py", {"trainer"}),
        ("report/page.py", set()),
        ("runners/console.py", set()),
        ("registry/templates/card.md.j2", {"registrar"}),
        ("registry/index.py", {"registrar", "pusher"}),
        (ACTIVE_LOCK, {"transform", "trainer", "ingest", "registrar", "pusher"}),
        (OTHER_LOCK, set()),
    ],
)
def test_an_edit_invalidates_what_reaches_it(house, edited, changed):
    parts = {"transform": TRANSFORM, "trainer": TRAINER, "ingest": INGEST, "registrar": REGISTRAR, "pusher": PUSHER}
    before = {name: code_fingerprint(*modules, root=house) for name, modules in parts.items()}
    (house / edited).write_text(FILES[edited] + "\nX = 1\n")
    after = {name: code_fingerprint(*modules, root=house) for name, modules in parts.items()}
    assert {name for name in parts if before[name] != after[name]} == changed


def test_an_import_for_types_alone_is_not_followed(house):
    reached = set(reachable_sources(["pipeline.gate"], house))
    assert reached == {"pipeline", "pipeline.gate", "models", "models.wide", "gates", "gates.metrics"}


def test_a_fingerprint_does_not_depend_on_the_folder(house, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "house"
    house.rename(other)
    moved = code_fingerprint(*TRANSFORM, root=other)
    other.rename(house)
    assert moved == code_fingerprint(*TRANSFORM, root=house)


def test_a_module_of_the_users_own_counts_with_its_neighbours(house, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "my_model_xyz.py").write_text("import my_layers_xyz\n")
    (elsewhere / "my_layers_xyz.py").write_text("L = 1\n")
    monkeypatch.syspath_prepend(elsewhere)
    before = code_fingerprint("my_model_xyz", root=house)
    (elsewhere / "my_layers_xyz.py").write_text("L = 2\n")
    assert code_fingerprint("my_model_xyz", root=house) != before


def test_a_module_without_source_is_an_error(house):
    with pytest.raises(ValueError, match="no source for the module nowhere"):
        code_fingerprint("nowhere.at.all", root=house)


def test_transform_of_this_repository_reaches_no_model_runner_or_report():
    reached = {name.partition(".")[0] for name in reachable_sources(TRANSFORM)}
    assert {"pipeline", "preprocessing"} <= reached
    assert not reached & {"models", "runners", "report"}


COMPONENTS = {
    "example_gen": set(),
    "statistics_gen": set(),
    "schema_gen": set(),
    "example_validator": set(),
    "data_gate": set(),
    "references": set(),
    "evaluator": {"models.export.batches", "models.export.signatures"},
    "model_gate": {"models.export.replay", "models.export.fresh_process"},
    "outside_model": {"models.export.outside_model"},
    "registrar": {"models.export.structure"},
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_reaches_the_export_of_models_that_it_calls_and_no_runner_or_report(component):
    reached = set(reachable_sources([f"pipeline.components.{component}"]))
    assert COMPONENTS[component] <= reached
    assert not {name.partition(".")[0] for name in reached} & {"runners", "report", "preprocessing", "cloud"}
    assert not {name for name in reached if name.startswith(("models.search", "models.training"))}


@pytest.mark.parametrize(
    "modules",
    [
        ("pipeline.components.example_gen",),
        ("pipeline.components.statistics_gen",),
        ("pipeline.components.schema_gen",),
        TRANSFORM,
        ("models.training.run", "models.wide_and_deep"),
        ("models.search", "pipeline.components.tuner", "models.wide_and_deep"),
    ],
)
def test_what_the_gates_are_given_may_change_without_a_new_training(modules):
    assert "pipeline.component_inputs" not in reachable_sources(modules)


def test_lock_hash_is_the_sha256_of_the_lock_of_the_stack_that_runs():
    assert lock_hash() == hashlib.sha256((ROOT / ACTIVE_LOCK).read_bytes()).hexdigest()


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_what_the_image_executes_has_the_same_code_whichever_stack_compiles_it(house, monkeypatch, stack):
    monkeypatch.setattr("runners.provenance.active_stack", lambda: stack)
    fingerprint = code_in_image(*TRANSFORM, root=house)
    assert fingerprint == code_fingerprint(*TRANSFORM, root=house, stack=IMAGE)
    (house / CLASSIC.lock).write_text("a==3\n")
    assert code_in_image(*TRANSFORM, root=house) == fingerprint
    (house / MODERN.lock).write_text("a==3\n")
    assert code_in_image(*TRANSFORM, root=house) != fingerprint


def test_a_component_is_not_reused_on_the_other_stack(house, monkeypatch):
    found = set()
    for stack in STACKS:
        monkeypatch.setattr("runners.provenance.active_stack", lambda stack=stack: stack)
        found.add(code_fingerprint(*TRANSFORM, root=house))
    assert len(found) == 2


def test_no_lock_gives_no_hash(tmp_path):
    assert lock_hash(tmp_path) is None


def test_the_commit_is_marked_when_the_tree_has_changes(house, monkeypatch):
    def git(*arguments: str) -> None:
        identity = {
            f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        subprocess.run(
            ["git", "-C", house, *arguments], check=True, capture_output=True, env={**os.environ, **identity}
        )

    assert git_commit(house) is None
    git("init")
    assert git_commit(house) is None
    (house / ".gitignore").write_text(".venv/\n")
    git("add", ".")
    git("commit", "-m", "x")
    clean = git_commit(house)
    assert clean is not None and len(clean) == 40
    # A hook's repository must not be taken for ours.
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert git_commit(house) == clean
    (house / "new.py").write_text("")
    assert git_commit(house) == f"{clean}-dirty"
    (house / ".venv/lib").mkdir(parents=True)
    assert git_commit(house / ".venv/lib") is None


def test_of_the_components_the_registrar_alone_reads_the_model_card():
    card = "registry/templates/model_card.md.j2"
    readers = {name for name in COMPONENTS if card in reachable_sources([f"pipeline.components.{name}"])}
    assert readers == {"registrar"}
    assert card not in reachable_sources([*TRANSFORM, "models.training.run", "models.search"])


def test_outside_git_the_commit_is_that_of_the_image(house, monkeypatch):
    monkeypatch.setenv("SLUICE_GIT_COMMIT", "abc")
    assert git_commit(house) == "abc"


def test_the_code_of_an_image_changes_with_any_of_our_code(house):
    before = image_code(house)
    assert image_code(house) == before
    (house / "report").mkdir(exist_ok=True)
    (house / "report/__init__.py").write_text("")
    (house / "report/new.py").write_text("x = 1\n")
    assert image_code(house) != before
