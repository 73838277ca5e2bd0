"""The environment variables by which Google's clients, each by its own, find the local cloud."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cloud.testing.http_server import LOOPBACK

# Variables of the user's that would lead a client elsewhere.
MISLEADING = (
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "CLOUDSDK_CORE_PROJECT",
    "GCE_METADATA_HOST",
    "ALL_PROXY",
    "all_proxy",
    "grpc_proxy",
    "no_grpc_proxy",
    "TF_USE_MODULAR_FILESYSTEM",  # crashes TensorFlow on gs://
)


def client_environment(project: str, proxy_port: int, authority: str, credentials: str, gcloud: str) -> dict[str, str]:
    """What leads clients through the proxy, lets them trust the authority (a PEM file) and gives them an account."""
    proxy = f"http://{LOOPBACK}:{proxy_port}"
    bundles = (
        "CURL_CA_BUNDLE",  # TensorFlow
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "HTTPLIB2_CA_CERTS",  # Beam's Dataflow client
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    )
    return {
        # gRPC and curl read the small letters, others either.
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), f"localhost,{LOOPBACK}"),
        **dict.fromkeys(bundles, authority),
        "GOOGLE_APPLICATION_CREDENTIALS": credentials,
        "GOOGLE_CLOUD_PROJECT": project,
        "CLOUDSDK_CONFIG": gcloud,
        "NO_GCE_CHECK": "true",
    }


def over(base: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """`base` without what misleads, and over it `ours`."""
    return {**{name: value for name, value in base.items() if name not in MISLEADING}, **ours}


@contextmanager
def applied(ours: Mapping[str, str]) -> Iterator[None]:
    """Sets `ours` in this process for as long as the block lasts, and unsets what misleads."""
    touched = (*MISLEADING, *ours)
    before = {name: os.environ[name] for name in touched if name in os.environ}
    try:
        _replace(touched, ours)
        yield
    finally:
        _replace(touched, before)


def _replace(names: tuple[str, ...], values: Mapping[str, str]) -> None:
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(values)
