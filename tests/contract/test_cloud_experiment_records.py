"""What a run writes into Vertex AI Experiments, with the real client over gRPC and REST, locally and with `-m gcp`."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform

from cloud.calls import Patience
from cloud.experiments import record_run
from cloud.place import Place
from cloud.testing.cloud import LocalCloud
from core.errors import ExitCode, SluiceError

REGION = "europe-west4"
PARAMETERS = {"learning_rate": 0.01, "seed": 7, "data_fingerprint": "c0ffee", "git_commit": "1234-dirty", "none": None}
METRICS = {"auc": 0.91, "loss": 0.25, "unknown": None}
QUICK = Patience(one_try=20, first_wait=0.01, longest_wait=0.02, altogether=20)


class ExperimentRecordsContract(ABC):
    """Subclasses give the `place` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def place(self) -> Place: ...

    @pytest.fixture
    def experiment(self, place: Place) -> Iterator[str]:
        name = f"sluice-{uuid.uuid4().hex[:8]}"
        yield name
        if found := aiplatform.Experiment.get(name, project=place.project, location=place.region):
            found.delete()

    def run_of(self, experiment: str, place: Place) -> aiplatform.ExperimentRun:
        return aiplatform.ExperimentRun("taxi-1", experiment, project=place.project, location=place.region)

    def test_parameters_and_metrics_are_read_back(self, place: Place, experiment: str) -> None:
        record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS)
        run = self.run_of(experiment, place)
        assert run.get_params() == {key: value for key, value in PARAMETERS.items() if value is not None}
        assert run.get_metrics() == {"auc": 0.91, "loss": 0.25}
        assert run.state == aiplatform.gapic.Execution.State.COMPLETE

    def test_a_retry_writes_over_what_the_first_try_wrote(self, place: Place, experiment: str) -> None:
        record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, {"auc": 0.1})
        record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS)
        runs = aiplatform.ExperimentRun.list(experiment=experiment, project=place.project, location=place.region)
        assert [run.name for run in runs] == ["taxi-1"]
        assert self.run_of(experiment, place).get_metrics()["auc"] == 0.91

    def test_no_tensorboard_is_made_unasked(self, place: Place, experiment: str) -> None:
        def boards() -> set[str]:
            found = aiplatform.Tensorboard.list(project=place.project, location=place.region)
            return {each.resource_name for each in found}

        before = boards()
        record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS)
        assert boards() == before

    def test_a_tensorboard_that_is_not_there_is_refused(self, place: Place, experiment: str) -> None:
        with pytest.raises(SluiceError) as caught:
            record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS, "4711")
        assert caught.value.headline == f"there is no TensorBoard 4711 in {place}."
        assert "gcloud ai tensorboards list" in caught.value.next_command
        assert caught.value.exit_code == ExitCode.UNUSABLE


class LocalExperimentRecordsContract(ExperimentRecordsContract):
    """What costs money on the real service, or needs one that fails on purpose."""

    transport: str

    @pytest.fixture
    def place(self, cloud: LocalCloud) -> Place:
        aiplatform.init(project=cloud.project, location="us-central1", api_transport=self.transport)
        return Place(cloud.project, REGION)

    @pytest.fixture
    def board(self, place: Place) -> Iterator[aiplatform.Tensorboard]:
        made = aiplatform.Tensorboard.create(display_name="ours", project=place.project, location=place.region)
        yield made
        made.delete()

    def test_a_named_tensorboard_backs_the_run_and_no_other_is_made(
        self, place: Place, board: aiplatform.Tensorboard, experiment: str
    ) -> None:
        for _ in range(2):
            record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS, board.resource_name)
        backing = self.run_of(experiment, place)._lookup_tensorboard_run_artifact()
        assert backing.resource.resource_name.startswith(f"{board.resource_name}/")
        found = aiplatform.Tensorboard.list(project=place.project, location=place.region)
        assert [each.resource_name for each in found] == [board.resource_name]

    def test_an_outage_halfway_is_sat_out(self, place: Place, experiment: str, cloud: LocalCloud) -> None:
        away = exceptions.ServiceUnavailable("Try again.")
        cloud.faults.fail_next(away, "MetadataService.UpdateContext")
        record_run(place.project, place.region, experiment, "taxi-1", PARAMETERS, METRICS, patience=QUICK)
        assert self.run_of(experiment, place).get_metrics() == {"auc": 0.91, "loss": 0.25}


class TestExperimentRecordsByGrpc(LocalExperimentRecordsContract):
    transport = "grpc"


class TestExperimentRecordsByRest(LocalExperimentRecordsContract):
    transport = "rest"


@pytest.mark.gcp
class TestRealExperimentRecords(ExperimentRecordsContract):
    @pytest.fixture
    def place(self, gcp) -> Place:
        return Place(gcp.project, gcp.region)
