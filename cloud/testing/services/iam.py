"""Who may do what: Resource Manager, IAM and IAM Credentials over the rights in `Access`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from google.api_core import exceptions
from google.cloud import resourcemanager_v3

from cloud.testing.access import Access
from cloud.testing.messages import Answer, Request
from cloud.testing.routing import Router
from cloud.testing.vertex.service import Method


@dataclass
class Identity:
    """The project and its service accounts. `issue` makes a token that stands for an account."""

    project: str
    project_number: str
    access: Access
    issue: Callable[[str], str]
    accounts: set[str] = field(default_factory=set)

    def resource_manager_router(self) -> Router:
        """What `cloudresourcemanager.googleapis.com` answers."""
        router = Router("Resource Manager")
        router.add("POST", "/v3/{resource=projects/*}:testIamPermissions", self._test_permissions)
        router.add("GET", "/v3/{name=projects/*}", self._get_project)
        return router

    def grpc_methods(self) -> list[Method]:
        """The one call that Vertex AI's client makes over gRPC: whose is the bucket of a pipeline job?"""
        request = resourcemanager_v3.GetProjectRequest
        service = "google.cloud.resourcemanager.v3.Projects"
        return [Method(service, "GetProject", request.pb(), (), request.wrap, self._project_message)]

    def iam_router(self) -> Router:
        """What `iam.googleapis.com` answers."""
        router = Router("IAM")
        router.add("POST", "/v1/{resource=projects/*/serviceAccounts/*}:testIamPermissions", self._test_permissions)
        router.add("GET", "/v1/{resource=projects/*/serviceAccounts/*}", self._get_account)
        return router

    def credentials_router(self) -> Router:
        """What `iamcredentials.googleapis.com` answers."""
        router = Router("IAM Credentials")
        account = "/v1/{resource=projects/-/serviceAccounts/*}"
        router.add("POST", f"{account}:generateAccessToken", self._generate_token)
        # google-auth requests the regions where an account may be used; 0x0 stands for everywhere.
        router.add("GET", f"{account}/allowedLocations", lambda *_: Answer.of({"encodedLocations": "0x0"}))
        return router

    def _test_permissions(self, request: Request, values: dict[str, str]) -> Answer:
        self._check_exists(values["resource"])
        rights = request.json().get("permissions")
        if not rights or any("*" in right for right in rights):
            raise exceptions.InvalidArgument("permissions: name at least one permission, and none with a wildcard.")
        granted = self.access.granted(rights, values["resource"], request.caller)
        return Answer.of({"permissions": granted} if granted else {})

    def _get_project(self, request: Request, values: dict[str, str]) -> Answer:
        self._check_exists(values["name"])
        self.access.require("resourcemanager.projects.get", values["name"], request.caller)
        number = f"projects/{self.project_number}"
        return Answer.of({"name": number, "projectId": self.project, "state": "ACTIVE", "displayName": self.project})

    def _project_message(self, request: Any) -> Any:
        self._check_exists(request.name)
        return resourcemanager_v3.Project(name=f"projects/{self.project_number}", project_id=self.project)

    def _get_account(self, request: Request, values: dict[str, str]) -> Answer:
        self._check_exists(values["resource"])
        self.access.require("iam.serviceAccounts.get", values["resource"], request.caller)
        email = values["resource"].rpartition("/")[2]
        return Answer.of({"name": values["resource"], "email": email, "projectId": self.project})

    def _generate_token(self, request: Request, values: dict[str, str]) -> Answer:
        self._check_exists(values["resource"])
        self.access.require("iam.serviceAccounts.getAccessToken", values["resource"], request.caller)
        if not request.json().get("scope"):
            raise exceptions.InvalidArgument("scope: at least one is required.")
        expiry = datetime.now(timezone.utc) + timedelta(hours=1)
        token = self.issue(values["resource"].rpartition("/")[2])
        return Answer.of({"accessToken": token, "expireTime": expiry.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _check_exists(self, resource: str) -> None:
        _, project, *rest = resource.split("/")
        if project not in (self.project, self.project_number, "-"):
            raise exceptions.PermissionDenied(f"The caller does not have permission on project {project}.")
        if rest and rest[1] not in self.accounts:
            raise exceptions.NotFound(f"Unknown service account: {rest[1]}")
