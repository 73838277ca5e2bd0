"""A version that does not fit into the memory is not loaded."""

from __future__ import annotations

import os
from pathlib import Path

from serving.local.worker import lacking_memory


def test_a_version_larger_than_the_memory_is_refused_with_its_figures(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    file = tmp_path / "variables/variables.data-00000-of-00001"
    file.touch()
    assert lacking_memory(tmp_path) == ""
    os.truncate(file, 2**42)  # a hole: it takes no room on the disk
    assert "loading it takes about 8,796,593 MB" in lacking_memory(tmp_path)
