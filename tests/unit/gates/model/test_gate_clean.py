"""No sound model is refused by the ModelGate, whatever the table, the seed and the split."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from tests.samples.fitted_models import blocking, fitted, trained

TABLES = ("digits", "tumours", "taxi")
SEEDS = range(20)


@pytest.mark.parametrize("name", TABLES)
def test_no_sound_model_is_refused(name: str) -> None:
    refused = {seed: blocking(trained(name, seed).evidence()) for seed in SEEDS}
    assert {seed: checks for seed, checks in refused.items() if checks} == {}


@pytest.mark.parametrize("name", TABLES)
def test_no_sound_model_is_refused_after_another_sound_one(name: str) -> None:
    for seed in range(5):
        blessed = fitted(name, LogisticRegression(C=0.3, max_iter=60), seed).predicted("test")
        assert blocking(trained(name, seed).evidence(blessed=blessed)) == set()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("shares", [(0.8, 0.1), (0.5, 0.25), (0.9, 0.09)])
def test_no_split_ratio_is_refused(name: str, shares: tuple[float, float]) -> None:
    assert blocking(trained(name, 3, shares).evidence()) == set()


@pytest.mark.parametrize("name", TABLES)
def test_class_weights_are_no_fault(name: str) -> None:
    weighted = fitted(name, LogisticRegression(max_iter=60, class_weight="balanced"))
    assert blocking(weighted.evidence(blessed=trained(name).predicted("test"))) == set()


def test_an_overfitted_network_is_no_fault() -> None:
    network = fitted("tumours", MLPClassifier((64,), max_iter=150, random_state=0))
    assert blocking(network.evidence()) == set()
