"""`run.json`: the record for CI systems and scripts. Written whole or not at all."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class ComponentRecord(BaseModel):
    """One component of the pipeline in this run."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    seconds: float
    state: Literal["ran", "reused", "skipped", "failed"]


class RolloutStepRecord(BaseModel):
    """One step of a rollout that has ended: when (UTC), with which share of the requests in percent, how and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at: str
    step: str
    share: int
    outcome: Literal["passed", "failed", "undecided", "approved"]
    reason: str
    compared: list[str]  # each quantity of the new version with that of the one before, in words


class RolloutRecord(BaseModel):
    """How a pushed version got the traffic of the endpoint, or why not."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    previous: str | None  # that had the traffic before
    step: str  # the one that it is in: "canary", "done", "rolled back", …
    steps: list[RolloutStepRecord]


class Effort(BaseModel):
    """The settings that decide how long training and search take."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str  # its module
    share: float  # of the rows of each split
    epochs: int  # of the training, at most; with few rows more, where the configuration leaves it open
    max_steps: int | None = None  # gradient steps of the training at most, whatever the epochs say
    epochs_run: int | None = None  # what it took; None: nobody counted
    trials: int | None = None  # of the search, at most; None: there was none
    trial_epochs: int | None = None  # of each of them


class RunRecord(BaseModel):
    """The facts of one run; `gates` holds GateReports as `GateReport.to_json` gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    run_id: str
    workload: str
    outcome: Literal["pushed", "refused", "undecided", "failed", "stopped"]
    exit_code: int
    reason: str  # one sentence: the reason of the outcome
    pushed_version: str | None
    pushed_to: str | None
    registered_version: str | None = None  # in the model registry, "1.2.0"
    vertex_model: str | None = None  # in Vertex AI Model Registry: projects/…/models/sluice-taxi-prod@3
    rollout: RolloutRecord | None = None  # None: nothing was rolled out
    notification: str | None = None  # why the webhook did not take the outcome, in one sentence
    components: list[ComponentRecord]
    gates: list[dict[str, Any]]
    metrics: dict[str, Any]  # {"overall": {"n", "auc", "auc_lower", …}, "slices": [{"slice", "n", "auc", …}]}
    rows: dict[str, int]  # {"train", "eval", "test"}
    seconds: float
    peak_memory_bytes: int | None  # None: of a run in the cloud, whose tasks are on machines of their own
    seed: int
    data_fingerprint: str | None
    git_commit: str | None
    lock_hash: str | None
    sluice_version: str | None = None  # None: of a run from before it was recorded
    effort: Effort | None = None  # None: of a run from before it was recorded
