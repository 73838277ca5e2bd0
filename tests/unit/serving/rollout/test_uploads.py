"""When a finished rollout is uploaded to the registry of the endpoint's cloud; the upload itself is tried in
tests/contract/test_cloud_rollout_by_hand.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.contract import ModelVersion
from serving.rollout.order import Registered, RolloutOrder
from serving.rollout.record import Phase, Rollout
from serving.rollout.uploads import upload_finished

ORDER = RolloutOrder("out/serving/taxi", "model", registered=Registered("out/registry", "taxi", "1.0.1"), uploads=True)
DONE = Rollout("00001-2", ModelVersion("2", "taxi", "2"), "1", Phase.DONE, order=ORDER)


@pytest.mark.parametrize(
    "rollout",
    [
        replace(DONE, phase=Phase.WARM),
        replace(DONE, phase=Phase.ROLLED_BACK),
        replace(DONE, order=None),
        replace(DONE, order=replace(ORDER, uploads=False)),
        replace(DONE, order=replace(ORDER, registered=None)),
    ],
    ids=["warm", "rolled back", "no order", "not asked for", "not registered"],
)
def test_nothing_is_uploaded_that_is_not_in_production_or_that_nobody_wants(rollout: Rollout) -> None:
    assert upload_finished(rollout, "again") is None


def test_an_endpoint_without_a_registry_of_its_cloud_is_named() -> None:
    unrecorded = upload_finished(DONE, "python -m serving.rollout record")
    assert unrecorded is not None
    assert unrecorded.reason == (
        "version 1.0.1 of taxi has all traffic, but no model registry belongs to out/serving/taxi; an endpoint that "
        "has one is vertex://…."
    )
    assert unrecorded.remedy.endswith("Then:  python -m serving.rollout record")
