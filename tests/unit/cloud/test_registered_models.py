"""What Vertex AI Model Registry says of a version of our registry; the upload itself is tried in
tests/contract/test_cloud_rollout_by_hand.py."""

from __future__ import annotations

from cloud.registered_models import description_of, evidence_labels


def test_labels_say_what_the_gates_found_and_of_which_code() -> None:
    assert evidence_labels(False, None) == {"sluice_gates": "passed"}
    assert evidence_labels(True, "0123456789abcdef") == {
        "sluice_gates": "passed-with-waivers",
        "sluice_commit": "0123456789ab",
    }
    assert evidence_labels(False, "0123456789abcdef-dirty")["sluice_commit"] == "0123456789ab-dirty"


def test_the_description_leads_to_card_and_gates() -> None:
    assert description_of("minor: more epochs", "gs://b/registry/taxi/1.1.0-a1").splitlines() == [
        "minor: more epochs",
        "Model card: gs://b/registry/taxi/1.1.0-a1/model_card.md",
        "Gates: gs://b/registry/taxi/1.1.0-a1/gates.json",
    ]
