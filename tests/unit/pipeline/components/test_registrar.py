"""The Registrar registers a model that every gate blessed, with its files, and changes nothing otherwise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact, Channel, standard_artifacts

from gates.evaluation.metrics import ConfusionMatrix, Evaluation, MetricEstimate, Reference
from gates.evaluation.slices import OVERALL
from gates.verdict.finding import GateReport, Verdict
from models.wide_and_deep import DEFAULTS
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, RegisteredModel, write_report
from pipeline.artifacts.evaluation import ReferencesArtifact, write_evaluation, write_references
from pipeline.artifacts.examples import Facts, describe_examples
from pipeline.artifacts.request_times import read_request_times, write_request_times
from pipeline.components.registrar import Registrar, RegistrarExecutor, RegistrarInputs, version_record_of
from pipeline.config.workload import WorkloadConfig
from registry.contents import contents_of
from registry.folder import FolderRegistry
from registry.recipe import Recipe, changes_between
from registry.version_recipe import recipe_of
from runners.console.component_lines import sentence_for
from runners.results.node_result import NodeResult
from runners.results.read_back import Registered, registered_of
from tests.samples import taxi_artifacts as samples
from tests.samples.blessings import judge_as
from tests.samples.platforms import pretended_platform
from tests.samples.taxi_training import trained
from tests.samples.taxi_transformed import prepared

GATES = ("ExampleValidator", "DataGate", "Evaluator", "ModelGate")
Artifacts = dict[str, list[Artifact]]
_JUDGED = {
    "ExampleValidator": (),
    "DataGate": ("examples",),
    "Evaluator": ("model", "examples"),
    "ModelGate": ("model", "model_run", "transform_graph", "examples", "evaluation"),
}


def _given(place: str = "registry", **changed: Any) -> RegistrarInputs:
    config = WorkloadConfig.model_validate(
        {
            "name": "taxi",
            "data": {"source": "rides.csv", "label": "big_tipper"},
            "preprocessing": {"module": "preprocessing.taxi"},
            "model": {"module": "models.wide_and_deep"},
            **changed,
        }
    )
    return RegistrarInputs.of(config, pretended_platform(), GATES, place)


def _recipe(hyperparameters: dict[str, Any], **changed: Any) -> Recipe:
    given = _given(**changed)
    return recipe_of(given.recipe_settings(), given.provenance, {}, hyperparameters)


@pytest.fixture
def inputs(tmp_path: Path) -> Artifacts:
    """What the components before it leave, around a really trained model."""
    home = tmp_path / "artifacts"
    shutil.copytree(trained() / "model", home / "model/Format-Serving")
    examples = samples.artifact(standard_artifacts.Examples, home / "examples")
    describe_examples(examples, Facts(rows={"train": 800, "eval": 100, "test": 100}), {}, {})
    estimates = tuple(MetricEstimate(name, OVERALL, 100, 0.6, 0.5, 0.7) for name in ("auc", "accuracy"))
    evaluation = samples.artifact(standard_artifacts.ModelEvaluation, home / "evaluation")
    write_evaluation(evaluation, Evaluation(0.95, estimates, ConfusionMatrix(("0", "1"), ((70, 5), (20, 5)))))
    references = samples.artifact(ReferencesArtifact, home / "references")
    write_references(references, [Reference("majority class", estimates)])
    found: Artifacts = {
        "model": [samples.artifact(standard_artifacts.Model, home / "model")],
        "model_run": [samples.artifact(standard_artifacts.ModelRun, trained() / "run")],
        "transform_graph": [samples.artifact(standard_artifacts.TransformGraph, Path(prepared().graph))],
        "examples": [examples],
        "evaluation": [evaluation],
        "references": [references],
    }
    for name in GATES:
        found[f"{name}_report"] = [samples.artifact(GateReportArtifact, home / f"{name}_report")]
        write_report(found[f"{name}_report"][0], GateReport(name, Verdict.PASS))
        kind = standard_artifacts.ModelBlessing if name == "Evaluator" else Blessing
        given = [found[each][0] for each in _JUDGED[name]]
        blessing = samples.artifact(kind, home / f"{name}_blessing")
        judge_as(blessing, Verdict.PASS, given, found[f"{name}_report"][0])
        blessing.set_string_custom_property("current_model", str(home / "model") if "model" in _JUDGED[name] else "")
        found[f"{name}_blessing"] = [blessing]
    write_request_times(found["ModelGate_report"][0].uri, [1.0, 2.0, 3.0])
    return found


def _register(tmp_path: Path, inputs: Artifacts, **changed: Any) -> Artifact:
    registered = samples.artifact(RegisteredModel, tmp_path / "out")
    properties = {"config": _given(str(tmp_path / "registry"), **changed).to_property()}
    RegistrarExecutor().Do(inputs, {"registered": [registered]}, properties)
    return registered


def test_registers_the_model_with_its_files(tmp_path: Path, inputs: Artifacts) -> None:
    registered = _register(tmp_path, inputs)
    properties = {name: registered.get_string_custom_property(name) for name in ("model", "version", "reason")}
    assert properties == {"model": "taxi", "version": "1.0.0", "reason": "first version"}
    assert registered.get_int_custom_property("registered") == 1
    version = Path(registered.uri)
    assert version == tmp_path / "registry/taxi/1.0.0"
    assert contents_of(version / "model") == contents_of(trained() / "model")
    found = {path.stem: json.loads(path.read_text()) for path in version.glob("*.json")}
    assert found["environment"]["data_fingerprint"] == "abc"
    assert (found["environment"]["git_commit"], found["environment"]["lock_hash"]) == ("c0ffee", "10c4")
    assert found["metrics"]["request_milliseconds"] == {"requests": 3, "p50": 2.0, "p95": 3.0, "p99": 3.0}
    assert set(found["metrics"]["references"]) == {"majority class"}
    assert sorted(report["gate"] for report in found["gates"]) == sorted(GATES)
    assert found["params"]["architecture"]["module"] == "models.wide_and_deep"
    card = (version / "model_card.md").read_text()
    assert "| fare | float32 |" in card
    assert "| train | 800 |" in card
    [version] = FolderRegistry(tmp_path / "registry").versions("taxi")
    assert version.labels == {"stage": "candidate", "approved": "by-gates", "performance": "auc-0_600"}


def test_the_run_shows_the_version_and_its_reason(tmp_path: Path, inputs: Artifacts) -> None:
    result = NodeResult("Registrar", "ran", 1.0, {"registered": [_register(tmp_path, inputs)]})
    assert registered_of(result) == Registered("taxi", "1.0.0", "first version")
    assert sentence_for(result) == "taxi 1.0.0 (first version)"
    _negative(inputs, "DataGate")
    result = NodeResult("Registrar", "ran", 1.0, {"registered": [_register(tmp_path, inputs)]})
    assert registered_of(result) is None
    assert sentence_for(result) == "nothing registered"


def test_the_same_model_again_is_the_same_version(tmp_path: Path, inputs: Artifacts) -> None:
    first = _register(tmp_path, inputs)
    before = contents_of(tmp_path / "registry")
    again = _register(tmp_path, inputs, train={"seed": 9})
    assert again.uri == first.uri
    assert contents_of(tmp_path / "registry") == before
    sentence = sentence_for(NodeResult("Registrar", "ran", 1.0, {"registered": [again]}))
    assert sentence == "taxi 1.0.0 (the very model that it was before)"


@pytest.mark.parametrize(
    ("changed", "part", "names"),
    [
        ({"train": {"batch_size": 64}}, "hyperparameters", {"train.batch_size"}),
        ({"train": {"seed": 9}}, "rest", {"seed"}),
        ({"split": {"salt": "x"}}, "rest", {"split.salt"}),
        ({"train": {"accelerator": "cpu"}}, "", set()),
        (
            {
                "data": {
                    "source": "elsewhere/rides.csv",
                    "label": "big_tipper",
                    "fetch": ["https://example.org/rides.csv"],
                    "serving_log": "log.csv",
                }
            },
            "",
            set(),
        ),
        ({"serving": {"keep_versions": 3}, "registry": {"purpose": "tips"}}, "", set()),
    ],
)
def test_the_recipe_holds_what_makes_the_model_and_nothing_else(
    changed: dict[str, Any], part: str, names: set[str]
) -> None:
    before, after = (vars(_recipe({}, **each)) for each in ({}, changed))
    for name in ("architecture", "hyperparameters", "rest"):
        differing = {key for key in after[name] if after[name][key] != before[name].get(key)}
        assert differing == (names if name == part else set())


def test_a_batch_size_is_the_same_wherever_it_comes_from() -> None:
    searched = _recipe({"dropout": 0.1, "batch_size": 64}, train={"batch_size": 32})
    frozen = _recipe({"dropout": 0.1}, train={"batch_size": 64})
    assert searched.hyperparameters["train.batch_size"] == 64
    assert "batch_size" not in searched.hyperparameters
    assert changes_between(searched, frozen) == []


def test_a_hyperparameter_named_like_a_training_setting_hides_none() -> None:
    recipe = _recipe({"epochs": 9}, train={"epochs": 3})
    assert (recipe.hyperparameters["epochs"], recipe.hyperparameters["train.epochs"]) == (9, 3)


def test_a_version_holds_the_defaults_of_its_model_too(tmp_path: Path, inputs: Artifacts) -> None:
    registered = _register(tmp_path, inputs)
    hyperparameters = json.loads((Path(registered.uri) / "params.json").read_text())["hyperparameters"]
    assert {name: hyperparameters[name] for name in DEFAULTS} == {
        **DEFAULTS,
        "dropout": 0.1,
    }  # as `trained` configures it


def _absent(given: Artifacts, gate: str) -> None:
    given[f"{gate}_blessing"] = []


def _negative(given: Artifacts, gate: str) -> None:
    given[f"{gate}_blessing"][0].set_int_custom_property("blessed", 0)


def _of_another_model(given: Artifacts, gate: str) -> None:
    given[f"{gate}_blessing"][0].set_string_custom_property("current_model", "elsewhere")


def _withdrawn(given: Artifacts, gate: str) -> None:
    given[f"{gate}_blessing"][0].mlmd_artifact.state = metadata_store_pb2.Artifact.DELETED


@pytest.mark.parametrize("spoil", [_absent, _negative, _of_another_model, _withdrawn])
@pytest.mark.parametrize("gate", ["Evaluator", "ModelGate"])
def test_refuses_and_leaves_the_registry_byte_for_byte(
    tmp_path: Path, inputs: Artifacts, gate: str, spoil: Callable[[Artifacts, str], None]
) -> None:
    made = _register(tmp_path, inputs)
    before = contents_of(tmp_path / "registry")
    Path(inputs["model"][0].uri, "Format-Serving/saved_model.pb").write_bytes(b"another model")
    spoil(inputs, gate)
    refused = _register(tmp_path, inputs)
    assert refused.get_int_custom_property("registered") == 0
    assert gate in refused.get_string_custom_property("reason")
    assert refused.uri != made.uri
    assert contents_of(tmp_path / "registry") == before


@pytest.mark.parametrize("what", ["model", "examples", "evaluation"])
def test_refuses_when_what_a_gate_judged_was_exchanged_since(tmp_path: Path, inputs: Artifacts, what: str) -> None:
    Path(inputs[what][0].uri).mkdir(exist_ok=True)
    Path(inputs[what][0].uri, "another-file").write_bytes(b"exchanged")
    refused = _register(tmp_path, inputs)
    assert refused.get_int_custom_property("registered") == 0
    assert f"{what} is not what was judged" in refused.get_string_custom_property("reason")
    assert not (tmp_path / "registry").exists()


def test_a_first_refusal_does_not_even_make_the_registry(tmp_path: Path, inputs: Artifacts) -> None:
    _negative(inputs, "DataGate")
    _register(tmp_path, inputs)
    assert not (tmp_path / "registry").exists()


def test_a_model_without_a_graph_is_refused(tmp_path: Path, inputs: Artifacts) -> None:
    Path(inputs["model"][0].uri, "Format-Serving/saved_model.pb").unlink()
    assert "no saved_model.pb" in _register(tmp_path, inputs).get_string_custom_property("reason")
    assert not (tmp_path / "registry").exists()


def test_an_absent_blessing_reaches_the_executor() -> None:
    channels = {name: Channel(type=Blessing) for name in GATES}
    registrar = Registrar(
        model=Channel(type=standard_artifacts.Model),
        model_run=Channel(type=standard_artifacts.ModelRun),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        examples=Channel(type=standard_artifacts.Examples),
        evaluation=Channel(type=standard_artifacts.ModelEvaluation),
        references=Channel(type=ReferencesArtifact),
        blessings=channels,
        reports={},
        config=_given(),
    )
    optional = registrar.spec.INPUTS
    assert all(optional[f"{name}_blessing"].optional for name in GATES)
    assert not optional["model"].optional


def test_request_times_come_back_as_they_were_measured(tmp_path: Path) -> None:
    write_request_times(str(tmp_path), None)
    assert read_request_times(str(tmp_path)) is None
    write_request_times(str(tmp_path), [5.0, float("nan"), 1.0])
    found = read_request_times(str(tmp_path))
    assert found is not None
    assert (found.requests, found.p50, found.p99) == (2, 5.0, 5.0)


def test_data_that_were_not_hashed_beforehand_are_known_by_what_ingest_found(inputs: Artifacts) -> None:
    given = _given()
    unknown = given.model_copy(update={"provenance": given.provenance.model_copy(update={"data_fingerprint": ""})})
    describe_examples(inputs["examples"][0], Facts(rows={"train": 1}, data_fingerprint="found"), {}, {})
    assert version_record_of(inputs, given).environment.provenance.data_fingerprint == "abc"
    assert version_record_of(inputs, unknown).environment.provenance.data_fingerprint == "found"
