"""The collector rests while libraries are imported, and is afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from core.garbage import nothing_collected


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_within_the_block_and_what_is_there_is_left_out_afterwards() -> None:
    gc.unfreeze()
    with nothing_collected():
        assert not gc.isenabled()
        assert gc.get_freeze_count() == 0
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_within_another_block_it_stays_disabled_until_that_one_ends() -> None:
    with nothing_collected():
        with nothing_collected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_import_that_fails_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(ImportError), nothing_collected():
        raise ImportError
    assert gc.isenabled()
