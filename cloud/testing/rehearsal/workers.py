"""Custom jobs and hyperparameter tuning jobs: each replica's container as a process of this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.processes import Container, ForkServer, Started, StoppedError, first_ended
from cloud.testing.rehearsal.failures import reason
from cloud.testing.rehearsal.tasks import Settings
from cloud.testing.vertex.names import last
from cloud.testing.vertex.runs import Run
from cloud.testing.vertex.store import now
from cloud.testing.vertex.trials import made_up_trials


class WorkerRun:
    """Carries a custom job or a tuning job out; the trials of a tuning job one after the other."""

    def __init__(self, run: Run, server: ForkServer, settings: Settings) -> None:
        self._run = run
        self._server = server
        self._settings = settings
        self._logs = settings.logs / last(run.name)
        self._group = Group()

    def stop(self) -> None:
        """Ends every replica."""
        self._group.stop()

    def carry_out(self) -> None:
        """Runs the job to its end."""
        self._run.set_state("RUNNING")
        job = self._run.job
        try:
            is_one = isinstance(job, types.CustomJob)
            error = self._replicas(job.job_spec, "", [], {}) if is_one else self._trials(job)
        except StoppedError:
            if self._run.state == "CANCELLING":
                self._run.set_state("CANCELLED")
            return
        self._run.set_state("FAILED" if error else "SUCCEEDED", error)

    def _trials(self, job: types.HyperparameterTuningJob) -> str:
        """Runs each trial with parameters spread over their bounds, which no optimiser has chosen; why all failed."""
        planned = made_up_trials(job)
        trials: list[types.Trial] = list(job.trials)
        error = ""
        for trial in planned[len(trials) :]:
            trial.state, trial.start_time, trial.end_time = types.Trial.State.ACTIVE, now(), None
            metric_file = self._logs / f"trial-{trial.id}.metrics"
            arguments = [f"--{each.parameter_id}={_shown(each.value)}" for each in trial.parameters]
            variables = {"CLOUD_ML_TRIAL_ID": trial.id, "CLOUD_ML_HP_METRIC_FILE": str(metric_file)}
            error = self._replicas(job.trial_job_spec, trial.id, arguments, variables)
            metrics = _reported(metric_file, [each.metric_id for each in job.study_spec.metrics])
            trials.append(_ended(trial, metrics, error))
            self._run.change(lambda changed: setattr(changed, "trials", trials))
        return (
            "" if any(each.state == types.Trial.State.SUCCEEDED for each in trials) else error or "No trial succeeded."
        )

    def _replicas(self, job: Any, trial: str, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
        """Runs every replica of every pool; why the job failed, empty when the chief has succeeded."""
        containers = []
        cluster = {
            f"workerpool{number}": [f"127.0.0.1:{_free_port()}" for _ in range(pool.replica_count)]
            for number, pool in enumerate(job.worker_pool_specs)
            if pool.replica_count
        }
        for number, pool in enumerate(job.worker_pool_specs):
            for index in range(pool.replica_count):
                command = [*pool.container_spec.command, *pool.container_spec.args, *arguments]
                if not pool.container_spec.command:
                    return "The container has no command; the image's own entry point is not known here."
                name = f"{f'trial-{trial}-' if trial else ''}workerpool{number}-{index}"
                log, folder = self._logs / f"{name}.log", self._settings.work / last(self._run.name) / name
                log.parent.mkdir(parents=True, exist_ok=True)
                folder.mkdir(parents=True, exist_ok=True)
                log.write_bytes(b"")
                environment = {each.name: each.value for each in pool.container_spec.env}
                given = self._variables(job, trial, cluster, f"workerpool{number}", index)
                all_variables = {**given, **variables, **environment, "HOME": str(folder)}
                containers.append(Container(command, folder, log, all_variables))
        failed = self._group.run(self._server, containers)
        return reason(failed[0].log, failed[1]) if failed else ""

    def _variables(
        self, job: Any, trial: str, cluster: Mapping[str, Sequence[str]], pool: str, index: int
    ) -> dict[str, str]:
        """What Vertex AI puts into the environment of a replica."""
        _, number, _, region, *_ = self._run.name.split("/")
        task = {"type": pool, "index": index, **({"trial": trial} if trial else {})}
        variables = {
            "CLOUD_ML_JOB_ID": last(self._run.name),
            "CLOUD_ML_PROJECT_ID": number,
            "CLOUD_ML_REGION": region,
            "CLUSTER_SPEC": json.dumps({"cluster": cluster, "environment": "cloud", "task": task}),
            "TF_CONFIG": _tf_config(cluster, pool, index),
        }
        base = job.base_output_directory.output_uri_prefix.rstrip("/")
        if base:
            root = f"{base}/{trial}" if trial else base
            variables["AIP_MODEL_DIR"] = f"{root}/model/"
            variables["AIP_CHECKPOINT_DIR"] = f"{root}/checkpoints/"
            variables["AIP_TENSORBOARD_LOG_DIR"] = f"{root}/logs/"
        if job.tensorboard:
            variables["AIP_TENSORBOARD_RESOURCE_NAME"] = job.tensorboard
        return variables


class Group:
    """Replicas that start and end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._running: list[Started] = []

    def stop(self) -> None:
        """Ends all of them; no other is started."""
        with self._lock:
            self._stopped = True
            for each in self._running:
                each.stop()

    def run(self, server: ForkServer, containers: Sequence[Container]) -> tuple[Container, int] | None:
        """Runs containers until the first one, the chief, has ended, or another has failed; the one that failed.

        Raises:
            StoppedError: they were ended.
        """
        with self._lock:
            if self._stopped:
                raise StoppedError
            self._running = [server.start(each) for each in containers]
        chief, *_ = self._running
        waiting = list(self._running)
        failed = None
        while chief in waiting and failed is None:
            for each in first_ended(waiting):
                waiting.remove(each)
                if status := each.wait():
                    failed = containers[self._running.index(each)], status
        for each in waiting:
            each.stop()
        with self._lock:
            self._running = []
            if self._stopped:
                raise StoppedError
        return failed


def _tf_config(cluster: Mapping[str, Sequence[str]], pool: str, index: int) -> str:
    """The same cluster in TensorFlow's words."""
    names = {"workerpool0": "chief", "workerpool1": "worker", "workerpool2": "ps", "workerpool3": "evaluator"}
    named = {names[key]: list(hosts) for key, hosts in cluster.items()}
    return json.dumps({"cluster": named, "task": {"type": names[pool], "index": index}})


def _ended(trial: types.Trial, metrics: Mapping[str, float], error: str) -> types.Trial:
    trial.end_time = now()
    trial.final_measurement = types.Measurement(
        metrics=[types.Measurement.Metric(metric_id=key, value=value) for key, value in metrics.items()]
    )
    if error or not metrics:
        trial.state = types.Trial.State.INFEASIBLE
        trial.infeasible_reason = error or "It reported no metric."
    else:
        trial.state = types.Trial.State.SUCCEEDED
    return trial


def _reported(path: Path, metrics: Sequence[str]) -> dict[str, float]:
    """The last value of each metric in a file that cloudml-hypertune has written; none unless all are there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found: dict[str, float] = {}
    for line in map(json.loads, lines):
        found |= {key: float(line[key]) for key in metrics if key in line}
    return found if set(metrics) <= found.keys() else {}


def _shown(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
