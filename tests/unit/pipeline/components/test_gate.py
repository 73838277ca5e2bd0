"""What every gate does beside its judgement: report, blessing, time, and the name of the judged model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import Artifact, Channel
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing

from core.strict import Strict
from gates.verdict.finding import GateReport, Verdict
from pipeline.artifacts.blessings import Blessing, GateReportArtifact, is_blessed, read_report, refusals
from pipeline.components.gate import Artifacts, GateComponent, GateExecutor, after_gates, gate_spec
from tests.samples.taxi_artifacts import artifact


class Asked(Strict):
    verdict: Verdict


class Echo(GateExecutor):
    """Returns the verdict in its configuration."""

    def judge(self, inputs: Artifacts, outputs: Artifacts, config: str) -> GateReport:
        return GateReport("echo", Asked.from_property(config).verdict)


class EchoGate(GateComponent):
    SPEC_CLASS = gate_spec(inputs={"model": Model}, optional={"baseline_model": Model}, outputs={"extra": Examples})
    EXECUTOR_SPEC = ExecutorClassSpec(Echo)


def run(home: Path, verdict: Verdict, inputs: dict[str, list[Artifact]]) -> tuple[Artifact, Artifact]:
    report, blessing = artifact(GateReportArtifact, home / "report"), artifact(Blessing, home / "blessing")
    properties = {"config": Asked(verdict=verdict).to_property(), "code": ""}
    Echo().Do(inputs, {"report": [report], "blessing": [blessing]}, properties)
    return report, blessing


@pytest.mark.parametrize(("verdict", "blessed"), [(Verdict.PASS, True), (Verdict.FAIL, False)])
def test_leaves_report_and_blessing_of_what_was_judged(tmp_path: Path, verdict: Verdict, blessed: bool) -> None:
    report, blessing = run(tmp_path, verdict, {})
    found = read_report(report.uri)
    assert (found.gate, found.verdict) == ("echo", verdict)
    assert found.seconds >= 0
    assert is_blessed(blessing) is blessed
    assert Path(blessing.uri, "BLESSED" if blessed else "NOT_BLESSED").exists()


def test_a_blessing_of_a_model_is_for_that_model_alone(tmp_path: Path) -> None:
    model, other = artifact(Model, tmp_path / "model", id=7), artifact(Model, tmp_path / "other", id=5)
    _, blessing = run(tmp_path, Verdict.PASS, {"model": [model], "baseline_model": [other]})
    assert blessing.get_string_custom_property("current_model") == model.uri
    assert blessing.get_int_custom_property("current_model_id") == 7
    assert blessing.get_string_custom_property("baseline_model") == other.uri
    assert refusals(["Echo"], {"Echo": [blessing]}, model.uri) == []
    assert [each.check for each in refusals(["Echo"], {"Echo": [blessing]}, other.uri)] == ["blessing_of_this_model"]


def test_a_gate_of_the_data_names_no_model(tmp_path: Path) -> None:
    _, blessing = run(tmp_path, Verdict.PASS, {"model": []})
    assert not blessing.has_custom_property("current_model")


def test_a_component_is_wired_by_the_names_of_its_spec() -> None:
    gate = EchoGate(config=Asked(verdict=Verdict.PASS), code="abc", model=Channel(type=Model), baseline_model=None)
    assert set(gate.inputs) == {"model"}
    assert {name: channel.type for name, channel in gate.outputs.items()} == {
        "extra": Examples,
        "report": GateReportArtifact,
        "blessing": Blessing,
    }
    assert gate.exec_properties == {"config": '{"verdict": "pass"}', "code": "abc"}


def test_refuses_an_input_that_the_gate_does_not_have() -> None:
    with pytest.raises(TypeError, match="EchoGate has no input modell"):
        EchoGate(config=Asked(verdict=Verdict.PASS), model=Channel(type=Model), modell=Channel(type=Model))
    with pytest.raises(ValueError, match="Missing argument 'model'"):
        EchoGate(config=Asked(verdict=Verdict.PASS))


def test_the_inputs_of_one_pipeline_do_not_change_the_spec_of_another() -> None:
    spec = gate_spec(inputs={"model": Model}, blessing=ModelBlessing)
    blessings, reports = {"Echo": Channel(type=Blessing)}, {"Echo": Channel(type=GateReportArtifact)}
    made = after_gates(spec, blessings, reports, model=Channel(type=Model), config="", code="")
    assert set(made.inputs) == {"model", "Echo_blessing", "Echo_report"}
    assert made.INPUTS["Echo_blessing"].optional and made.INPUTS["Echo_report"].optional
    assert not {"Echo_blessing", "Echo_report"} & set(spec.INPUTS)
