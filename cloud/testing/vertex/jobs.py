"""Custom jobs, hyperparameter tuning jobs and the monitoring of deployed models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.cloud.aiplatform_v1 import types
from google.protobuf import empty_pb2

from cloud.machines import check_machine
from cloud.testing.vertex.job_collection import JobCollection
from cloud.testing.vertex.names import region_of
from cloud.testing.vertex.service import Backend, Service
from cloud.testing.vertex.store import Collection
from cloud.testing.vertex.validation import NOT_SET, Violation, invalid_argument
from core.errors import SluiceError


class JobService(Service):
    """`customJobs`, `hyperparameterTuningJobs`, `modelDeploymentMonitoringJobs`."""

    name = "JobService"

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.custom = JobCollection(backend, "customJobs", types.CustomJob)
        self.tuning = JobCollection(backend, "hyperparameterTuningJobs", types.HyperparameterTuningJob)
        self.monitoring = Collection(backend.store, "modelDeploymentMonitoringJobs", types.ModelDeploymentMonitoringJob)

    def create_custom_job(self, request: Any) -> Any:
        """Starts a custom job."""
        _refuse(job_spec_violations(request.custom_job.job_spec, "custom_job.job_spec", region_of(request.parent)))
        return self.custom.create(request.parent, request.custom_job)

    def get_custom_job(self, request: Any) -> Any:
        """A custom job; asking moves it on."""
        return self.custom.poll(request.name)

    def list_custom_jobs(self, request: Any) -> Any:
        """A page of custom jobs."""
        return self.custom.jobs.list(request, types.ListCustomJobsResponse)

    def cancel_custom_job(self, request: Any) -> Any:
        """Requests the end."""
        self.custom.cancel(request.name)
        return empty_pb2.Empty()

    def delete_custom_job(self, request: Any) -> Any:
        """Deletes a job that has ended."""
        return self.custom.delete(request.name)

    def create_hyperparameter_tuning_job(self, request: Any) -> Any:
        """Starts a tuning job; its trials are the executor's."""
        _refuse(_tuning_violations(request.hyperparameter_tuning_job, region_of(request.parent)))
        return self.tuning.create(request.parent, request.hyperparameter_tuning_job)

    def get_hyperparameter_tuning_job(self, request: Any) -> Any:
        """A tuning job; asking moves it on."""
        return self.tuning.poll(request.name)

    def list_hyperparameter_tuning_jobs(self, request: Any) -> Any:
        """A page of tuning jobs."""
        return self.tuning.jobs.list(request, types.ListHyperparameterTuningJobsResponse)

    def cancel_hyperparameter_tuning_job(self, request: Any) -> Any:
        """Requests the end."""
        self.tuning.cancel(request.name)
        return empty_pb2.Empty()

    def delete_hyperparameter_tuning_job(self, request: Any) -> Any:
        """Deletes a job that has ended."""
        return self.tuning.delete(request.name)

    def create_model_deployment_monitoring_job(self, request: Any) -> Any:
        """Keeps a monitoring job as running; nothing is monitored."""
        job = request.model_deployment_monitoring_job
        job.endpoint = self.store.names.canonical(job.endpoint)
        job.state = types.JobState.JOB_STATE_RUNNING
        return self.monitoring.add(request.parent, job)

    def get_model_deployment_monitoring_job(self, request: Any) -> Any:
        """A monitoring job."""
        return self.monitoring.get(request.name)

    def list_model_deployment_monitoring_jobs(self, request: Any) -> Any:
        """A page of monitoring jobs."""
        return self.monitoring.list(request, types.ListModelDeploymentMonitoringJobsResponse)

    def pause_model_deployment_monitoring_job(self, request: Any) -> Any:
        """Pauses a monitoring job."""
        return self._set_monitoring(request.name, types.JobState.JOB_STATE_PAUSED)

    def resume_model_deployment_monitoring_job(self, request: Any) -> Any:
        """Resumes a monitoring job."""
        return self._set_monitoring(request.name, types.JobState.JOB_STATE_RUNNING)

    def delete_model_deployment_monitoring_job(self, request: Any) -> Any:
        """Deletes a monitoring job."""
        found = self.monitoring.delete(request.name)
        return self.operations.start(found.name, None, types.DeleteOperationMetadata)

    def _set_monitoring(self, name: str, state: Any) -> Any:
        job = self.monitoring.get(name)
        job.state = state
        self.monitoring.keep(job)
        return empty_pb2.Empty()


def job_spec_violations(specification: Any, path: str, region: str) -> Iterator[Violation]:
    """What is wrong with the workers of a job, machines that do not carry their accelerators included."""
    if not specification.worker_pool_specs:
        yield f"{path}.worker_pool_specs", NOT_SET
    for number, pool in enumerate(specification.worker_pool_specs):
        here = f"{path}.worker_pool_specs[{number}]"
        if number == 0 and pool.replica_count != 1:
            yield f"{here}.replica_count", "The first worker pool, the chief's, has exactly one replica."
        # Later pools may be left out by an empty place in the list.
        if pool.replica_count:
            yield from _pool_violations(pool, here)
            yield from _machine_violations(pool.machine_spec, f"{here}.machine_spec", region, specification.scheduling)


def _pool_violations(pool: Any, path: str) -> Iterator[Violation]:
    machine = pool.machine_spec
    if not machine.machine_type:
        yield f"{path}.machine_spec.machine_type", NOT_SET
    if bool(machine.accelerator_type) != bool(machine.accelerator_count):
        text = "Both accelerator_type and accelerator_count should be specified or none."
        yield f"{path}.machine_spec.accelerator_count", text
    if ("container_spec" in pool) == ("python_package_spec" in pool):
        yield path, "Either container_spec or python_package_spec is required."


def _machine_violations(machine: Any, path: str, region: str, scheduling: Any) -> Iterator[Violation]:
    """Whether the machine exists in the region, with its accelerators; the service words it in its own way."""
    if not machine.machine_type or bool(machine.accelerator_type) != bool(machine.accelerator_count):
        return
    strategy = scheduling.strategy.name.lower()
    accelerator = machine.accelerator_type.name if machine.accelerator_type else None
    try:
        check_machine(
            machine.machine_type,
            accelerator,
            machine.accelerator_count,
            region,
            strategy if strategy in ("spot", "flex_start") else "standard",
        )
    except SluiceError as problem:
        yield f"{path}.machine_type", problem.headline


def _tuning_violations(job: Any, region: str) -> Iterator[Violation]:
    path = "hyperparameter_tuning_job"
    yield from job_spec_violations(job.trial_job_spec, f"{path}.trial_job_spec", region)
    for field in ("max_trial_count", "parallel_trial_count"):
        if getattr(job, field) < 1:
            yield f"{path}.{field}", "It must be at least 1."
    if job.parallel_trial_count > job.max_trial_count:
        yield f"{path}.parallel_trial_count", "It must not be larger than max_trial_count."
    for number, metric in enumerate(job.study_spec.metrics):
        if not metric.goal:
            yield f"{path}.study_spec.metrics[{number}].goal", NOT_SET
    for number, parameter in enumerate(job.study_spec.parameters):
        here = f"{path}.study_spec.parameters[{number}]"
        yield from _parameter_violations(parameter, here)
        if job.study_spec.algorithm == types.StudySpec.Algorithm.GRID_SEARCH and "double_value_spec" in parameter:
            yield here, "A grid search has no continuous parameters."


def _parameter_violations(parameter: Any, path: str) -> Iterator[Violation]:
    kinds = ("double_value_spec", "integer_value_spec", "categorical_value_spec", "discrete_value_spec")
    given = [kind for kind in kinds if kind in parameter]
    if not given:
        yield path, "One of the value specifications is required."
    for kind in set(given) & {"double_value_spec", "integer_value_spec"}:
        bounds = getattr(parameter, kind)
        if bounds.min_value >= bounds.max_value:
            yield f"{path}.{kind}.max_value", "It must be larger than min_value."
        is_log = parameter.scale_type == types.StudySpec.ParameterSpec.ScaleType.UNIT_LOG_SCALE
        if is_log and bounds.min_value <= 0:
            yield f"{path}.{kind}.min_value", "On a logarithmic scale it must be positive."
    if "discrete_value_spec" in parameter:
        values = list(parameter.discrete_value_spec.values)
        if values != sorted(set(values)):
            yield f"{path}.discrete_value_spec.values", "The values must increase."


def _refuse(violations: Iterator[Violation]) -> None:
    found = list(violations)
    if found:
        raise invalid_argument(found)
