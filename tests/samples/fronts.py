"""The fronts of the local endpoint, for tests that hold for each of them."""

from __future__ import annotations

import pytest

from core.errors import SluiceError
from serving.local.envoy.binary import find_envoy

ENVOY = ("--front", "envoy")


def _is_there() -> bool:
    try:
        find_envoy()
    except SluiceError:
        return False
    return True


needs_envoy = pytest.mark.skipif(not _is_there(), reason="Envoy is not installed: sh scripts/install_envoy.sh")
# The arguments of `python -m serving`.
FRONTS = [pytest.param((), id="router"), pytest.param(ENVOY, id="envoy", marks=needs_envoy)]
