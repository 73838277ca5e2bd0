"""A pipeline job that passes every check of the preflight, and the local cloud in which it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from google.cloud import storage

from cloud.preflight.outcome import PreflightResult
from cloud.preflight.plan import MachineDemand, Plan
from cloud.testing.cloud import LocalCloud
from cloud.testing.services.quotas import Quota

PROJECT = "local-project"
REGION = "europe-west4"
ACCOUNT = f"sluice@{PROJECT}.iam.gserviceaccount.com"
REPOSITORY = f"{REGION}-docker.pkg.dev/{PROJECT}/sluice"
DIGEST = "sha256:" + "ab" * 32
TRAINER = MachineDemand("the Trainer", "g2-standard-12", "NVIDIA_L4", 1, REGION)
PLAN = Plan(
    project=PROJECT,
    region=REGION,
    bucket="preflight",
    image=f"{REPOSITORY}/jobs/sluice:v1",
    job_id="taxi-1",
    code="c0de",
    service_account=ACCOUNT,
    dataflow_region=REGION,
    machines=(TRAINER,),
    today=date(2026, 11, 29),
)
L4 = Quota(
    "CustomModelTrainingL4GPUsPerProjectPerRegion",
    "custom_model_training_nvidia_l4_gpus",
    limits={REGION: 4, "us-central1": 0},
    used={REGION: 1},
)
SPOT = Quota(
    "CustomModelTrainingPreemptibleL4GPUsPerProjectPerRegion",
    "custom_model_training_preemptible_nvidia_l4_gpus",
    limits={REGION: 0},
)


@contextmanager
def ready_cloud() -> Iterator[LocalCloud]:
    """A local cloud of its own in which `PLAN` passes, with this process's clients led to it."""
    with LocalCloud(PROJECT) as cloud, cloud.applied():
        storage.Client().create_bucket(PLAN.bucket, location=REGION)
        cloud.identity.accounts.add(ACCOUNT)
        cloud.images.add(f"{REPOSITORY}/jobs/sluice", "v1", DIGEST, labels={"sluice.code": "c0de"})
        cloud.quotas.add(L4)
        cloud.quotas.add(SPOT)
        yield cloud


def only_failure(result: PreflightResult) -> str:
    """The name of the one check that failed."""
    [(row, _)] = result.failures
    return row.check
