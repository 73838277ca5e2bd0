"""What Vertex AI promises of experiments and TensorBoard, over REST and gRPC, locally and with `-m gcp`."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform
from google.cloud.aiplatform.metadata import metadata
from google.cloud.aiplatform_v1 import types

from cloud.client_messages import register_client_messages
from cloud.testing.cloud import LocalCloud


class ExperimentsContract(ABC):
    """Subclasses give `experiment`, a name that is free, and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def experiment(self) -> Iterator[str]: ...

    def test_parameters_and_metrics_of_a_run_are_read_back(self, experiment: str) -> None:
        aiplatform.init(experiment=experiment, experiment_tensorboard=False)
        for number, auc in ((1, 0.8), (2, 0.9)):
            with aiplatform.start_run(f"run-{number}"):
                aiplatform.log_params({"learning_rate": 0.01 * number, "optimizer": "adam"})
                aiplatform.log_metrics({"auc": auc})
        table = aiplatform.get_experiment_df(experiment).set_index("run_name").sort_index()
        assert list(table["metric.auc"]) == [0.8, 0.9]
        assert list(table["param.learning_rate"]) == [0.01, 0.02]
        assert set(table["state"]) == {"COMPLETE"}

    def test_a_run_of_an_earlier_process_is_resumed(self, experiment: str) -> None:
        aiplatform.init(experiment=experiment, experiment_tensorboard=False)
        with aiplatform.start_run("run"):
            aiplatform.log_params({"seed": 1})
        with aiplatform.start_run("run", resume=True) as run:
            aiplatform.log_metrics({"auc": 0.7})
        assert run.get_params() == {"seed": 1}
        assert run.get_metrics() == {"auc": 0.7}

    def test_an_artifact_knows_the_execution_that_read_it(self, experiment: str) -> None:
        aiplatform.init(experiment=experiment, experiment_tensorboard=False)
        with aiplatform.start_run("run"):
            with aiplatform.start_execution(
                schema_title="system.ContainerExecution", display_name="train"
            ) as execution:
                data = aiplatform.Artifact.create(schema_title="system.Dataset", display_name="d", uri="gs://b/data")
                execution.assign_input_artifacts([data])
            assert [each.resource_name for each in execution.get_input_artifacts()] == [data.resource_name]
        data.delete()

    def test_no_default_tensorboard_is_made_unasked(self, experiment: str) -> None:
        before = {each.resource_name for each in aiplatform.Tensorboard.list()}
        aiplatform.init(experiment=experiment, experiment_tensorboard=False)
        with aiplatform.start_run("run"):
            aiplatform.log_metrics({"auc": 0.5})
        assert {each.resource_name for each in aiplatform.Tensorboard.list()} == before

    def test_refuses_a_context_that_belongs_nowhere(self, experiment: str) -> None:
        client = aiplatform.Context._instantiate_client()
        # Over REST the client itself finds no path for it.
        with pytest.raises((exceptions.BadRequest, exceptions.NotFound, ValueError)):
            client.create_context(parent="metadataStores/default", context=types.Context(display_name="x"))


class LocalExperimentsContract(ExperimentsContract):
    """Time series, which on the real service need a TensorBoard instance that costs money."""

    transport: str

    @pytest.fixture
    def experiment(self, cloud: LocalCloud) -> Iterator[str]:
        aiplatform.init(project=cloud.project, location="us-central1", api_transport=self.transport)
        yield f"sluice-{uuid.uuid4().hex[:8]}"
        metadata._experiment_tracker.reset()

    def test_a_time_series_is_read_back_point_by_point(self, experiment: str) -> None:
        board = aiplatform.Tensorboard.create(display_name="losses")
        aiplatform.init(experiment=experiment, experiment_tensorboard=board)
        with aiplatform.start_run("run") as run:
            for step, loss in enumerate((1.0, 0.5, 0.25)):
                aiplatform.log_time_series_metrics({"loss": loss}, step=step)
        table = run.get_time_series_data_frame()
        assert list(table["step"]) == [0, 1, 2]
        assert list(table["loss"]) == [1.0, 0.5, 0.25]
        board.delete()


class TestLocalExperimentsByGrpc(LocalExperimentsContract):
    transport = "grpc"


class TestLocalExperimentsByRest(LocalExperimentsContract):
    transport = "rest"


@pytest.mark.gcp
@pytest.mark.parametrize("transport", ["grpc", "rest"])
class TestRealExperiments(ExperimentsContract):
    @pytest.fixture
    def experiment(self, gcp, transport: str) -> Iterator[str]:
        register_client_messages()
        aiplatform.init(project=gcp.project, location=gcp.region, api_transport=transport)
        name = f"sluice-{uuid.uuid4().hex[:8]}"
        yield name
        aiplatform.Experiment(name).delete()
        metadata._experiment_tracker.reset()
