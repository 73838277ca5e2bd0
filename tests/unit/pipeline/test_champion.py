"""Champion, Evaluator and Pusher together under LocalDagRunner: what is compared, what is reused, what is served."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from google.protobuf import text_format
from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import Artifact, BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from core.errors import SluiceError
from gates.verdict.finding import GateReport, Severity, Verdict
from pipeline.artifacts.blessings import Blessing, read_report
from pipeline.artifacts.evaluation import read_evaluation
from pipeline.champion import champion_of, model_to_beat
from pipeline.components.evaluator import Evaluator
from pipeline.components.pusher import Pusher
from pipeline.components.schema_gen import CuratedSchema, curated_text
from pipeline.config.load import load_workload
from pipeline.platform import ChampionPlaces
from tests.samples import taxi_artifacts as samples
from tests.samples.blessings import judge_as
from tests.samples.evaluator_inputs import evaluator_inputs
from tests.samples.platforms import pretended_platform

FRAMES = samples.assign(samples.rides().head(4000), seed=5)
BEAM = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--sdk_container_image=none"]


class CopyExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict: Any, output_dict: dict[str, list[Artifact]], exec_properties: dict[str, Any]) -> None:
        shutil.copytree(exec_properties["source"], output_dict["model"][0].uri, dirs_exist_ok=True)


class CopySpec(ComponentSpec):
    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"source": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"model": ChannelParameter(type=standard_artifacts.Model)}


class Trainer(base_component.BaseComponent):
    """Stands for training: publishes a model that is already there."""

    SPEC_CLASS = CopySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CopyExecutor)

    def __init__(self, source: Path) -> None:
        super().__init__(CopySpec(source=str(source), model=Channel(type=standard_artifacts.Model)))


class GateExecutor(base_executor.BaseExecutor):
    def Do(
        self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]], exec_properties: Any
    ) -> None:
        [blessing], models = output_dict["blessing"], input_dict["model"]
        judge_as(blessing, Verdict.PASS if exec_properties["proven"] else Verdict.FAIL, models)
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, models[0].uri)


class GateSpec(ComponentSpec):
    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {"proven": ExecutionParameter(type=int)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {"model": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {"blessing": ChannelParameter(type=Blessing)}


class ModelGate(base_component.BaseComponent):
    """A substitute for the proof: gives the verdict that it is configured with."""

    SPEC_CLASS = GateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(GateExecutor)

    def __init__(self, model: BaseChannel, proven: bool) -> None:
        super().__init__(GateSpec(model=model, proven=int(proven), blessing=Channel(type=Blessing)))


class Runs:
    """The same pipeline again and again on one metadata store."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = metadata.sqlite_metadata_connection_config(str(home / "metadata.sqlite"))
        samples.write_examples(FRAMES, home / "examples")
        statistics = {name: samples.statistics_of(frame) for name, frame in FRAMES.items()}
        (home / "schema.pbtxt").write_text(text_format.MessageToString(samples.proposed(statistics)))
        for name, weight in (("a", 0.5), ("b", 0.6)):
            samples.write_model(home / name, weight)

    def run(self, model: str, at_least: float = 0.1, proven: bool = True, **waived: str) -> dict[str, str]:
        """Runs with this model as the trained one, proven sound or not; returns each component's state."""
        before = self._states()
        LocalDagRunner().run(self._pipeline(self.home / model, at_least, proven, waived))
        after = self._states()
        return {name: (after[name] - before[name]).most_common(1)[0][0] for name in after}

    def served(self) -> bytes:
        """The weights of the newest version."""
        newest = max((self.home / "serving").glob("[0-9]*"), key=lambda path: int(path.name))
        return (newest / "variables/variables.data-00000-of-00001").read_bytes()

    def weights(self, model: str) -> bytes:
        return (self.home / model / "Format-Serving/variables/variables.data-00000-of-00001").read_bytes()

    def _pipeline(self, model: Path, at_least: float, proven: bool, waived: dict[str, str]) -> pipeline.Pipeline:
        splits = {"split_names": '["train", "eval", "test"]'}
        examples = Importer(str(self.home / "examples"), standard_artifacts.Examples, properties=splits)
        examples = examples.with_id("ExampleGen")
        schema = CuratedSchema(text=curated_text(str(self.home / "schema.pbtxt")))
        trainer = Trainer(model)
        champion = model_to_beat(trainer.outputs["model"], ChampionPlaces(folder=str(self.home / "root/champion")))
        evaluator = self._evaluator(examples.outputs["result"], schema, trainer, champion, at_least, waived)
        gate = ModelGate(trainer.outputs["model"], proven)
        blessings = {"Evaluator": evaluator.outputs["blessing"], "ModelGate": gate.outputs["blessing"]}
        pusher = Pusher(trainer.outputs["model"], blessings, str(self.home / "serving"))
        return pipeline.Pipeline(
            "champion",
            str(self.home / "root"),
            components=[examples, schema, trainer, champion, evaluator, gate, pusher],
            enable_cache=True,
            metadata_connection_config=self.store,
            beam_pipeline_args=BEAM,
        )

    def _evaluator(
        self,
        examples: BaseChannel,
        schema: CuratedSchema,
        trainer: Trainer,
        champion: Resolver,
        at_least: float,
        waived: dict[str, str],
    ) -> Evaluator:
        threshold = {"metric": "auc", "at_least": at_least, "no_worse_than_blessed_by": 0.5}
        return Evaluator(
            examples=examples,
            model=trainer.outputs["model"],
            baseline_model=champion.outputs["model"],
            schema=schema.outputs["schema"],
            config=evaluator_inputs(
                {"metrics": ["auc"], "thresholds": [threshold], "without_champion": waived or None}, samples.LABEL
            ),
        )

    def _states(self) -> dict[str, Counter[str]]:
        with metadata.Metadata(self.store) as handle:
            names = ("Trainer", "Evaluator", "Pusher")
            return {name: Counter(_state(each) for each in self._executions(handle, name)) for name in names}

    @staticmethod
    def _executions(handle: Any, name: str) -> list[metadata_store_pb2.Execution]:
        types = [kind.name for kind in handle.store.get_execution_types() if kind.name.endswith(f".{name}")]
        return [each for kind in types for each in handle.store.get_executions_by_type(kind)]


def _state(execution: metadata_store_pb2.Execution) -> str:
    return {"COMPLETE": "ran", "CACHED": "reused"}.get(
        metadata_store_pb2.Execution.State.Name(execution.last_known_state), "failed"
    )


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def _change(runs: Runs) -> float | None:
    newest = max((runs.home / "root/Evaluator/evaluation").iterdir(), key=lambda path: int(path.name))
    return read_evaluation(str(newest)).overall()["auc"].change


def _verdict(runs: Runs) -> GateReport:
    newest = max((runs.home / "root/Evaluator/report").iterdir(), key=lambda path: int(path.name))
    return read_report(str(newest))


def test_what_is_served_is_always_the_model_of_the_last_run(runs: Runs) -> None:
    everything = {"Trainer": "ran", "Evaluator": "ran", "Pusher": "ran"}
    assert runs.run("a") == everything
    assert _change(runs) is None  # nothing was blessed before

    assert runs.run("a") == dict.fromkeys(everything, "reused")

    assert runs.run("b") == everything
    assert _change(runs) is not None
    assert runs.served() == runs.weights("b")

    # Back to the first model: it is compared with the second, and pushed again although it was pushed once before.
    assert runs.run("a")["Pusher"] == "ran"
    assert runs.served() == runs.weights("a")

    # And forth: the comparison is known already, but another model is served, so this push is not reused.
    assert runs.run("b") == {"Trainer": "reused", "Evaluator": "reused", "Pusher": "ran"}
    assert runs.served() == runs.weights("b")


def test_a_push_is_not_reused_once_its_version_is_gone(runs: Runs) -> None:
    runs.run("a")
    shutil.rmtree(runs.home / "serving")
    assert runs.run("a") == {"Trainer": "reused", "Evaluator": "reused", "Pusher": "ran"}
    assert runs.served() == runs.weights("a")


@pytest.mark.parametrize("how", ["gone", "altered"])
def test_a_champion_whose_files_are_gone_or_altered_refuses_until_a_person_waives_it(runs: Runs, how: str) -> None:
    runs.run("a")
    for folder in (runs.home / "root/Trainer/model").iterdir():
        if how == "gone":
            shutil.rmtree(folder)
        else:
            (folder / "Format-Serving/saved_model.pb").write_bytes(b"another")
    runs.run("b")
    assert runs.served() == runs.weights("a")
    [finding] = [each for each in _verdict(runs).findings if each.severity is Severity.BLOCK]
    assert (finding.check, finding.subject) == ("threshold_change", "model to beat")
    assert "is gone or not what was judged" in finding.reason
    assert "evaluator.without_champion={reason: WHY, expires: YYYY-MM-DD}" in finding.remedy

    runs.run("b", reason="the disk was lost", expires="2026-01-01")
    assert runs.served() == runs.weights("a")
    assert "expired on 2026-01-01" in _verdict(runs).of(Severity.BLOCK)[0].reason

    runs.run("b", reason="the disk was lost", expires="9999-12-31")
    assert runs.served() == runs.weights("b")
    [finding] = [each for each in _verdict(runs).findings if each.waiver]
    assert (finding.severity, finding.waiver) == (Severity.WARN, "the disk was lost")


def test_a_stricter_trial_does_not_take_the_served_model_from_the_next_comparison(runs: Runs) -> None:
    runs.run("a")
    runs.run("a", at_least=0.999)
    assert runs.served() == runs.weights("a")
    runs.run("b")
    assert _change(runs) is not None


def test_a_model_that_the_model_gate_refused_is_not_the_one_to_beat(runs: Runs) -> None:
    runs.run("a", proven=False)
    assert not (runs.home / "serving").exists()
    assert runs.run("a", proven=False)["Evaluator"] == "reused"
    runs.run("b")
    assert _change(runs) is None

    # What is proven after all may be the one to beat, and a later refusal takes nothing back.
    runs.run("a")
    runs.run("a", proven=False)
    runs.run("b", at_least=0.11)
    assert _change(runs) is not None


def test_an_edited_curated_schema_is_not_taken_from_the_cache(runs: Runs) -> None:
    runs.run("a")
    schema = runs.home / "schema.pbtxt"
    schema.write_text(schema.read_text() + "# looked at\n")
    assert runs.run("a")["Evaluator"] == "ran"


def test_a_model_from_outside_that_other_machines_cannot_reach_is_refused(tmp_path: Path) -> None:
    samples.write_model(tmp_path / "automl", 0.5)
    folder = tmp_path / "automl/Format-Serving"
    config = load_workload("taxi", (f"evaluator.baseline={{saved_model: {folder}}}",))
    here, elsewhere = pretended_platform(), replace(pretended_platform(), artifact_root="gs://bucket/artifacts")
    channel = Channel(type=standard_artifacts.Schema)
    assert champion_of(config, here, channel, channel).id == "OutsideModel"
    with pytest.raises(SluiceError, match="a folder of this machine, and the job runs on others") as caught:
        champion_of(config, elsewhere, channel, channel)
    assert f"gcloud storage cp -r {folder} gs://bucket/artifacts/baseline" in caught.value.next_command
