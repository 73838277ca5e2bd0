"""The model to beat is the one in production in the registry, whatever became of the folder that it was trained in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator import constants
from tfx.orchestration import metadata
from tfx.types import Artifact, standard_artifacts

from gates.verdict.finding import Verdict
from pipeline.artifacts.absence import present
from pipeline.artifacts.blessings import Blessing, RegisteredModel
from pipeline.artifacts.missing import reason_missing
from pipeline.champion import ModelToBeat
from registry.contents import contents_of
from registry.folder import FolderRegistry
from serving.local.state import StateFile
from tests.samples.blessings import judge_as
from tests.samples.registrations import submission
from tests.samples.taxi_artifacts import artifact


@dataclass
class Site:
    """A metadata store, a registry and the models that runs trained."""

    home: Path
    store: MetadataStore
    models: list[Artifact] = field(default_factory=list)
    evaluations: list[Artifact] = field(default_factory=list)
    proofs: list[Artifact] = field(default_factory=list)

    @property
    def registry(self) -> FolderRegistry:
        return FolderRegistry(self.home / "registry")

    def train(self, weights: str, beside: Artifact | None = None, proven: bool = True) -> Artifact:
        """A model that the Evaluator blessed, in comparison with the one `beside`."""
        given = submission(self.home / weights, weights.encode())
        model = artifact(standard_artifacts.Model, self.home / "artifacts/Trainer" / weights)
        shutil.copytree(given.saved_model, Path(model.uri) / "Format-Serving")
        self.models.append(self._put(model))
        judged = [model] if beside is None else [model, beside]
        blessing = artifact(standard_artifacts.ModelBlessing, self.home / "evaluated" / weights)
        judge_as(blessing, Verdict.PASS, judged)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
        if beside is not None:
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, beside.id)
        self.evaluations.append(self._put(blessing))
        self.prove(model.uri, judged, proven)
        return model

    def prove(self, model_uri: str, judged: list[Artifact], proven: bool) -> None:
        """The verdict of a gate, on the model at this place or, by a gate of the data, on none."""
        proof = artifact(Blessing, self.home / "proven" / str(len(self.proofs)))
        judge_as(proof, Verdict.PASS if proven else Verdict.FAIL, judged)
        proof.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model_uri)
        self.proofs.append(self._put(proof))

    def push(self, model: Artifact) -> str:
        """Registers it, as the Registrar does in an execution of its own, and brings it to production."""
        weights = Path(model.uri).name
        found = self.registry.register(submission(self.home / weights, weights.encode()))
        registered = artifact(RegisteredModel, Path(found.location))
        for name in ("version", "digest", "model"):
            registered.set_string_custom_property(name, getattr(found, name))
        self._put(registered)
        kind = self.store.put_execution_type(metadata_store_pb2.ExecutionType(name="Registrar"))
        [execution] = self.store.put_executions([metadata_store_pb2.Execution(type_id=kind)])
        events = []
        for each, key, event_type in ((model, "model", "INPUT"), (registered, "registered", "OUTPUT")):
            event = metadata_store_pb2.Event(artifact_id=each.id, execution_id=execution)
            event.type = metadata_store_pb2.Event.Type.Value(event_type)
            event.path.steps.add(key=key)
            events.append(event)
        self.store.put_events(events)
        self.registry.deployed("taxi", found.version, f"pushed-{weights}")
        return found.version

    def to_beat(self, candidate: Artifact, registry: bool = True) -> list[Artifact]:
        """What the lookup gives."""
        place = str(self.registry.root) if registry else ""
        found = ModelToBeat(
            place, "taxi", str(self.home / "artifacts/lookup"), str(self.home / "serving/taxi")
        ).resolve_artifacts(
            self.store,
            {
                "candidate": [candidate],
                "model": self.models,
                "model_blessing": self.evaluations,
                "gate_blessing": self.proofs,
            },
        )
        return list(found["model"])

    def _put(self, made: Artifact) -> Artifact:
        made.type_id = self.store.put_artifact_type(made.artifact_type)
        made.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
        [made.id] = self.store.put_artifacts([made.mlmd_artifact])
        return made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(tmp_path / "m.sqlite"))) as handle:
        yield Site(tmp_path, handle.store)


def test_it_is_the_one_in_production_also_after_a_rollback(site: Site) -> None:
    first = site.train("first")
    number = site.push(first)
    second = site.train("second", beside=first)
    site.push(second)
    candidate = site.train("third")
    assert [each.id for each in site.to_beat(candidate)] == [second.id]
    site.registry.alias("taxi", number, "production")
    assert [each.id for each in site.to_beat(candidate)] == [first.id]


@pytest.mark.parametrize("how", ["gone", "altered", "never known"])
def test_it_is_taken_from_the_registry_when_its_folder_is_not_what_was_registered(site: Site, how: str) -> None:
    served = site.train("served")
    version = site.push(served)
    weights = next(Path(served.uri, "Format-Serving").rglob("*.data*"))
    if how == "altered":
        weights.write_bytes(b"worse")
    elif how == "gone":
        shutil.rmtree(served.uri)
    else:
        site.models.clear()
    [found] = site.to_beat(site.train("candidate"))
    assert found.id not in (served.id, 0)
    registered = Path(site.registry.find("taxi", version).location, "model")
    assert contents_of(Path(found.uri, "Format-Serving")) == contents_of(registered)
    # Again, and after the copy was altered, it is the same artifact: what was compared with it is reused.
    next(Path(found.uri, "Format-Serving").rglob("*.data*")).write_bytes(b"worse")
    [again] = site.to_beat(site.models[-1])
    assert (again.id, again.uri) == (found.id, found.uri)
    assert contents_of(Path(again.uri, "Format-Serving")) == contents_of(registered)


@pytest.mark.parametrize("how", ["gone", "altered"])
def test_a_version_in_production_that_is_not_what_was_registered_is_missing_with_the_reason(
    site: Site, how: str
) -> None:
    version = site.push(site.train("served"))
    location = Path(site.registry.find("taxi", version).location)
    if how == "gone":
        shutil.rmtree(location)
    else:
        (location / "model/saved_model.pb").write_bytes(b"worse")
    candidate = site.train("candidate")
    found = site.to_beat(candidate)
    assert present(found) == []
    assert f"taxi {version} is " in reason_missing(found)
    assert [each.id for each in site.to_beat(candidate)] == [found[0].id]


def test_a_candidate_that_is_in_production_itself_is_compared_as_when_it_was_blessed(site: Site) -> None:
    first = site.train("first")
    site.push(first)
    assert site.to_beat(first) == []
    second = site.train("second", beside=first)
    site.push(second)
    assert [each.id for each in site.to_beat(second)] == [first.id]
    shutil.rmtree(first.uri)
    assert site.to_beat(second) == []


@pytest.mark.parametrize("registry", [True, False])
def test_while_nothing_is_in_production_it_is_the_one_blessed_and_proven_last(site: Site, registry: bool) -> None:
    candidate = site.train("candidate")
    assert site.to_beat(candidate, registry) == []
    site.train("refused by the ModelGate", proven=False)
    assert site.to_beat(candidate, registry) == []
    old = site.train("old")
    site.train("refused too", proven=False)
    assert [each.id for each in site.to_beat(candidate, registry)] == [old.id]
    new = site.train("new")
    assert [each.id for each in site.to_beat(candidate, registry)] == [new.id]
    shutil.rmtree(new.uri)
    assert "new, is gone or not what was judged" in reason_missing(site.to_beat(candidate, registry))


def test_a_later_refusal_of_the_model_gate_takes_nothing_back(site: Site) -> None:
    candidate, proven = site.train("candidate"), site.train("proven")
    site.prove(proven.uri, [proven], proven=False)
    assert [each.id for each in site.to_beat(candidate, registry=False)] == [proven.id]


def test_the_verdict_of_a_gate_of_the_data_proves_no_model(site: Site) -> None:
    candidate, refused = site.train("candidate"), site.train("refused", proven=False)
    site.prove("", [refused], proven=True)
    assert site.to_beat(candidate, registry=False) == []


def test_a_blessing_of_an_older_sluice_is_no_reason_to_call_its_model_gone(site: Site) -> None:
    site.train("old")
    site.proofs[-1].set_string_custom_property("judged", "")
    candidate = site.train("candidate")
    reason = reason_missing(site.to_beat(candidate, registry=False))
    assert "old, may be another now: its blessing, by an older Sluice, has no hashes." in reason
    assert "gone" not in reason


@pytest.mark.parametrize("registry", [True, False])
def test_a_pushed_version_of_which_no_record_is_left_is_missing_with_the_reason(site: Site, registry: bool) -> None:
    candidate = site.train("candidate")
    shutil.copytree(site.home / "candidate", site.home / "serving/taxi/7")
    (site.home / "serving/taxi/7/saved_model.pb").write_bytes(b"of a lost run")
    found = site.to_beat(candidate, registry)
    assert present(found) == []
    assert f"Version 7 in {site.home}/serving/taxi was pushed before, and neither" in reason_missing(found)
    assert [each.id for each in site.to_beat(candidate, registry)] == [found[0].id]
    known = site.train("known")
    assert [each.id for each in site.to_beat(candidate, registry)] == [known.id]


def test_a_candidate_that_was_pushed_itself_has_nothing_to_beat(site: Site) -> None:
    candidate = site.train("candidate")
    shutil.copytree(Path(candidate.uri, "Format-Serving"), site.home / "serving/taxi/7")
    assert site.to_beat(candidate, registry=False) == []


def test_a_version_that_a_rollout_took_back_is_not_the_one_to_beat(site: Site) -> None:
    candidate = site.train("candidate")
    (site.home / "serving/taxi/7").mkdir(parents=True)
    (site.home / "serving/taxi/7/saved_model.pb").write_bytes(b"of a lost run")
    StateFile(site.home / "serving/taxi", "taxi").set_aside("7", True)
    assert site.to_beat(candidate, registry=False) == []
