"""The processors and GPUs of an endpoint: the quota must hold the stable version and a canary together."""

from __future__ import annotations

from typing import Any

from cloud.machines import catalogue
from cloud.preflight.check import Caller, cloud_check
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import Plan, ServingDemand
from cloud.preflight.quota import SERVICE, UNLIMITED, ask_for_more, gpu_metric, limit_in, quota_infos, usage

# Their processors have one quota; each other family has its own.
_COMMON_FAMILIES = ("n1", "e2")


@cloud_check("serving_quota", "serving quota")
def serving_quota(plan: Plan, caller: Caller) -> Outcome:
    """Whether a canary can be deployed now, beside all that is in use, and beside the stable version ever. A deployed
    model counts with all replicas that it may have."""
    demand = plan.serving
    if demand is None:
        return Passed("the environment has no endpoint.")
    infos = {info.get("metric", ""): info for info in quota_infos(plan.project, caller.api)}
    passed: list[str] = []
    unknown: list[str] = []
    for metric, each in units(demand).items():
        info = infos.get(f"{SERVICE}/{metric}")
        if info is None:
            unknown.append(metric)
            continue
        limit = limit_in(info, demand.region)
        used = usage(plan.project, f"{SERVICE}/{metric}", demand.region, caller.api)
        if limit != UNLIMITED and max(used + demand.canary * each, demand.together * each) > limit:
            return _too_little(plan.project, demand, metric, each, info, limit, used)
        allowed = "no limit" if limit == UNLIMITED else f"{used} of {limit} in use"
        passed.append(f"{metric} in {demand.region}: {allowed}, a canary needs {demand.canary * each}")
    if unknown:
        return NotChecked(f"Cloud Quotas does not list {', '.join(unknown)}, which the endpoint needs.")
    return Passed(f"{'; '.join(passed)}.")


def units(demand: ServingDemand) -> dict[str, int]:
    """What one replica takes of each quota. A machine that is not in the table has no count of its processors."""
    preemptible = "preemptible_" if demand.spot else ""
    family = demand.machine_type.partition("-")[0]
    named = "" if family in _COMMON_FAMILIES else f"{family}_"
    machine = catalogue().machines.get(demand.machine_type)
    found = {f"custom_model_serving_{preemptible}{named}cpus": machine.vcpus} if machine else {}
    if demand.accelerator_type:
        found[gpu_metric("serving", demand.accelerator_type, demand.spot)] = demand.accelerator_count
    return found


def _too_little(
    project: str, demand: ServingDemand, metric: str, each: int, info: dict[str, Any], limit: int, used: int
) -> Failed:
    sentence = (
        f"stable and canary together need {demand.together * each} of {metric} in {demand.region}, the canary "
        f"{demand.canary * each} more than is in use; the limit is {limit}, {used} of it in use."
    )
    wanted = max(used + demand.canary * each, demand.together * each)
    return Failed(sentence, ask_for_more(project, info.get("quotaId", metric), demand.region, wanted))
