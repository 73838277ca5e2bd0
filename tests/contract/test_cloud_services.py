"""What a preflight may ask of the small services, by REST with default credentials; with `-m gcp` the real ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import google.auth
import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.transport.requests import AuthorizedSession

from cloud.testing.cloud import LocalCloud
from cloud.testing.services.quotas import USAGE, Quota

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
L4 = Quota(
    "CustomModelTrainingL4GPUsPerProjectPerRegion",
    "custom_model_training_nvidia_l4_gpus",
    limits={"us-central1": 4, "europe-west4": 0},
    used={"us-central1": 1},
)


class ServicesContract(ABC):
    """Subclasses give `project` and inherit each test."""

    @pytest.fixture
    @abstractmethod
    def project(self) -> str: ...

    @pytest.fixture
    def session(self, project: str) -> AuthorizedSession:
        return AuthorizedSession(google.auth.default(scopes=[SCOPE])[0])

    def test_the_state_of_each_api_is_told(self, session: AuthorizedSession, project: str) -> None:
        names = [f"projects/{project}/services/{each}.googleapis.com" for each in ("aiplatform", "storage")]
        address = f"https://serviceusage.googleapis.com/v1/projects/{project}/services:batchGet"
        found = _json(session.get(address, params={"names": names}))["services"]
        assert [each["config"]["name"] for each in found] == ["aiplatform.googleapis.com", "storage.googleapis.com"]
        assert {each["state"] for each in found} <= {"ENABLED", "DISABLED"}

    def test_the_rights_of_the_caller_are_told(self, session: AuthorizedSession, project: str) -> None:
        address = f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}:testIamPermissions"
        wanted = {"permissions": ["aiplatform.pipelineJobs.create"]}
        assert _json(session.post(address, json=wanted)).get("permissions", []) in ([], wanted["permissions"])

    def test_refuses_rights_with_wildcards(self, session: AuthorizedSession, project: str) -> None:
        address = f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}:testIamPermissions"
        assert session.post(address, json={"permissions": ["aiplatform.*"]}).status_code == 400

    def test_a_metric_without_an_interval_is_refused(self, session: AuthorizedSession, project: str) -> None:
        address = f"https://monitoring.googleapis.com/v3/projects/{project}/timeSeries"
        assert session.get(address, params={"filter": f'metric.type="{USAGE}"'}).status_code == 400

    def test_an_image_that_is_not_there_is_not_found(self, session: AuthorizedSession, project: str) -> None:
        place = f"projects/{project}/locations/us-central1/repositories/absent"
        answer = session.get(f"https://artifactregistry.googleapis.com/v1/{place}/packages/absent/tags/latest")
        assert answer.status_code in (403, 404)


class TestLocalServices(ServicesContract):
    @pytest.fixture
    def project(self, cloud: LocalCloud) -> Iterator[str]:
        yield cloud.project
        cloud.access.denials.clear()
        cloud.service_usage.disabled.clear()
        cloud.tokens.refuse("")

    def test_a_disabled_api_is_told(self, session: AuthorizedSession, project: str, cloud: LocalCloud) -> None:
        cloud.service_usage.disabled.add("dataflow.googleapis.com")
        name = f"projects/{project}/services/dataflow.googleapis.com"
        assert _json(session.get(f"https://serviceusage.googleapis.com/v1/{name}"))["state"] == "DISABLED"

    def test_a_missing_right_is_not_granted(self, session: AuthorizedSession, project: str, cloud: LocalCloud) -> None:
        cloud.access.deny("iam.serviceAccounts.actAs")
        cloud.identity.accounts.add(account := f"pipelines@{project}.iam.gserviceaccount.com")
        address = f"https://iam.googleapis.com/v1/projects/-/serviceAccounts/{account}:testIamPermissions"
        wanted = ["iam.serviceAccounts.actAs", "iam.serviceAccounts.get"]
        assert _json(session.post(address, json={"permissions": wanted}))["permissions"] == wanted[1:]
        unknown = address.replace("pipelines@", "unknown@")
        assert session.post(unknown, json={"permissions": wanted}).status_code == 404

    def test_an_impersonated_account_has_its_own_rights(
        self, session: AuthorizedSession, project: str, cloud: LocalCloud
    ) -> None:
        cloud.identity.accounts.add(account := f"pipelines@{project}.iam.gserviceaccount.com")
        cloud.access.deny("aiplatform.models.upload", caller=account)
        address = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
        token = _json(session.post(address, json={"scope": [SCOPE]}))["accessToken"]
        test = f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}:testIamPermissions"
        body = {"permissions": ["aiplatform.models.upload"]}
        assert _json(session.post(test, json=body)) == body
        assert _json(requests.post(test, json=body, headers={"Authorization": f"Bearer {token}"})) == {}

    def test_a_tag_leads_to_a_digest(self, session: AuthorizedSession, project: str, cloud: LocalCloud) -> None:
        cloud.images.add(f"us-central1-docker.pkg.dev/{project}/sluice/jobs/taxi", "v1", "sha256:abc", size=7)
        repository = f"projects/{project}/locations/us-central1/repositories/sluice"
        host = "https://artifactregistry.googleapis.com/v1"
        package = quote(f"{repository}/packages/jobs%2Ftaxi", safe="/")
        tag = _json(session.get(f"{host}/{package}/tags/v1"))
        assert tag["version"] == f"{repository}/packages/jobs%2Ftaxi/versions/sha256:abc"
        version = _json(session.get(f"{host}/{package}/versions/sha256:abc"))
        assert version["metadata"]["imageSizeBytes"] == "7"
        assert session.get(f"{host}/{package}/tags/v2").status_code == 404
        assert _json(session.get(f"{host}/{repository}"))["format"] == "DOCKER"

    def test_a_quota_has_a_limit_and_a_usage(self, session: AuthorizedSession, project: str, cloud: LocalCloud) -> None:
        cloud.quotas.add(L4)
        service = f"projects/{project}/locations/global/services/aiplatform.googleapis.com"
        host = "https://cloudquotas.googleapis.com/v1"
        found = _json(session.get(f"{host}/{service}/quotaInfos/{L4.quota_id}"))
        limits = {each["dimensions"]["region"]: each["details"]["value"] for each in found["dimensionsInfos"]}
        assert limits == {"us-central1": "4", "europe-west4": "0"}
        assert session.get(f"{host}/{service}/quotaInfos/Absent").status_code == 404
        usage = {
            (each["resource"]["labels"]["location"], each["points"][0]["value"]["int64Value"])
            for each in self._usage(session, project, found["metric"])
        }
        assert usage == {("us-central1", "1")}
        assert self._usage(session, project, "aiplatform.googleapis.com/another") == []

    def test_credentials_that_have_expired_are_refused(
        self, session: AuthorizedSession, project: str, cloud: LocalCloud
    ) -> None:
        cloud.tokens.refuse()
        with pytest.raises(auth_exceptions.RefreshError, match="expired or revoked"):
            session.get(f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}")

    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}])
    def test_a_request_without_a_token_is_refused(self, project: str, header: dict[str, str]) -> None:
        answer = requests.get(f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}", headers=header)
        assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")

    def test_a_planned_failure_comes_once(self, session: AuthorizedSession, project: str, cloud: LocalCloud) -> None:
        cloud.faults.fail_next(exceptions.ServiceUnavailable("Try again."), "cloudresourcemanager*GET /v3/projects/*")
        codes = [self._project_status(session, project) for _ in range(2)]
        # The session of google-auth tries again by itself only when the token is refused.
        assert codes == [503, 200]

    def _project_status(self, session: AuthorizedSession, project: str) -> int:
        return session.get(f"https://cloudresourcemanager.googleapis.com/v3/projects/{project}").status_code

    def _usage(self, session: AuthorizedSession, project: str, metric: str) -> list[dict[str, Any]]:
        now = datetime.now(timezone.utc)
        wanted = f'metric.type="{USAGE}" AND resource.type="consumer_quota" AND metric.labels.quota_metric="{metric}"'
        interval = {"interval.startTime": (now - timedelta(hours=25)).isoformat(), "interval.endTime": now.isoformat()}
        address = f"https://monitoring.googleapis.com/v3/projects/{project}/timeSeries"
        series: list[dict[str, Any]] = _json(session.get(address, params={"filter": wanted, **interval}))["timeSeries"]
        return series


@pytest.mark.gcp
class TestRealServices(ServicesContract):
    @pytest.fixture
    def project(self, gcp) -> str:
        return gcp.project


def _json(answer: requests.Response) -> dict[str, Any]:
    assert answer.ok, answer.text
    document: dict[str, Any] = answer.json()
    return document
