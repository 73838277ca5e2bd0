"""Which bucket locations hold a region."""

from __future__ import annotations

import pytest

from cloud.preflight.places import holds_region


@pytest.mark.parametrize(
    ("location", "region", "holds"),
    [
        ("EUROPE-WEST4", "europe-west4", True),
        ("EUROPE-WEST1", "europe-west4", False),
        ("EU", "europe-west4", True),
        ("EU", "europe-west2", False),
        ("EU", "us-central1", False),
        ("US", "us-central1", True),
        ("US", "northamerica-northeast1", False),
        ("ASIA", "asia-east1", True),
        ("ASIA", "australia-southeast1", False),
        ("NAM4", "us-central1", True),
        ("NAM4", "us-west1", False),
        ("EUR4", "europe-west4", True),
    ],
)
def test_a_location_holds_its_own_regions(location: str, region: str, holds: bool) -> None:
    assert holds_region(location, region) == holds


def test_a_dual_region_that_names_its_regions_holds_them() -> None:
    assert holds_region("EU", "europe-west2", ["EUROPE-WEST1", "EUROPE-WEST2"])
