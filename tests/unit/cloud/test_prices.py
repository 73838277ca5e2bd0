"""The price file: the rule behind its figures, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cloud.prices import PRICE_FILE, load_prices
from core.errors import SluiceError


def price(name: str, region: str = "us-central1") -> float:
    found = load_prices().find(name, region)
    assert found is not None
    return found.price


@pytest.mark.parametrize(
    ("vcpus", "memory", "family", "listed"),
    [
        (4, 15, "n1", 0.21849885),  # as Vertex AI's page has n1-standard-4
        (8, 30, "n1", 0.4369977),
        (4, 16, "e2", 0.1541),
    ],
)
def test_machines_cost_what_the_rule_says(vcpus: int, memory: int, family: str, listed: float) -> None:
    total = vcpus * price(f"training/{family}/vcpu") + memory * price(f"training/{family}/gib")
    assert total == pytest.approx(listed, abs=5e-5)


def test_a_g2_machine_with_its_gpu_costs_what_the_rule_says() -> None:
    machine = 4 * price("training/g2/vcpu") + 16 * price("training/g2/gib")
    assert machine + price("training/gpu/NVIDIA_L4") == pytest.approx(0.81285, abs=5e-6)


def test_the_management_fee_of_large_gpus_is_counted_once() -> None:
    assert price("training/gpu/NVIDIA_H100_80GB") == pytest.approx(9.79655057 * 1.15)
    assert price("training/gpu/NVIDIA_TESLA_A100") == pytest.approx(2.933908 * 1.15)
    names = ("training/gpu/NVIDIA_TESLA_A100", "training/gpu/NVIDIA_H100_80GB")
    large = [each for each in load_prices().prices if each.name in names]
    assert [(each.factor, each.fee > 0) for each in large] == [(1.0, True)] * 2


def test_every_price_that_was_computed_is_marked_and_has_a_source() -> None:
    prices = load_prices().prices
    assert {each.derived for each in prices} == {True, False}
    assert all(each.derived == (each.price != each.base) for each in prices)
    assert all(each.source for each in prices)


def test_a_price_of_the_region_goes_before_that_of_another() -> None:
    assert price("training/a2-highgpu-1g", "europe-west4") > price("training/a2-highgpu-1g", "us-central1")
    assert price("training/a2-highgpu-1g", "asia-east1") == price("training/a2-highgpu-1g", "us-central1")
    assert load_prices().find("training/n9/vcpu", "us-central1") is None


def test_half_a_year_makes_the_file_old() -> None:
    prices = load_prices()
    checked = prices.checked_on.toordinal()
    assert prices.old_age_warning(date.fromordinal(checked + 180)) == ""
    assert "181 days ago" in prices.old_age_warning(date.fromordinal(checked + 181))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("base: 0.031611", "base: cheap", "`base`"),
        ("base: 0.031611", "base: 0", "`base`"),
        ("base: 0.031611, factor: 1.15", "base: 0.031611, factor: 1.15, fee: 0.1", "counted twice"),
        ("date: 2026-09-20}", "date: yesterday}", "`date`"),
        ("derived: true}", "derived: false}", "its price is derived"),
        ("base: 0.031611", "basis: 0.031611", "unknown key `basis`"),
        (", base: 0.031611", "", "the key `base` is missing"),
        ("currency: USD", "currency: EUR", "`currency`"),
        ("name: training/n1/gib", "name: training/n1/vcpu", "has the price training/n1/vcpu in us-central1 twice"),
        ("prices:\n", "prices: [\n", "line"),
    ],
)
def test_a_file_that_does_not_parse_is_one_sentence_with_its_line(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    broken = tmp_path / "prices.yaml"
    text = PRICE_FILE.read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SluiceError) as refused:
        load_prices(broken)
    assert sentence in refused.value.headline
    assert refused.value.headline.startswith(str(broken))
    assert "\n" not in refused.value.headline
    assert refused.value.next_command == "Restore it:  git checkout cloud/data/prices.yaml"
    assert refused.value.exit_code == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match=r"absent\.yaml cannot be read"):
        load_prices(tmp_path / "absent.yaml")
