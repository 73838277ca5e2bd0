"""Runs the trials of a tuning job, and the replicas of a custom job, as processes of this machine, by the command of
their container."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.vertex.runs import Run
from cloud.testing.vertex.trials import made_up_trials
from tests.samples.folders import ROOT


class ReplicaProcesses:
    """An executor for custom jobs: every replica of every pool at once; the job ends with the first replica."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}

    def start(self, run: Run) -> None:
        threading.Thread(target=self._carry_out, args=(run,), daemon=True).start()

    def poll(self, run: Run) -> None: ...

    def cancel(self, run: Run) -> None: ...

    def _carry_out(self, run: Run) -> None:
        run.set_state("RUNNING")
        pools = run.job.job_spec.worker_pool_specs
        cluster = {
            f"workerpool{number}": [f"127.0.0.1:{free_port()}" for _ in range(pool.replica_count)]
            for number, pool in enumerate(pools)
        }
        replicas = [
            self._started(pool, {"cluster": cluster, "task": {"type": f"workerpool{number}", "index": index}})
            for number, pool in enumerate(pools)
            for index in range(pool.replica_count)
        ]
        _, printed = replicas[0].communicate()
        for other in replicas[1:]:
            other.kill()
            other.wait()
        last = (printed.strip() or "nothing").splitlines()[-1]
        run.set_state("FAILED" if replicas[0].returncode else "SUCCEEDED", last if replicas[0].returncode else "")

    def _started(self, pool: Any, place: Mapping[str, Any]) -> subprocess.Popen[str]:
        environment = {**self._environment, "CLUSTER_SPEC": json.dumps(place)}
        command = [sys.executable, *list(pool.container_spec.command)[1:]]
        return subprocess.Popen(command, env=environment, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class TrialProcesses:
    """An executor for tuning jobs: one trial after another, its metric as cloudml-hypertune has written it."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        self._home = home
        self.commands: list[list[str]] = []

    def start(self, run: Run) -> None:
        threading.Thread(target=self._carry_out, args=(run,), daemon=True).start()

    def poll(self, run: Run) -> None: ...

    def cancel(self, run: Run) -> None: ...

    def _carry_out(self, run: Run) -> None:
        run.set_state("RUNNING")
        trials = [self._ended(run.job, trial) for trial in made_up_trials(run.job)]
        run.change(lambda job: setattr(job, "trials", trials))
        run.set_state("SUCCEEDED")

    def _ended(self, job: Any, trial: types.Trial) -> types.Trial:
        container = job.trial_job_spec.worker_pool_specs[0].container_spec
        chosen = [f"--{each.parameter_id}={each.value}" for each in trial.parameters]
        command = [*container.command, *container.args, *chosen]
        self.commands.append(command)
        metrics = self._home / f"trial-{trial.id}" / "output.metrics"
        variables = {"CLOUD_ML_TRIAL_ID": trial.id, "CLOUD_ML_HP_METRIC_FILE": str(metrics)}
        ran = subprocess.run(
            [sys.executable, *command[1:]], env={**self._environment, **variables}, capture_output=True, text=True
        )
        name = job.study_spec.metrics[0].metric_id
        reported = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.exists() else []
        if ran.returncode or not reported:
            trial.state, trial.final_measurement = types.Trial.State.INFEASIBLE, None
            trial.infeasible_reason = (ran.stderr.strip() or "no metric").splitlines()[-1]
            return trial
        best = min(float(line[name]) for line in reported)
        metric = types.Measurement.Metric(metric_id=name, value=best)
        trial.final_measurement = types.Measurement(step_count=len(reported), metrics=[metric])
        return trial
