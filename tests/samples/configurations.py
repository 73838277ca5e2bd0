"""Configurations of the taxi workload with one thing changed."""

from __future__ import annotations

import pytest

from core.errors import ExitCode, SluiceError
from pipeline.config.load import load_workload
from pipeline.config.paths import ROOT

TAXI = (ROOT / "configs/taxi.yaml").read_text()


def refusal(path: str, *overrides: str) -> SluiceError:
    with pytest.raises(SluiceError) as caught:
        load_workload(path, overrides)
    assert caught.value.exit_code == ExitCode.UNUSABLE
    assert "pydantic" not in str(caught.value) and "Input should" not in str(caught.value)
    return caught.value
