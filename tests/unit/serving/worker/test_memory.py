"""A model that does not fit into the memory of the machine, or of its container, is not loaded."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from serving.worker.memory import free_memory, lacking_memory


def test_a_model_larger_than_the_memory_is_refused_with_its_figures() -> None:
    assert lacking_memory(1000) == ""
    assert "loading it takes about 8,796,593 MB" in lacking_memory(2**42)


def _group(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_a_container_leaves_what_its_limit_says(tmp_path: Path) -> None:
    group = _group(
        tmp_path, memory_max="1000000\n", memory_current="700000\n", memory_stat="anon 500000\ninactive_file 200000\n"
    )
    assert free_memory(group) == 500_000


def test_a_container_over_its_limit_leaves_nothing(tmp_path: Path) -> None:
    assert free_memory(_group(tmp_path, memory_max="1000", memory_current="3000", memory_stat="")) == 0


@pytest.mark.parametrize("limit", ["max\n", "no number", None])
def test_without_a_limit_the_machine_counts(tmp_path: Path, limit: str | None) -> None:
    if limit is not None:
        _group(tmp_path, memory_max=limit, memory_current="1", memory_stat="")
    assert 0 < free_memory(tmp_path) <= psutil.virtual_memory().total
