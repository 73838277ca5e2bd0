"""Application default credentials that work: a made-up service account, the endpoint of its tokens, their check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from cloud.testing.certificates import private_pem
from cloud.testing.messages import Answer, Handler, Request
from cloud.testing.routing import Router

LIFETIME = 3600

# Of the process, not of one local cloud: TensorFlow keeps its token for an hour, whichever cloud has issued it.
_SECRET = secrets.token_bytes(32)


class Tokens:
    """The account of one local cloud. Its private key exists in this process and in the file of its credentials."""

    def __init__(self, project: str, account: str = "local-caller") -> None:
        self.project = project
        self.email = f"{account}@{project}.iam.gserviceaccount.com"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._refused = ""

    def issue(self, account: str = "") -> str:
        """A new access token for an account (the caller's own unless another is named), valid for an hour."""
        content = base64.urlsafe_b64encode(f"{int(time.time()) + LIFETIME} {account or self.email}".encode()).decode()
        return f"ya29.local.{content}.{_seal(content)}"

    def refuse(self, reason: str = "invalid_grant: Token has been expired or revoked.") -> None:
        """From now on there are no tokens, and those that were issued are worth nothing; "" ends it."""
        self._refused = reason

    def write_credentials(self, path: Path, token_uri: str) -> None:
        """A service account's file, for GOOGLE_APPLICATION_CREDENTIALS."""
        document = {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": uuid.uuid4().hex,
            "private_key": private_pem(self._key).decode(),
            "client_email": self.email,
            "client_id": "100000000000000000000",
            "token_uri": token_uri,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(document))

    def router(self) -> Router:
        """The token endpoint: answers the JWT that a client has signed with the account's key."""
        router = Router("OAuth")
        # The last is where TensorFlow's storage client goes, whatever address the file of its credentials names.
        for path in ("/token", "/oauth2/v4/token", "/oauth2/v3/token"):
            router.add("POST", path, lambda request, _: self._exchange(request))
        return router

    def guarding(self, handler: Handler) -> Handler:
        """The handler for those who bring a token; tokens themselves can be had on the same host."""
        endpoint = self.router()

        def guarded(request: Request) -> Answer:
            if request.path.startswith("/oauth2/"):
                return endpoint(request)
            caller = self.caller(request.headers.get("authorization", ""))
            return handler(replace(request, caller=caller))

        return guarded

    def metadata_router(self) -> Router:
        """The metadata server of a virtual machine, as far as clients ask it for an account and its tokens."""
        router = Router("metadata server")
        account = "/computeMetadata/v1/instance/service-accounts/{account}"
        router.add("GET", "/", lambda *_: _metadata(b""))
        router.add("GET", "/computeMetadata/v1/project/project-id", lambda *_: _metadata(self.project.encode()))
        router.add("GET", f"{account}/token", lambda *_: Answer.of(self._token_document()))
        router.add("GET", f"{account}/", lambda *_: Answer.of({"email": self.email, "scopes": [], "aliases": []}))
        return router

    def caller(self, authorization: str) -> str:
        """The account whose token, or whose own signature on a JWT, an Authorization header carries.

        Raises:
            Unauthenticated: it carries neither, or the token has expired.
        """
        scheme, _, token = authorization.partition(" ")
        account = _account_of(token) or self._signer(token)
        if scheme != "Bearer" or self._refused or not account:
            raise exceptions.Unauthenticated(
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential."
            )
        return account

    def _exchange(self, request: Request) -> Answer:
        fields = Request.of("GET", f"/?{request.body.decode()}", {}, b"", "")
        if self._refused or not self._signer(fields.argument("assertion")):
            description = self._refused or "Invalid JWT Signature."
            return Answer.of({"error": "invalid_grant", "error_description": description}, 400)
        return Answer.of(self._token_document())

    def _token_document(self) -> dict[str, str | int]:
        return {"access_token": self.issue(), "expires_in": LIFETIME, "token_type": "Bearer"}

    def _signer(self, token: str) -> str:
        """The account that has signed a JWT; empty when that is not ours."""
        try:
            return str(jwt.decode(token, certs=self._public)["iss"])
        except (ValueError, KeyError, GoogleAuthError):
            return ""


def _account_of(token: str) -> str:
    """The account that a token of ours stands for; empty when it is none of ours or has expired."""
    content, _, seal = token.removeprefix("ya29.local.").partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(content).encode()):
        return ""
    expiry, _, account = base64.urlsafe_b64decode(content).decode().partition(" ")
    return account if int(expiry) > time.time() else ""


def _seal(content: str) -> str:
    return hmac.new(_SECRET, content.encode(), hashlib.sha256).hexdigest()


def _metadata(body: bytes) -> Answer:
    return Answer(200, body, {"Metadata-Flavor": "Google", "Content-Type": "application/text"})
