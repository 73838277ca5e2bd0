"""The Pusher refuses a model without every required blessing, and does not crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact, Channel, standard_artifacts

from gates.verdict.finding import GateReport, Severity, Verdict
from pipeline.artifacts.blessings import (
    Blessing,
    GateReportArtifact,
    NewestVersion,
    RegisteredModel,
    is_blessed,
    read_report,
    refusals,
)
from pipeline.artifacts.judged import contents_of_inputs, note_judged
from pipeline.components.pusher import Followed, Pusher, PusherExecutor, PusherInputs
from registry.contents import contents_of
from registry.folder import FolderRegistry
from serving.contract import ModelVersion
from serving.local.state import StateFile, StoredModel
from serving.rollout.folder_store import FolderStore
from serving.rollout.record import Phase, Rollout
from tests.samples import taxi_artifacts as samples
from tests.samples.blessings import judge_as
from tests.samples.registrations import submission

GATES = ("ExampleValidator", "Evaluator")


def _blessing(uri: Path, kind: type[Artifact], blessed: bool = True, model: Path | None = None) -> Artifact:
    made = judge_as(samples.artifact(kind, uri), Verdict.PASS if blessed else Verdict.FAIL, [])
    if model is not None:
        made.set_string_custom_property("current_model", str(model))
    return made


@pytest.fixture
def model(tmp_path: Path) -> Artifact:
    folder = tmp_path / "model/Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.index").write_bytes(b"index")
    return samples.artifact(standard_artifacts.Model, tmp_path / "model")


@pytest.fixture
def blessings(tmp_path: Path, model: Artifact) -> dict[str, list[Artifact]]:
    return {
        "ExampleValidator": [_blessing(tmp_path / "v", Blessing)],
        "Evaluator": [_blessing(tmp_path / "e", standard_artifacts.ModelBlessing, model=Path(model.uri))],
    }


def _report_of(blessing: Artifact) -> Artifact:
    return samples.artifact(GateReportArtifact, Path(f"{blessing.uri}_report"))


def _registered(tmp_path: Path, weights: bytes = b"weights") -> Artifact:
    """The Registrar's output for a version of taxi that it registered."""
    found = FolderRegistry(tmp_path / "registry").register(
        submission(tmp_path / "submitted" / weights.decode(), weights)
    )
    registered = samples.artifact(RegisteredModel, Path(found.location))
    for name in ("model", "version"):
        registered.set_string_custom_property(name, getattr(found, name))
    registered.set_string_custom_property("registry", str(tmp_path / "registry"))
    return registered


def _push(
    tmp_path: Path,
    model: Artifact,
    blessings: dict[str, list[Artifact]],
    registered: Sequence[Artifact] = (),
    followed: Followed | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Artifact]:
    """Pushes after the gates have judged the model; `meanwhile` is called in between."""
    for given in (each for each in blessings.values() if each and is_blessed(each[0])):
        note_judged(given[0], contents_of_inputs({"model": [model]}), _report_of(given[0]))
    meanwhile()
    kinds: dict[str, Any] = {
        "pushed_model": standard_artifacts.PushedModel,
        "report": GateReportArtifact,
        "newest": NewestVersion,
    }
    outputs = {name: samples.artifact(kind, tmp_path / "out" / name) for name, kind in kinds.items()}
    inputs = {"model": [model], **{f"{name}_blessing": given for name, given in blessings.items()}}
    inputs["registered"] = list(registered)
    given = PusherInputs(gates=list(GATES), destination=str(tmp_path / "serving"), keep_versions=3)
    properties = {"config": given.to_property(), **({"followed": followed.to_property()} if followed else {})}
    PusherExecutor().Do(inputs, {name: [each] for name, each in outputs.items()}, properties)
    return outputs


def test_pushes_when_every_blessing_stands(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    pushed = _push(tmp_path, model, blessings)["pushed_model"]
    assert pushed.get_int_custom_property("pushed") == 1
    version = Path(pushed.get_string_custom_property("pushed_destination"))
    assert version.parent == tmp_path / "serving"
    assert version.name == pushed.get_string_custom_property("pushed_version")
    assert (version / "variables/variables.index").read_bytes() == b"index"


def test_the_pushed_model_names_the_version_that_is_registered(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    pushed = _push(tmp_path, model, blessings, [_registered(tmp_path)])["pushed_model"]
    assert pushed.get_string_custom_property("registered_version") == "1.0.0"


def test_the_registry_records_which_version_is_in_production_and_under_which_number_it_was_pushed(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    first = _registered(tmp_path)
    before = _push(tmp_path, model, blessings, [first])["pushed_model"].get_string_custom_property("pushed_version")
    Path(model.uri, "Format-Serving/saved_model.pb").write_bytes(b"another graph")
    outputs = _push(tmp_path, model, blessings, [_registered(tmp_path, b"other")])
    number = outputs["pushed_model"].get_string_custom_property("pushed_version")
    old, new = FolderRegistry(tmp_path / "registry").versions("taxi")
    assert (new.version, new.aliases) == ("1.0.1", ("latest", "production"))
    assert new.labels == {"stage": "production", "deployment": f"pushed-{number}"}
    assert old.labels == {"stage": "archived", "deployment": f"pushed-{before}"}
    checks = [(each.check, each.severity) for each in read_report(outputs["report"].uri).findings]
    assert checks == [("pushed", Severity.INFO), ("noted_in_registry", Severity.INFO)]


def _followed(tmp_path: Path) -> Followed:
    return Followed(workload="taxi", endpoint=str(tmp_path / "serving"), records=str(tmp_path))


def test_before_a_rollout_the_traffic_is_held_and_the_registry_stays_as_it_is(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    endpoint = StateFile(tmp_path / "serving", "taxi")
    first = StoredModel(deployed_id="1", model="taxi", version="1")
    endpoint.change(lambda state: state.model_copy(update={"deployed": [first], "traffic": {"1": 100}}))
    assert endpoint.read().follows_newest
    outputs = _push(tmp_path, model, blessings, [_registered(tmp_path)], _followed(tmp_path))
    assert outputs["pushed_model"].get_int_custom_property("pushed") == 1
    state = endpoint.read()
    assert (state.follows_newest, state.traffic) == (False, {"1": 100})
    [version] = FolderRegistry(tmp_path / "registry").versions("taxi")
    assert (version.aliases, version.labels) == (("latest",), {})


def test_before_a_rollout_at_an_endpoint_that_was_never_started_the_version_is_pushed(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    outputs = _push(tmp_path, model, blessings, followed=_followed(tmp_path))
    assert outputs["pushed_model"].get_int_custom_property("pushed") == 1


def test_before_a_rollout_at_an_endpoint_that_was_never_started_the_version_before_gets_the_traffic(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    first = _push(tmp_path, model, blessings)["pushed_model"].get_string_custom_property("pushed_version")
    Path(model.uri, "Format-Serving/saved_model.pb").write_bytes(b"another graph")
    _push(tmp_path, model, blessings, followed=_followed(tmp_path))
    state = StateFile(tmp_path / "serving", "taxi").read()
    assert (state.traffic, state.follows_newest) == ({first: 100}, False)


def test_the_version_of_an_unfinished_rollout_stays_however_old_it_is(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    store, graph = FolderStore(tmp_path, "taxi"), Path(model.uri, "Format-Serving/saved_model.pb")
    first = _push(tmp_path, model, blessings)["pushed_model"].get_string_custom_property("pushed_version")
    # Another version is served, one that is not there any more.
    other = StoredModel(deployed_id="1", model="taxi", version="1")
    StateFile(tmp_path / "serving", "taxi").change(
        lambda state: state.model_copy(update={"deployed": [other], "traffic": {"1": 100}})
    )
    store.save(Rollout("00001", ModelVersion(first, "taxi", first), None, Phase.STAGING))
    for number in range(4):
        graph.write_bytes(f"graph {number}".encode())
        _push(tmp_path, model, blessings, followed=_followed(tmp_path))
    kept = sorted(path.name for path in (tmp_path / "serving").iterdir() if path.name.isdigit())
    assert len(kept) == 4
    assert kept[0] == first
    store.save(Rollout("00001", ModelVersion(first, "taxi", first), None, Phase.ROLLED_BACK))
    graph.write_bytes(b"another one")
    _push(tmp_path, model, blessings, followed=_followed(tmp_path))
    assert not (tmp_path / "serving" / first).exists()


def test_a_run_that_pushes_nothing_new_leaves_the_registry_as_people_left_it(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    registered, registry = _registered(tmp_path, b"other"), FolderRegistry(tmp_path / "registry")
    _push(tmp_path, model, blessings, [registered])
    other = _registered(tmp_path)
    registry.alias("taxi", other.get_string_custom_property("version"), "production")
    index = registry.root / "taxi/index.json"
    before = index.read_bytes(), index.stat().st_mtime_ns
    _push(tmp_path, model, blessings, [registered])
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_a_push_whose_record_was_cut_off_is_recorded_by_the_next_run(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    _push(tmp_path, model, blessings)  # pushed, and killed before the registry recorded it
    pushed = _push(tmp_path, model, blessings, [_registered(tmp_path)])["pushed_model"]
    number = pushed.get_string_custom_property("pushed_version")
    assert FolderRegistry(tmp_path / "registry").find("taxi", "production").labels["deployment"] == f"pushed-{number}"


def test_a_registry_that_cannot_be_changed_warns_and_does_not_undo_the_push(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    registered = _registered(tmp_path)
    shutil.rmtree(registered.uri)
    outputs = _push(tmp_path, model, blessings, [registered])
    pushed, report = outputs["pushed_model"], read_report(outputs["report"].uri)
    assert pushed.get_int_custom_property("pushed") == 1
    assert Path(pushed.uri, "saved_model.pb").exists()
    assert report.verdict is Verdict.PASS
    [finding] = report.of(Severity.WARN)
    assert "does not say that the stage of taxi 1.0.0 is production" in finding.reason
    assert f"{registered.uri} is gone" in finding.reason
    assert (finding.statistic, finding.value, finding.threshold) == ("recorded in the registry", 0.0, 1.0)
    assert finding.reason in pushed.get_string_custom_property("reason")
    assert "alias taxi 1.0.0 production && python -m" in finding.remedy


def test_a_refusal_does_not_change_the_registry(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    registered = _registered(tmp_path)
    before = contents_of(tmp_path / "registry")
    _push(tmp_path, model, {**blessings, "Evaluator": []}, [registered])
    assert contents_of(tmp_path / "registry") == before


@pytest.mark.parametrize(
    ("gate", "spoil", "check"),
    [
        ("ExampleValidator", "absent", "blessing_present"),
        ("Evaluator", "absent", "blessing_present"),
        ("ExampleValidator", "negative", "blessing_positive"),
        ("Evaluator", "negative", "blessing_positive"),
        ("Evaluator", "deleted", "blessing_live"),
        ("ExampleValidator", "pending", "blessing_live"),
        ("Evaluator", "other model", "blessing_of_this_model"),
        ("Evaluator", "no model", "blessing_of_this_model"),
    ],
)
def test_refuses_and_leaves_the_destination_alone(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]], gate: str, spoil: str, check: str
) -> None:
    given = blessings[gate][0]
    if spoil == "absent":
        blessings[gate] = []
    elif spoil == "negative":
        given.set_int_custom_property("blessed", 0)
    elif spoil == "deleted":
        given.mlmd_artifact.state = metadata_store_pb2.Artifact.DELETED
    elif spoil == "pending":
        given.mlmd_artifact.state = metadata_store_pb2.Artifact.PENDING
    elif spoil == "other model":
        given.set_string_custom_property("current_model", str(tmp_path / "another"))
    elif spoil == "no model":
        given.set_string_custom_property("current_model", "")
    outputs = _push(tmp_path, model, blessings)
    report = read_report(outputs["report"].uri)
    assert report.verdict is Verdict.FAIL
    assert [(f.check, f.subject, f.severity) for f in report.findings] == [(check, gate, Severity.BLOCK)]
    assert outputs["pushed_model"].get_int_custom_property("pushed") == 0
    assert gate in outputs["pushed_model"].get_string_custom_property("reason")
    assert not (tmp_path / "serving").exists()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("file exchanged", "model is not what was judged"),
        ("file exchanged with its times", "model is not what was judged"),
        ("file added", "model is not what was judged"),
        ("file deleted", "model is not what was judged"),
        ("report changed", "report.json is gone or was changed"),
        ("report deleted", "report.json is gone or was changed"),
        ("report no text", "report.json is gone or was changed"),
        ("another verdict", "the verdict in "),
        ("nothing noted", "does not say what it judged"),
        ("noted of another model", "are not among what was judged"),
    ],
)
def test_refuses_what_is_not_what_was_judged(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]], what: str, reason: str
) -> None:
    [blessing], weights = blessings["Evaluator"], Path(model.uri, "Format-Serving/variables/variables.index")
    report = Path(_report_of(blessing).uri, "report.json")

    def spoil() -> None:
        if what.startswith("file exchanged"):
            before = weights.stat()
            weights.write_bytes(b"xedni")
            if what.endswith("times"):
                os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
        elif what == "file added":
            weights.with_name("more").write_bytes(b"")
        elif what == "file deleted":
            weights.unlink()
        elif what == "report changed":
            report.write_text(report.read_text().replace("pass", "fail"))
        elif what == "report deleted":
            report.unlink()
        elif what == "report no text":
            report.write_bytes(b"\xff\xfe\x80")
        elif what == "another verdict":
            report.write_text(GateReport("e", Verdict.FAIL).dumps())
            note_judged(blessing, contents_of_inputs({"model": [model]}), _report_of(blessing))
        elif what == "nothing noted":
            blessing.set_string_custom_property("judged", "")
        else:
            note_judged(blessing, {}, _report_of(blessing))

    outputs = _push(tmp_path, model, blessings, meanwhile=spoil)
    found = read_report(outputs["report"].uri)
    assert found.verdict is Verdict.FAIL
    assert {finding.check for finding in found.findings} == {"judged_unaltered"}
    assert any(reason in finding.reason for finding in found.findings)
    assert outputs["pushed_model"].get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()


def test_a_blessing_without_its_property_is_negative(tmp_path: Path, model: Artifact) -> None:
    silent = samples.artifact(Blessing, tmp_path / "silent")
    assert [finding.check for finding in refusals(["gate"], {"gate": [silent]}, model.uri)] == ["blessing_positive"]


def test_no_required_blessing_at_all_is_a_refusal(model: Artifact) -> None:
    assert [finding.check for finding in refusals([], {}, model.uri)] == ["blessing_present"]


def test_a_model_without_a_graph_is_refused(
    tmp_path: Path, model: Artifact, blessings: dict[str, list[Artifact]]
) -> None:
    Path(model.uri, "Format-Serving/saved_model.pb").unlink()
    report = read_report(_push(tmp_path, model, blessings)["report"].uri)
    assert [finding.check for finding in report.findings] == ["model_present"]


def test_further_gates_are_further_inputs() -> None:
    channels = {name: Channel(type=Blessing) for name in ("DataGate", "ModelGate")}
    pusher = Pusher(Channel(type=standard_artifacts.Model), channels, "serving")
    assert set(pusher.inputs) == {"model", "DataGate_blessing", "ModelGate_blessing"}
    given = PusherInputs.from_property(pusher.exec_properties["config"])
    assert given == PusherInputs(gates=["DataGate", "ModelGate"], destination="serving", keep_versions=5)
