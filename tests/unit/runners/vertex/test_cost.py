"""The cost of a workload in an environment: its steps, the table, and the limit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cloud.cost import Estimate, Span
from core.errors import SluiceError
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.environment import EnvironmentConfig
from pipeline.config.load import load_environment, load_workload
from runners.vertex.cost import cost_plan, estimate_cost, print_cost, refuse_above
from runners.vertex.hours import History
from tests.samples.run_times import write_run

LONG = ("train.epochs=1000",)
NO_HISTORY = History({}, "assumed.")


def of_taxi(*environment: str, overrides: tuple[str, ...] = ()) -> Estimate:
    return estimate_cost(load_workload("taxi", overrides), load_environment("dev", environment), None)


def printed(cost: Estimate) -> str:
    console = Console(file=io.StringIO(), width=120)
    print_cost(cost, console)
    text = console.file.getvalue()
    assert isinstance(text, str)
    return text


def test_both_workloads_have_a_total_with_a_range() -> None:
    for workload in ("taxi", "fashion_mnist"):
        cost = estimate_cost(load_workload(workload), load_environment("dev"), None)
        assert 0 < cost.total.low < cost.total.likely < cost.total.high
        assert cost.unknown == ()
        assert cost.at_most == cost.total.high


def test_the_table_has_every_step_and_what_is_paid_each_month() -> None:
    text = printed(of_taxi())
    for word in ("ingest", "model gate", "train", "(Dataflow)", "g2-standard-12, 1 NVIDIA_L4", "total", "Every month"):
        assert word in text
    assert "tune" not in text


def test_beam_parts_run_on_dataflow_and_their_tasks_wait_for_them() -> None:
    plan = cost_plan(load_workload("taxi"), load_environment("dev"), NO_HISTORY)
    assert [use.step for use in plan.dataflow] == ["ExampleGen", "StatisticsGen", "Transform", "Evaluator"]
    tasks = {use.step: use.hours for use in plan.tasks}
    assert all(tasks[use.step].high >= use.hours.high for use in plan.dataflow)
    assert plan.dataflow[0].workers == Span(1.0, 1.0, 2.0)


def test_without_autoscaling_the_number_of_workers_is_known() -> None:
    environment = load_environment("dev", ("dataflow.workers=2", "dataflow.max_workers=9", "dataflow.autoscaling=NONE"))
    cost = estimate_cost(load_workload("taxi"), environment, None)
    assert cost_plan(load_workload("taxi"), environment, NO_HISTORY).dataflow[0].workers == Span(2.0, 2.0, 2.0)
    assert "2 n1-standard-2 (Dataflow)" in [line.what for line in cost.lines]


def test_what_the_workload_leaves_out_costs_nothing() -> None:
    without = load_workload("taxi", ("registry.enabled=false", "serving.push=false"))
    steps = {use.step for use in cost_plan(without, load_environment("dev"), NO_HISTORY).tasks}
    assert steps.isdisjoint({"Registrar", "Pusher", "Tuner", "OutsideModel", "ServingExamples", "PreviousExamples"})


def test_a_serving_log_and_spans_bring_their_own_steps(tmp_path: Path) -> None:
    spans = load_workload("taxi", ("data.serving_log=gs://b/log.csv",), "gs://b/span-{SPAN}/*.csv")
    steps = {use.step for use in cost_plan(spans, load_environment("dev"), NO_HISTORY).dataflow}
    assert steps >= {"ServingExamples", "ServingStatistics", "PreviousExamples", "PreviousStatistics"}


def test_trials_cost_by_their_number_and_on_vizier_each_starts_its_own_job() -> None:
    def hours(*overrides: str, environment: EnvironmentConfig) -> float:
        config = load_workload("fashion_mnist", ("tuner.enabled=true", *overrides))
        [tuner] = [use for use in cost_plan(config, environment, NO_HISTORY).jobs if use.step == "Tuner"]
        return tuner.hours.likely

    workers = load_environment("dev")
    vizier = workers.model_copy(update={"tuning": workers.tuning.model_copy(update={"service": "vertex-vizier"})})
    assert hours("tuner.max_trials=30", environment=workers) > hours("tuner.max_trials=15", environment=workers)
    more_starts = (15 - workers.tuning.parallel_trials) * 300 / 3600
    assert hours(environment=vizier) == pytest.approx(hours(environment=workers) + more_starts)


def test_the_endpoint_of_the_environment_is_paid_with_all_its_machines() -> None:
    workload, environment = load_workload("taxi"), load_environment("dev")

    def monthly(**changes: object) -> Estimate:
        endpoint = EndpointConfig.model_validate(changes)
        return estimate_cost(workload, environment.model_copy(update={"endpoint": endpoint}), None)

    [one], [two] = monthly().monthly, monthly(min_replicas=2, max_replicas=2).monthly
    assert two.cost.likely == pytest.approx(2 * one.cost.likely)
    [with_gpu] = monthly(accelerator_type="NVIDIA_TESLA_T4", accelerator_count=1).monthly
    assert with_gpu.unknown == ("prediction/n1-standard-4 with 1 NVIDIA_TESLA_T4",)


def job_hours(cost: Estimate) -> float:
    [line] = [line for line in cost.lines if line.what.startswith("g2-standard-12")]
    return line.hours.likely


def test_a_limit_sees_the_epochs_that_are_asked_for(tmp_path: Path) -> None:
    write_run(tmp_path / "taxi" / "2026-11-05T00-00-00", "2026-11-05T00-00-00", 3600.0)
    environment = load_environment("dev")
    usual, long = (estimate_cost(load_workload("taxi", each), environment, tmp_path) for each in ((), LONG))
    assert job_hours(long) > 50 * job_hours(usual)
    with pytest.raises(SluiceError, match="more than --max-cost"):
        refuse_above(long, usual.total.high)


def test_a_run_below_the_limit_is_allowed_and_one_above_is_refused() -> None:
    cost = of_taxi()
    refuse_above(cost, cost.total.high)
    with pytest.raises(SluiceError) as refused:
        refuse_above(cost, cost.total.high - 0.01)
    assert f"may cost up to {cost.total.high:.2f} USD, more than --max-cost" in refused.value.headline
    assert "--max-cost" in refused.value.next_command
    assert refused.value.exit_code == 3


def test_what_has_no_price_is_refused_under_a_limit_and_named_in_the_table() -> None:
    environment = load_environment("dev")
    machine = {"machine_type": "n2-standard-8", "accelerator_type": None, "accelerator_count": 0}
    unpriced = environment.model_copy(update={"training": environment.training.model_copy(update=machine)})
    cost = estimate_cost(load_workload("taxi"), unpriced, None)
    text = printed(cost)
    assert "Unknown: the price of training/n2/vcpu and training/n2/gib, for train." in text
    assert "+ ?" in text
    with pytest.raises(SluiceError, match=r"there is no price of training/n2/vcpu"):
        refuse_above(cost, 1000.0)


def with_trainer(**machines: object) -> Estimate:
    environment = load_environment("dev")
    training = environment.training.model_copy(update=machines)
    return estimate_cost(load_workload("taxi"), environment.model_copy(update={"training": training}), None)


def test_spot_is_cheaper_where_its_price_is_known() -> None:
    assert with_trainer(capacity="spot").unknown == ()
    assert with_trainer(capacity="spot").total.likely < with_trainer().total.likely


def test_an_unknown_spot_price_is_bounded_by_the_standard_one() -> None:
    standard, spot = (with_trainer(machine_type="g2-standard-8", capacity=each) for each in ("standard", "spot"))
    assert spot.unknown == ("training/spot/g2-standard-8",)
    assert spot.at_most == pytest.approx(standard.total.high)
    assert "(at most " in printed(spot)
    refuse_above(spot, standard.total.high + 0.01)
    with pytest.raises(SluiceError, match="may cost up to"):
        refuse_above(spot, standard.total.high - 0.01)


def test_a_price_file_that_does_not_parse_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "prices.yaml"
    broken.write_text("version: 1\n")
    with pytest.raises(SluiceError) as refused:
        estimate_cost(load_workload("taxi"), load_environment("dev"), None, broken)
    assert refused.value.exit_code == 3
