"""Makes every check, the ones that ask the cloud at the same time, and gathers the rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from google.auth.credentials import Credentials

from cloud.google_api import PATIENCE_SECONDS, GoogleApi
from cloud.preflight.accelerators import machines
from cloud.preflight.access import (
    apis,
    right_to_act_as,
    rights_in_bucket,
    rights_in_project,
    rights_of_the_endpoint,
    rights_of_the_pipeline,
)
from cloud.preflight.check import Caller, Check
from cloud.preflight.credentials import find_credentials, member_of
from cloud.preflight.images import code, image, serving_image
from cloud.preflight.outcome import Failed, Outcome, Passed, PreflightResult, Row
from cloud.preflight.places import bucket, job_name, region
from cloud.preflight.plan import Plan
from cloud.preflight.price_file import prices
from cloud.preflight.quota import gpu_quota
from cloud.preflight.serving_quota import serving_quota
from core.errors import SluiceError

# In the order of the table, after the row of the credentials.
CHECKS: tuple[Check, ...] = (
    region,
    apis,
    bucket,
    rights_in_project,
    rights_in_bucket,
    right_to_act_as,
    rights_of_the_pipeline,
    rights_of_the_endpoint,
    image,
    code,
    serving_image,
    machines,
    gpu_quota,
    serving_quota,
    job_name,
    prices,
)


def run_preflight(plan: Plan, patience: float = PATIENCE_SECONDS) -> PreflightResult:
    """The table for a plan. Services that fail for a moment are asked again for `patience` seconds."""
    credentials, first = _credentials_row(plan)

    def caller() -> Caller | None:
        if credentials is None:
            return None
        # Each check has a session of its own: a session is for one thread.
        return Caller(member_of(credentials), GoogleApi(credentials, patience))

    # The slow imports of this one warn through the process's only list of filters.
    before = region.row(plan, caller)
    with ThreadPoolExecutor(max_workers=len(CHECKS)) as pool:
        rows = list(pool.map(lambda check: before if check is region else check.row(plan, caller), CHECKS))
    return PreflightResult((first, *rows))


def _credentials_row(plan: Plan) -> tuple[Credentials | None, Row]:
    found: Credentials | None = None
    outcome: Outcome
    try:
        found = find_credentials(plan.project)
        outcome = Passed(f"{getattr(found, 'service_account_email', None) or 'a person who is logged in'}.")
    except SluiceError as problem:
        outcome = Failed(problem.headline, problem.next_command)
    return found, Row("credentials", "credentials", outcome)
