"""Which machines carry which accelerators."""

from __future__ import annotations

import re

import pytest
from google.cloud.aiplatform_v1.types import AcceleratorType

from cloud.machines import catalogue, check_machine, is_in_region
from core.errors import SluiceError

REGION = "us-central1"


def refusal(
    machine: str, accelerator: str | None, count: int, region: str = REGION, capacity: str = "standard"
) -> SluiceError:
    with pytest.raises(SluiceError) as caught:
        check_machine(machine, accelerator, count, region, capacity)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("machine", "accelerator", "count", "capacity"),
    [
        ("g2-standard-12", "NVIDIA_L4", 1, "standard"),
        ("g2-standard-12", "NVIDIA_L4", 1, "flex_start"),
        ("g2-standard-24", "NVIDIA_L4", 2, "spot"),
        ("n1-standard-8", "NVIDIA_TESLA_T4", 1, "spot"),
        ("n1-highmem-96", "NVIDIA_TESLA_T4", 4, "standard"),
        ("n1-standard-8", "NVIDIA_TESLA_V100", 1, "standard"),
        ("a2-ultragpu-8g", "NVIDIA_A100_80GB", 8, "flex_start"),
        ("a3-highgpu-1g", "NVIDIA_H100_80GB", 1, "spot"),
        ("n1-standard-4", None, 0, "standard"),
        ("e2-standard-4", None, 0, "spot"),
    ],
)
def test_accepts_what_fits(machine: str, accelerator: str | None, count: int, capacity: str) -> None:
    check_machine(machine, accelerator, count, REGION, capacity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("machine", "accelerator", "count", "sentence", "command"),
    [
        ("g2-standard-13", "NVIDIA_L4", 1, r"no machine type g2-standard-13.*`g2-standard-12`\?", "NVIDIA_L4"),
        ("g2-standrad-8", "NVIDIA_L4", 1, r"no machine type g2-standrad-8.*`g2-standard-8`\?", "g2-standard-8"),
        ("g2-standard-12", "NVIDIA_L5", 1, r"no accelerator NVIDIA_L5; did you mean `NVIDIA_L4`\?", "NVIDIA_L4"),
        ("g2-standard-12", "nvidia-l4", 1, r"did you mean `NVIDIA_L4`\?", "--accelerator-type NVIDIA_L4"),
        ("n1-standard-8", "T4", 1, r"did you mean `NVIDIA_TESLA_T4`\?", "--accelerator-type NVIDIA_TESLA_T4"),
        ("g2-standard-12", "NVIDIA_L4", 2, "carries 1 NVIDIA_L4, not 2 NVIDIA_L4", "--machine-type g2-standard-24"),
        ("g2-standard-12", None, 0, "has 1 NVIDIA_L4 built in", "--accelerator-type NVIDIA_L4 --accelerator-count 1"),
        ("g2-standard-12", "NVIDIA_L4", 0, "only together", "--accelerator-count 1"),
        (
            "e2-standard-4",
            "NVIDIA_L4",
            0,
            "only together",
            "--machine-type e2-standard-4 --accelerator-type null --accelerator-count 0",
        ),
        ("e2-standard-4", "NVIDIA_TESLA_T4", 1, "e2-standard-4 cannot carry.*N1 machines alone", "n1-standard-8"),
        ("n1-standard-8", "NVIDIA_L4", 1, "built into machines of its own", "--machine-type g2-standard-4"),
        (
            "n1-standard-8",
            "NVIDIA_TESLA_T4",
            3,
            "carries 1, 2 and 4 of NVIDIA_TESLA_T4",
            "--accelerator-count 4",
        ),
        ("n1-standard-64", "NVIDIA_TESLA_T4", 1, "64 vCPUs .* at most 48", "n1-standard-64 .*--accelerator-count 4"),
        ("n1-standard-16", "NVIDIA_TESLA_V100", 1, "16 vCPUs .* at most 12", "--accelerator-count 2"),
        ("n1-standard-8", "NVIDIA_TESLA_K80", 1, "reached the end of its support", "NVIDIA_TESLA_T4"),
        ("a4x-highgpu-4g", "NVIDIA_GB200", 4, "training clusters alone", "a4-highgpu-8g"),
    ],
)
def test_refuses_what_does_not_fit_and_names_the_nearest_that_does(
    machine: str, accelerator: str | None, count: int, sentence: str, command: str
) -> None:
    found = refusal(machine, accelerator, count)
    assert re.search(sentence, found.headline), found.headline
    assert re.search(command, found.next_command), found.next_command


def test_a_t4_has_no_flex_start() -> None:
    found = refusal("n1-standard-8", "NVIDIA_TESLA_T4", 1, capacity="flex_start")
    assert "cannot be had by flex start, only at once and as spot" in found.headline


def test_a_machine_without_a_gpu_has_no_flex_start() -> None:
    found = refusal("e2-standard-4", None, 0, capacity="flex_start")
    assert found.headline == "e2-standard-4 has no GPU, and by flex start only machines with one can be had."
    assert "capacity: standard" in found.next_command


def test_a_part_of_an_h100_machine_is_spot_or_flex_start() -> None:
    found = refusal("a3-highgpu-1g", "NVIDIA_H100_80GB", 1)
    assert "cannot be had at once, only as spot and by flex start" in found.headline
    assert "--spot" in found.next_command


def test_refuses_a_region_without_the_accelerator_and_names_one_with_it() -> None:
    found = refusal("g2-standard-12", "NVIDIA_L4", 1, region="us-west2")
    assert "us-west2 has no NVIDIA_L4" in found.headline
    assert "--region us-west4" in found.next_command


def test_a_region_that_the_table_does_not_know_is_not_refused() -> None:
    check_machine("g2-standard-12", "NVIDIA_L4", 1, "mars-north1")
    assert is_in_region("NVIDIA_L4", "mars-north1") is None
    assert is_in_region("NVIDIA_L4", "us-central1") is True
    assert is_in_region("NVIDIA_L4", "us-west2") is False


def test_the_table_names_every_accelerator_of_the_api_and_no_other() -> None:
    known = catalogue()
    ours = {*known.accelerators, *known.unusable}
    assert ours == {each.name for each in AcceleratorType if each}


def test_every_machine_that_has_accelerators_is_accepted_with_them() -> None:
    for machine in catalogue().machines.values():
        if machine.accelerator:
            capacity = machine.capacity[0]
            check_machine(machine.name, machine.accelerator, machine.count, REGION, capacity)  # type: ignore[arg-type]


def flags_of(command: str) -> tuple[str, str | None, int]:
    """The machine that a command names first."""
    machine = re.search(r"--machine-type (\S+)", command)
    accelerator = re.search(r"--accelerator-type (\S+) --accelerator-count (\d+)", command)
    assert machine is not None, command
    if accelerator is None or accelerator[1] == "null":
        return machine[1], None, 0
    return machine[1], accelerator[1], int(accelerator[2])


AT_ONCE = [each.name for each in catalogue().machines.values() if "standard" in each.capacity]


@pytest.mark.parametrize("machine", AT_ONCE)
def test_what_is_named_instead_is_accepted(machine: str) -> None:
    refused = 0
    for accelerator in (None, *catalogue().accelerators):
        for count in range(10):
            try:
                check_machine(machine, accelerator, count, REGION)
            except SluiceError as problem:
                refused += 1
                check_machine(*flags_of(problem.next_command), REGION)
    assert refused
