"""What a run costs: by hand for a machine, and what happens to prices that are not known."""

from __future__ import annotations

import pytest

from cloud.cost import ContainerUse, CostPlan, DataflowUse, Estimate, MachineUse, Span, estimate, exactly
from cloud.prices import load_prices

PRICES = load_prices()
HERE = "us-central1"
L4 = MachineUse("Trainer", "g2-standard-8", "NVIDIA_L4", 1, Span(1.0, 2.0, 4.0), disk_gb=100)


def of_job(use: MachineUse, region: str = HERE) -> Estimate:
    return estimate(CostPlan(region, jobs=(use,)), PRICES)


def test_a_custom_job_costs_its_machine_its_gpu_and_its_disk() -> None:
    [line, run] = of_job(L4).lines
    an_hour = (8 * 0.024988 + 32 * 0.002927 + 0.56004 + 100 * 0.000232877) * 1.15
    assert line.cost.low == pytest.approx(an_hour)
    assert line.cost.high == pytest.approx(4 * an_hour)
    assert run.cost == exactly(0.03)
    assert of_job(L4).total.likely == pytest.approx(2 * an_hour + 0.03)


def test_a_machine_with_a_price_of_its_own_has_its_gpu_in_it() -> None:
    [line, _] = of_job(MachineUse("Trainer", "a2-highgpu-1g", "NVIDIA_TESLA_A100", 1, exactly(1.0), disk_gb=0)).lines
    assert line.cost.likely == pytest.approx(3.673385 * 1.15)
    assert line.unknown == ()


def test_what_has_no_price_is_named_and_what_has_one_is_counted() -> None:
    found = of_job(MachineUse("Trainer", "a3-highgpu-8g", "NVIDIA_H100_80GB", 8, exactly(1.0), disk_gb=0))
    assert found.unknown == ("training/a3/vcpu", "training/a3/gib")
    assert found.total.likely == pytest.approx(8 * 11.26603316 + 0.03)
    assert found.at_most is None


def test_a_machine_that_is_not_in_the_table_has_no_price() -> None:
    found = of_job(MachineUse("Trainer", "z9-standard-8", None, 0, exactly(1.0)))
    assert found.unknown == ("training/z9-standard-8",)
    assert found.at_most is None


def test_spot_has_its_own_price_where_one_is_known() -> None:
    use = MachineUse("Trainer", "a2-highgpu-1g", "NVIDIA_TESLA_A100", 1, exactly(1.0), disk_gb=0, capacity="spot")
    [line, _] = of_job(use).lines
    assert line.cost.likely == pytest.approx(1.293355 * 1.15)


@pytest.mark.parametrize("capacity", ["spot", "flex_start"])
def test_an_unknown_price_of_spot_is_bounded_by_the_standard_one(capacity: str) -> None:
    found = of_job(MachineUse(**{**vars(L4), "capacity": capacity}))
    assert found.unknown == (f"training/{capacity}/g2-standard-8",)
    assert found.total.high < of_job(L4).total.high
    assert found.at_most == pytest.approx(of_job(L4).total.high)


def test_prices_of_another_region_widen_the_high_end_and_are_named() -> None:
    here, elsewhere = of_job(L4), of_job(L4, "asia-east1")
    assert elsewhere.lines[0].cost.low == pytest.approx(here.lines[0].cost.low)
    assert elsewhere.lines[0].cost.high == pytest.approx(1.6 * here.lines[0].cost.high)
    assert here.notes == ()
    [note] = elsewhere.notes
    assert note.startswith("Of asia-east1 the price file has no price of G2 vCPU; G2 memory; L4; boot disk (SSD): ")


def test_the_parts_of_a_machine_cost_what_the_whole_does() -> None:
    for region in (HERE, "europe-west4"):
        for name, price in (("g2-standard-12", 12), ("g2-standard-16", 16)):
            whole = PRICES.find(f"training/{name}", region)
            parts = [PRICES.find(f"training/{part}", region) for part in ("g2/vcpu", "g2/gib", "gpu/NVIDIA_L4")]
            assert whole is not None
            sizes = zip(parts, (price, 4 * price, 1), strict=True)
            assert sum(part.price * size for part, size in sizes if part) == pytest.approx(whole.price, rel=1e-4)


def test_a_price_that_is_older_than_the_rest_is_named() -> None:
    found = of_job(MachineUse("Trainer", "a2-highgpu-1g", "NVIDIA_TESLA_A100", 1, exactly(1.0)))
    assert found.notes == ("Prices of 2025-03-06, older than the rest: a2-highgpu-1g, its A100 included.",)


def test_dataflow_costs_its_workers_from_the_first_to_the_last_that_may_come() -> None:
    use = DataflowUse(
        "Transform", "n1-standard-2", Span(1.0, 1.0, 3.0), exactly(0.5), disk_gb=50, shuffle_gib=exactly(2)
    )
    [line, _] = estimate(CostPlan(HERE, dataflow=(use,)), PRICES).lines
    a_worker = 0.5 * (2 * 0.056 + 7.5 * 0.003557 + 50 * 0.000054)
    assert line.cost.likely == pytest.approx(a_worker + 2 * 0.011)
    assert line.cost.high == pytest.approx(3 * a_worker + 2 * 0.011)


def test_a_task_costs_its_processors_and_memory_and_its_gpu() -> None:
    plain = ContainerUse("DataGate", 4, 16, exactly(1.0))
    with_gpu = ContainerUse("ModelGate", 4, 16, exactly(1.0), "NVIDIA_TESLA_T4", 2)
    first, second, _ = estimate(CostPlan(HERE, tasks=(plain, with_gpu)), PRICES).lines
    assert (first.unknown, second.unknown) == ((), ())
    assert first.cost.likely == pytest.approx(0.15412627)
    assert second.cost.likely == pytest.approx((4 * 0.031611 + 16 * 0.004237 + 2 * 0.35) * 1.15)


@pytest.mark.parametrize(
    ("use", "machine", "price"),
    [
        (ContainerUse("a", 4, 16, exactly(1.0), "NVIDIA_L4", 1), "g2-standard-4", 0.81285),
        (ContainerUse("a", 12, 48, exactly(1.0), "NVIDIA_L4", 1), "g2-standard-12", 1.1504787),
        (ContainerUse("a", 4, 16, exactly(1.0), "NVIDIA_TESLA_A100", 1), "a2-highgpu-1g", 4.2243927),
        (ContainerUse("a", 16, 16, exactly(1.0), "NVIDIA_TESLA_A100", 1), "a2-highgpu-2g", 8.4487855),
    ],
)
def test_a_task_with_a_gpu_that_is_built_in_costs_the_smallest_machine_that_has_it(
    use: ContainerUse, machine: str, price: float
) -> None:
    line, _ = estimate(CostPlan(HERE, tasks=(use,)), PRICES).lines
    assert line.what.endswith(f": {machine}")
    assert line.unknown == ()
    assert line.cost.likely == pytest.approx(price, rel=1e-4)


def test_a_task_on_an_h100_has_no_price_of_an_n1_machine() -> None:
    use = ContainerUse("a", 4, 16, exactly(1.0), "NVIDIA_H100_80GB", 1)
    line, _ = estimate(CostPlan(HERE, tasks=(use,)), PRICES).lines
    assert line.unknown == ("training/a3/vcpu", "training/a3/gib")


def test_an_endpoint_is_paid_by_the_month_and_not_with_the_run() -> None:
    found = estimate(CostPlan(HERE, endpoint="n1-standard-4"), PRICES)
    [line] = found.monthly
    assert line.cost.likely == pytest.approx(730 * 0.219)
    assert found.total == exactly(0.03)
    [unknown] = estimate(CostPlan(HERE, endpoint="g2-standard-4"), PRICES).monthly
    assert unknown.unknown == ("prediction/g2-standard-4",)
