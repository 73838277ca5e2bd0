"""GPUs: what Vertex AI lets this project use, and what is in use. Compute Engine's quotas say nothing about that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from cloud.google_api import GoogleApi
from cloud.preflight.check import Caller, cloud_check
from cloud.preflight.outcome import Failed, NotChecked, Outcome, Passed
from cloud.preflight.plan import MachineDemand, Plan

SERVICE = "aiplatform.googleapis.com"
_USAGE = "serviceruntime.googleapis.com/quota/allocation/usage"
# Usage is written about once a day; a quota without any point in that time is not in use.
_LOOK_BACK = timedelta(hours=25)
UNLIMITED = -1

# The part of the metric's name; other types follow their name in the API.
_IN_METRICS = {"H100_MEGA_80GB": "h100_mega", "H100_80GB": "h100", "H200_141GB": "h200"}


@cloud_check("gpu_quota", "GPU quota")
def gpu_quota(plan: Plan, caller: Caller) -> Outcome:
    """Whether every step gets its GPUs, on its machines or on a fallback: the limit from Cloud Quotas, the usage from
    Cloud Monitoring."""
    demands: dict[str, list[MachineDemand]] = {}
    for demand in plan.machines:
        demands.setdefault(demand.purpose, []).append(demand)
    if not any(demand.accelerators for demand in plan.machines):
        return Passed("no step takes a GPU.")
    infos = {info.get("metric", ""): info for info in quota_infos(plan.project, caller.api)}
    passed: list[str] = []
    for alternatives in demands.values():
        outcomes = [_of_demand(plan, demand, infos, caller.api) for demand in alternatives]
        first = next((each for each in outcomes if isinstance(each, Passed)), outcomes[0])
        if not isinstance(first, Passed):
            return first
        passed += [first.sentence] if first.sentence else []
    return Passed("; ".join(passed) + ".")


def _of_demand(plan: Plan, demand: MachineDemand, infos: dict[str, dict[str, Any]], api: GoogleApi) -> Outcome:
    if not demand.accelerators:
        return Passed("")
    metric = quota_metric(demand)
    info = infos.get(f"{SERVICE}/{metric}")
    if info is None:
        return NotChecked(f"Cloud Quotas does not list {metric}, which {demand.purpose} needs.")
    limit = limit_in(info, demand.region)
    used = usage(plan.project, f"{SERVICE}/{metric}", demand.region, api)
    if limit != UNLIMITED and used + demand.accelerators > limit:
        return _too_little(plan, demand, info, limit, used)
    allowed = "no limit" if limit == UNLIMITED else f"{used} of {limit} in use"
    return Passed(f"{metric} in {demand.region}: {allowed}, {demand.purpose} needs {demand.accelerators}")


def quota_metric(demand: MachineDemand) -> str:
    """The metric of Vertex AI that limits the GPUs of a demand, without the service's name.

    GPUs that can be taken away, and those that a flexible start waits for, count against the preemptible quota.
    """
    return gpu_metric("training", demand.accelerator_type or "", demand.capacity != "standard")


def gpu_metric(work: Literal["training", "serving"], accelerator_type: str, is_preemptible: bool) -> str:
    """The metric that limits GPUs of a type for training or serving."""
    model = accelerator_type.removeprefix("NVIDIA_").removeprefix("TESLA_")
    name = _IN_METRICS.get(model, model.lower())
    preemptible = "preemptible_" if is_preemptible else ""
    return f"custom_model_{work}_{preemptible}nvidia_{name}_gpus"


def limit_in(info: Mapping[str, Any], region: str) -> int:
    """The limit in a region, out of a quota of Cloud Quotas: of the entry that names the region, else of the one that
    applies to it, else 0, as in a new project. A limit of 0 comes without its value."""
    entries = info.get("dimensionsInfos", [])
    named = [each for each in entries if each.get("dimensions", {}).get("region") == region]
    general = [
        each
        for each in entries
        if "region" not in each.get("dimensions", {}) and region in each.get("applicableLocations", [region])
    ]
    return next((int(each.get("details", {}).get("value", 0)) for each in (*named, *general)), 0)


def _too_little(plan: Plan, demand: MachineDemand, info: dict[str, Any], limit: int, used: int) -> Failed:
    metric, region = quota_metric(demand), demand.region
    sentence = (
        f"{demand.purpose} needs {demand.accelerators} of {metric} in {region}; "
        f"the limit is {limit}, {used} of it in use."
    )
    quota_id = info.get("quotaId", metric)
    return Failed(sentence, ask_for_more(plan.project, quota_id, region, used + demand.accelerators))


def ask_for_more(project: str, quota_id: str, region: str, wanted: int) -> str:
    """The command that asks Google for a higher limit."""
    ask = (
        f"gcloud quotas preferences create --project={project} --service={SERVICE} "
        f"--quota-id={quota_id} --dimensions=region={region} --preferred-value={wanted}"
    )
    console = f"https://console.cloud.google.com/iam-admin/quotas?project={project}"
    return f"Ask for more (or in {console}):  {ask}"


def quota_infos(project: str, api: GoogleApi) -> Iterator[dict[str, Any]]:
    """Every quota of Vertex AI, with its limits.

    Raises:
      GoogleAPICallError: when Cloud Quotas refuses.
      UnreachableError: when no answer comes.
    """
    address = f"https://cloudquotas.googleapis.com/v1/projects/{project}/locations/global/services/{SERVICE}/quotaInfos"
    page: dict[str, Any] = {"nextPageToken": ""}
    while "nextPageToken" in page:
        token = page["nextPageToken"]
        page = api.get(address, {"pageSize": 500, **({"pageToken": token} if token else {})})
        yield from page.get("quotaInfos", [])
        if not page.get("nextPageToken"):
            return


def usage(project: str, metric: str, region: str, api: GoogleApi) -> int:
    """How much of a quota is in use.

    Raises:
      GoogleAPICallError: when Cloud Monitoring refuses.
      UnreachableError: when no answer comes.
    """
    end = datetime.now(timezone.utc)
    terms = {
        "metric.type": _USAGE,
        "resource.type": "consumer_quota",
        "metric.labels.quota_metric": metric,
        "resource.labels.location": region,
    }
    arguments = {
        "filter": " AND ".join(f'{name}="{value}"' for name, value in terms.items()),
        "interval.startTime": (end - _LOOK_BACK).isoformat(),
        "interval.endTime": end.isoformat(),
    }
    series = api.get(f"https://monitoring.googleapis.com/v3/projects/{project}/timeSeries", arguments)
    # Points come newest first.
    newest = [each["points"][0]["value"] for each in series.get("timeSeries", []) if each.get("points")]
    return sum(int(value.get("int64Value", 0)) for value in newest)
