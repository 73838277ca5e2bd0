"""The model to beat out of the registry: the workload's production version, or none, under TFX's own runner."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from gates.verdict.finding import GateReport, Severity
from pipeline.artifacts.blessings import read_report
from pipeline.artifacts.evaluation import read_evaluation
from pipeline.components.champion import Champion
from pipeline.components.evaluator import Evaluator
from pipeline.components.schema_gen import CuratedSchema, curated_text
from registry.folder import FolderRegistry
from tests.samples import taxi_artifacts as samples
from tests.samples.evaluator_inputs import evaluator_inputs
from tests.samples.registrations import submission

FRAMES = samples.assign(samples.rides().head(4000), seed=5)
BEAM = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--sdk_container_image=none"]
THRESHOLD = {"metric": "auc", "at_least": 0.1, "no_worse_than_blessed_by": 0.5}


class Runs:
    """Evaluates the same candidate beside what the registry has."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.registry = FolderRegistry(home / "registry")
        samples.write_examples(FRAMES, home / "examples")
        samples.write_model(home / "candidate", 0.5)
        statistics = {name: samples.statistics_of(frame) for name, frame in FRAMES.items()}
        (home / "schema.pbtxt").write_text(text_format.MessageToString(samples.proposed(statistics)))

    def register(self, model: str, weight: float = 0.6) -> str:
        """Registers a model that can be measured; returns its version."""
        folder = samples.write_model(self.home / f"{model}-{weight}", weight) / "Format-Serving"
        given = dataclasses.replace(submission(self.home / "other", model=model), saved_model=folder)
        return self.registry.register(given).version

    def change(
        self, registry: Path | None = None, waiver: dict[str, str] | None = None
    ) -> tuple[float | None, GateReport]:
        """The candidate's change of AUC beside the model to beat, and the verdict."""
        splits = {"split_names": '["train", "eval", "test"]'}
        examples = Importer(str(self.home / "examples"), standard_artifacts.Examples, properties=splits)
        model = Importer(str(self.home / "candidate"), standard_artifacts.Model).with_id("Trainer")
        schema = CuratedSchema(text=curated_text(str(self.home / "schema.pbtxt")))
        place = "" if registry is None else str(registry)
        champion = Champion(registry=place, workload="taxi", serving=str(self.home / "serving"), code="")
        evaluator = Evaluator(
            examples=examples.with_id("ExampleGen").outputs["result"],
            model=model.outputs["result"],
            baseline_model=champion.outputs["model"],
            schema=schema.outputs["schema"],
            config=evaluator_inputs(
                {"metrics": ["auc"], "thresholds": [THRESHOLD], "without_champion": waiver}, samples.LABEL
            ),
        )
        LocalDagRunner().run(
            Pipeline(
                "champion",
                str(self.home / "root"),
                components=[examples, model, schema, champion, evaluator],
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(self.home / "m.sqlite")),
                beam_pipeline_args=BEAM,
            )
        )
        newest = {key: self._newest(key) for key in ("evaluation", "report")}
        return read_evaluation(newest["evaluation"]).overall()["auc"].change, read_report(newest["report"])

    def _newest(self, key: str) -> str:
        return str(max((self.home / "root/Evaluator" / key).iterdir(), key=lambda path: int(path.name)))


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_the_production_version_of_this_workload_is_the_one_to_beat(runs: Runs) -> None:
    place = runs.home / "registry"
    version = runs.register("taxi")
    runs.register("bus", 0.7)
    runs.registry.deployed("bus", "1.0.0", "pushed-1")
    change, report = runs.change(place)
    assert change is None  # nothing of this workload is in production
    assert [skipped.check for skipped in report.checks_skipped] == ["threshold_change"]

    runs.registry.deployed("taxi", version, "pushed-1")
    change, report = runs.change(place)
    assert change is not None
    assert abs(change) < 0.5
    assert not report.checks_skipped


def test_without_a_registry_there_is_no_model_to_beat_until_one_was_pushed(runs: Runs) -> None:
    change, report = runs.change()
    assert change is None
    assert report.blessed

    (runs.home / "serving/7").mkdir(parents=True)
    change, report = runs.change()
    assert change is None
    [finding] = report.of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("threshold_change", "model to beat")
    assert finding.reason == (
        f"Version 7 in {runs.home}/serving was pushed before, and no registry holds its model; with `registry.enabled` "
        "those of the next pushes are kept."
    )
    assert "evaluator.without_champion" in finding.remedy


@pytest.mark.parametrize("how", ["altered", "gone"])
def test_a_version_that_cannot_be_had_refuses_until_a_person_waives_it(runs: Runs, how: str) -> None:
    version = runs.register("taxi")
    found = Path(runs.registry.deployed("taxi", version, "pushed-1").location)
    if how == "altered":
        (found / "model/saved_model.pb").write_bytes(b"another")
    else:
        shutil.rmtree(found)
    change, report = runs.change(runs.home / "registry")
    assert change is None
    [finding] = report.of(Severity.BLOCK)
    assert (finding.check, finding.subject) == ("threshold_change", "model to beat")
    assert {"altered": "saved_model.pb was altered", "gone": "is gone"}[how] in finding.reason

    change, report = runs.change(runs.home / "registry", {"reason": "the disk was lost", "expires": "2999-12-31"})
    assert change is None
    assert report.blessed
    [finding] = report.of(Severity.WARN)
    assert (finding.waiver, finding.waived_until) == ("the disk was lost", "2999-12-31")
