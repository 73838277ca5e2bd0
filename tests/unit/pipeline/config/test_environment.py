"""What an environment's values may be."""

from __future__ import annotations

import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.load import load_environment

DIGEST = f"sha256:{'0' * 64}"
SHARED = "https://www.googleapis.com/compute/v1/projects/host-project/regions/europe-west4/subnetworks/inner"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project", "Bad Project"),
        ("project", "rides"),  # too short
        ("region", "europe west4"),
        ("bucket", "gs://rides"),
        ("image", "Rides:v1"),
        ("image", "rides@sha256:1"),
        ("service_account", "somebody@example.com"),
        ("network", "projects/my-project/global/networks/inner"),  # Vertex AI takes the project's number alone
        ("network", "default"),
        ("experiment", "Taxi Rides"),
        ("experiment", "abc"),  # too short
        ("tensorboard", "my-board"),
        ("encryption_key", "my-key"),
        ("dataflow.region", "europe_west4"),
        ("dataflow.service_account", "beam"),
        ("dataflow.subnetwork", "inner"),
        ("training.replicas", "2"),
    ],
)
def test_a_value_that_google_cloud_would_refuse_is_refused_in_one_sentence(key: str, value: str) -> None:
    with pytest.raises(SluiceError) as caught:
        load_environment("dev", (f'{key}="{value}"',))
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert f"`{key}`" in caught.value.headline
    assert "\n" not in caught.value.headline
    assert "--explain environment" in caught.value.next_command


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project", "acme-rides"),
        ("project", "example.com:acme-rides"),
        ("region", "northamerica-northeast1"),
        ("image", f"europe-west4-docker.pkg.dev/acme-rides/sluice/sluice@{DIGEST}"),
        ("image", f"localhost:5000/sluice:v1@{DIGEST}"),
        ("image", "gcr.io/acme-rides/sluice"),
        ("service_account", "sluice@acme-rides.iam.gserviceaccount.com"),
        ("service_account", "123456789012-compute@developer.gserviceaccount.com"),
        ("network", "projects/123456789012/global/networks/inner"),
        ("experiment", "taxi-2026"),
        ("tensorboard", "8123456789"),
        ("tensorboard", "projects/acme-rides/locations/europe-west4/tensorboards/8123456789"),
        ("encryption_key", "projects/acme-rides/locations/europe-west4/keyRings/Ring_1/cryptoKeys/k-1"),
        ("dataflow.subnetwork", "regions/europe-west4/subnetworks/inner"),
        ("dataflow.subnetwork", SHARED),
    ],
)
def test_what_google_cloud_takes_is_taken(key: str, value: str) -> None:
    found: object = load_environment("dev", (f'{key}="{value}"',))
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
