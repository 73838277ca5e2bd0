"""Options of vertex_runner.py that set keys of the environment and of the workload."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from pipeline.config.load import load_environment, load_workload
from runners.vertex.options import KEYS, environment_overrides, with_keys, workload_overrides

DIGEST = f"r/i@sha256:{'0' * 64}"
BOARD = "projects/1/locations/r/tensorboards/2"


def given(*arguments: str) -> dict[str, object]:
    """The values that a command with these options is called with."""
    found: dict[str, object] = {}

    @click.command()
    @with_keys(KEYS)
    def command(**keys: object) -> None:
        found.update(keys)

    assert CliRunner().invoke(command, arguments).exit_code == 0
    return found


def test_without_options_nothing_is_overridden() -> None:
    assert environment_overrides(given()) == ()
    assert workload_overrides(given()) == ()


@pytest.mark.parametrize(
    ("arguments", "key", "value"),
    [
        (("--project", "acme-rides"), "project", "acme-rides"),
        (("--region", "us-central1"), "region", "us-central1"),
        (("--bucket", "my-bucket"), "bucket", "my-bucket"),
        (("--container-uri", DIGEST), "image", DIGEST),
        (("--image", "r/i:1"), "image", "r/i:1"),
        (("--service-account", "a@p.iam.gserviceaccount.com"), "service_account", "a@p.iam.gserviceaccount.com"),
        (("--experiment-name", "rides"), "experiment", "rides"),
        (("--tensorboard-name", BOARD), "tensorboard", BOARD),
        (("--tensorboard-name", "8123456789"), "tensorboard", "8123456789"),
        (("--experiment-name", "2026"), "experiment", "2026"),
        (("--accelerator-type", "null"), "training.accelerator_type", None),
        (("--machine-type", "n1-standard-8"), "training.machine_type", "n1-standard-8"),
        (("--accelerator-type", "NVIDIA_TESLA_T4"), "training.accelerator_type", "NVIDIA_TESLA_T4"),
        (("--accelerator-count", "2"), "training.accelerator_count", 2),
        (("--spot",), "training.capacity", "spot"),
        (("--tuning", "vertex-vizier"), "tuning.service", "vertex-vizier"),
        (("--max-parallel-trial-count", "4"), "tuning.parallel_trials", 4),
        (("--enable-model-registry",), "model_registry", True),
        (("--no-cache",), "caching", False),
        (("--cache",), "caching", True),
    ],
)
def test_an_option_sets_its_key_of_the_environment(arguments: tuple[str, ...], key: str, value: object) -> None:
    config: object = load_environment("dev", environment_overrides(given(*arguments)))
    for name in key.split("."):
        config = getattr(config, name)
    assert config == value


def test_options_of_the_workload_set_its_keys() -> None:
    options = ("--num-epochs", "2", "--tuning", "workers", "--max-trial-count", "27")
    config = load_workload("taxi", workload_overrides(given(*options)))
    assert (config.train.epochs, config.tuner.max_trials, config.tuner.enabled) == (2, 27, True)


def test_labels_are_text_whatever_they_look_like() -> None:
    config = load_environment("dev", environment_overrides({}, 'team=rides,cost_centre=0815,owner="me"'))
    assert config.labels == {"team": "rides", "cost_centre": "0815", "owner": '"me"'}


def test_a_label_that_is_given_twice_is_refused() -> None:
    with pytest.raises(click.UsageError, match="the key `team` is given twice"):
        environment_overrides({}, "team=rides,team=x")


def test_a_label_without_a_value_is_refused() -> None:
    with pytest.raises(click.UsageError, match="`team` is not KEY=VALUE"):
        environment_overrides({}, "team")
