"""A model's refusal reaches the user as one sentence and exit code 3."""

import pickle

import pytest

from core.errors import ExitCode, SluiceError, root_error
from models.training.hardware import Hardware, check_accelerator
from runners.results.node_result import NodeResult
from runners.results.outcome import outcome_of


def test_a_gpu_that_is_not_there_ends_the_run_with_exit_code_3_and_the_next_command() -> None:
    with pytest.raises(RuntimeError) as caught:
        try:
            check_accelerator("gpu", Hardware("a processor", 2))
        except SluiceError as refusal:
            raise RuntimeError("the executor failed") from refusal  # as whatever runs a component may do
    error = root_error(caught.value)
    assert isinstance(error, SluiceError)
    outcome = outcome_of({"Trainer": NodeResult("Trainer", "failed", 1.0, error=error)}, [], None, True, "run.log")
    assert (outcome.outcome, outcome.exit_code) == ("failed", ExitCode.UNUSABLE)
    assert outcome.reason.startswith("`train.accelerator` is gpu, and TensorFlow sees none")
    assert "--set train.accelerator=cpu" in outcome.next_command


def test_it_survives_the_way_from_one_process_to_another() -> None:
    back = pickle.loads(pickle.dumps(SluiceError("no images", "See:  ls")))
    assert (back.headline, back.next_command) == ("no images", "See:  ls")
