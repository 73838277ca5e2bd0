"""Runs the trials of a tuning job, and the replicas of a custom job, as processes of this machine, by the command of
their container."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1 import types

from cloud.testing.processes import Started
from cloud.testing.vertex.runs import Run
from cloud.testing.vertex.trials import made_up_trials
from tests.samples.warm_commands import ran_warm, started_warm


class ReplicaProcesses:
    """An executor for custom jobs: every replica of every pool at once; the job ends with the first replica."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def start(self, run: Run) -> None:
        threading.Thread(target=self._carry_out, args=(run,), daemon=True).start()

    def poll(self, run: Run) -> None: ...

    def cancel(self, run: Run) -> None: ...

    def _carry_out(self, run: Run) -> None:
        run.set_state("RUNNING")
        with tempfile.TemporaryDirectory(prefix="replicas-") as folder:
            code, printed = self._ended(run, Path(folder))
        last = (printed.strip() or "nothing").splitlines()[-1]
        run.set_state("FAILED" if code else "SUCCEEDED", last if code else "")

    def _ended(self, run: Run, folder: Path) -> tuple[int, str]:
        """The exit code of the first replica, and what it printed to standard error."""
        pools = run.job.job_spec.worker_pool_specs
        cluster = {
            f"workerpool{number}": [f"127.0.0.1:{free_port()}" for _ in range(pool.replica_count)]
            for number, pool in enumerate(pools)
        }
        first, *others = (
            self._started(pool, {"cluster": cluster, "task": {"type": f"workerpool{number}", "index": index}}, folder)
            for number, pool in enumerate(pools)
            for index in range(pool.replica_count)
        )
        code = first.wait()
        for other in others:
            other.stop()
            other.wait()
        return code, (folder / "workerpool0-0").read_text()

    def _started(self, pool: Any, place: Mapping[str, Any], folder: Path) -> Started:
        environment = {**self._environment, "CLUSTER_SPEC": json.dumps(place)}
        command = [sys.executable, *list(pool.container_spec.command)[1:]]
        errors = folder / f"{place['task']['type']}-{place['task']['index']}"
        return started_warm(command, environment, errors.with_suffix(".out"), errors)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class TrialProcesses:
    """An executor for tuning jobs: one trial after another, its metric as cloudml-hypertune has written it."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        self._environment = environment
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
        ran = ran_warm([sys.executable, *command[1:]], environment={**self._environment, **variables})
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
