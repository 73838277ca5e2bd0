"""TensorBoard instances with their experiments, runs and time series."""

from __future__ import annotations

from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection

ID = r"[a-z0-9][a-z0-9-]{0,127}"


class TensorboardService(Service):
    """`tensorboards`, and below them `experiments`, `runs` and `timeSeries`."""

    name = "TensorboardService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.tensorboards = Collection(backend.store, "tensorboards", types.Tensorboard)
        self.experiments = Collection(backend.store, "experiments", types.TensorboardExperiment, ID)
        self.runs = Collection(backend.store, "runs", types.TensorboardRun, ID)
        self.series = Collection(backend.store, "timeSeries", types.TensorboardTimeSeries)
        self.points: dict[str, list[Any]] = {}

    def create_tensorboard(self, request: Any) -> Any:
        """An instance."""
        made = self.tensorboards.add(request.parent, request.tensorboard)
        return self.operations.start(made.name, made, types.CreateTensorboardOperationMetadata)

    def get_tensorboard(self, request: Any) -> Any:
        """An instance."""
        return self.tensorboards.get(request.name)

    def list_tensorboards(self, request: Any) -> Any:
        """A page of instances."""
        return self.tensorboards.list(request, types.ListTensorboardsResponse)

    def update_tensorboard(self, request: Any) -> Any:
        """Changes what the mask names."""
        changed = self.tensorboards.update(request.tensorboard, request.update_mask)
        return self.operations.start(changed.name, changed, types.UpdateTensorboardOperationMetadata)

    def delete_tensorboard(self, request: Any) -> Any:
        """Deletes an instance with all that it holds."""
        found = self.tensorboards.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)

    def create_tensorboard_experiment(self, request: Any) -> Any:
        """An experiment."""
        self.tensorboards.get(request.parent)
        return self.experiments.add(request.parent, request.tensorboard_experiment, request.tensorboard_experiment_id)

    def get_tensorboard_experiment(self, request: Any) -> Any:
        """An experiment."""
        return self.experiments.get(request.name)

    def list_tensorboard_experiments(self, request: Any) -> Any:
        """A page of experiments."""
        return self.experiments.list(request, types.ListTensorboardExperimentsResponse)

    def delete_tensorboard_experiment(self, request: Any) -> Any:
        """Deletes an experiment with its runs."""
        found = self.experiments.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)

    def create_tensorboard_run(self, request: Any) -> Any:
        """A run."""
        self.experiments.get(request.parent)
        return self.runs.add(request.parent, request.tensorboard_run, request.tensorboard_run_id)

    def batch_create_tensorboard_runs(self, request: Any) -> Any:
        """Several runs."""
        made = [self.create_tensorboard_run(each) for each in request.requests]
        return types.BatchCreateTensorboardRunsResponse(tensorboard_runs=made)

    def get_tensorboard_run(self, request: Any) -> Any:
        """A run."""
        return self.runs.get(request.name)

    def list_tensorboard_runs(self, request: Any) -> Any:
        """A page of runs."""
        return self.runs.list(request, types.ListTensorboardRunsResponse)

    def create_tensorboard_time_series(self, request: Any) -> Any:
        """A time series of a run."""
        self.runs.get(request.parent)
        return self.series.add(request.parent, request.tensorboard_time_series)

    def batch_create_tensorboard_time_series(self, request: Any) -> Any:
        """Several time series."""
        made = [self.create_tensorboard_time_series(each) for each in request.requests]
        return types.BatchCreateTensorboardTimeSeriesResponse(tensorboard_time_series=made)

    def get_tensorboard_time_series(self, request: Any) -> Any:
        """A time series, without its points."""
        return self.series.get(request.name)

    def list_tensorboard_time_series(self, request: Any) -> Any:
        """A page of time series."""
        return self.series.list(request, types.ListTensorboardTimeSeriesResponse)

    def write_tensorboard_run_data(self, request: Any) -> Any:
        """Adds points to time series of a run."""
        run = self.runs.get(request.tensorboard_run)
        for each in request.time_series_data:
            series = self.series.get(f"{run.name}/timeSeries/{each.tensorboard_time_series_id}")
            self.points.setdefault(series.name, []).extend(each.values)
        return types.WriteTensorboardRunDataResponse()

    def write_tensorboard_experiment_data(self, request: Any) -> Any:
        """Adds points to time series of several runs."""
        for each in request.write_run_data_requests:
            self.write_tensorboard_run_data(each)
        return types.WriteTensorboardExperimentDataResponse()

    def read_tensorboard_time_series_data(self, request: Any) -> Any:
        """The points of a time series."""
        return types.ReadTensorboardTimeSeriesDataResponse(
            time_series_data=self._data(self.series.get(request.tensorboard_time_series))
        )

    def batch_read_tensorboard_time_series_data(self, request: Any) -> Any:
        """The points of several time series."""
        data = [self._data(self.series.get(name)) for name in request.time_series]
        return types.BatchReadTensorboardTimeSeriesDataResponse(time_series_data=data)

    def _data(self, series: Any) -> Any:
        return types.TimeSeriesData(
            tensorboard_time_series_id=series.name.rpartition("/")[2],
            value_type=series.value_type,
            values=self.points.get(series.name, []),
        )
