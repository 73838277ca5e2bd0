"""`--profile`: a set of overrides under a name, below what the command line says and above the rest of the YAML."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.config.load import load_workload, profiles_of
from pipeline.config.paths import ROOT
from pipeline.config.references import check_references

PROFILES = """
profiles:
  quick:
    train.epochs: 1
    data: {share: 0.1}
    evaluator.thresholds: [{metric: auc, at_least: 0.5}]
  wrong: {train.epoch: 1}
  odd: 7
"""


@pytest.fixture
def workload(tmp_path: Path) -> str:
    """The taxi workload with profiles."""
    file = tmp_path / "mine.yaml"
    file.write_text((ROOT / "configs/taxi.yaml").read_text().split("\nprofiles:")[0] + PROFILES)
    return str(file)


def test_a_profile_changes_what_it_names_and_nothing_else(workload):
    plain, quick = load_workload(workload), load_workload(workload, profile="quick")
    assert (quick.train.epochs, quick.data.share) == (1, 0.1)
    assert [limit.at_least for limit in quick.evaluator.thresholds] == [0.5]
    assert quick.data.label == plain.data.label and quick.train.batch_size == plain.train.batch_size
    assert plain.profiles == {} and list(quick.profiles) == ["quick"]


def test_the_command_line_goes_over_the_profile(workload):
    assert load_workload(workload, ["train.epochs=3"], profile="quick").train.epochs == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quik", "has no profile `quik`; did you mean `quick`?"),
        ("zzz", "has no profile `zzz`; it has quick, wrong, odd."),
        ("wrong", "unknown key `train.epoch`; did you mean `epochs`?"),
        ("odd", "the profile `odd` must be keys with values"),
    ],
)
def test_a_fault_in_a_profile_is_named_with_its_place(workload, name, message):
    with pytest.raises(SluiceError) as caught:
        load_workload(workload, profile=name)
    assert message in caught.value.headline and workload in caught.value.headline and caught.value.exit_code == 3


@pytest.mark.parametrize("name", [None, "quick", "lenet5"])
def test_every_shipped_profile_of_fashion_mnist_is_valid(name):
    config = load_workload("fashion_mnist", profile=name)
    check_references(config)
    assert config.number_of_classes() == len(config.data.class_names) == 10
    assert [Path(place).is_absolute() for place in config.data.source] == [True] * 3
    assert set(profiles_of("fashion_mnist")) == {"quick", "lenet5"}


def test_the_listing_names_profiles_and_an_unknown_one_ends_with_3():
    def runner(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "runners/local_runner.py", *options]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"})

    assert "fashion_mnist      profiles: quick, lenet5" in runner("--list").stdout
    refused = runner("--workload", "fashion_mnist", "--profile", "quik")
    assert refused.returncode == 3 and "did you mean `quick`?" in refused.stderr
