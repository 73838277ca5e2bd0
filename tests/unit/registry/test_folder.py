"""An index of a folder's registry that is damaged, and one that is of another format."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from registry.folder import FolderRegistry
from tests.samples.registrations import submission


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    return FolderRegistry(tmp_path / "registry")


@pytest.mark.parametrize("change", ["register", "alias"])
def test_a_change_finds_a_damaged_index_too(registry: FolderRegistry, tmp_path: Path, change: str) -> None:
    registry.register(submission(tmp_path / "m"))
    (registry.root / "taxi/index.json").write_text('{"format": 1, "versions"')
    if change == "register":
        assert registry.register(submission(tmp_path / "n", b"other")).version == "1.0.1"
    else:
        assert "production" in registry.alias("taxi", "1.0.0", "production").aliases
    assert registry.find("taxi", "1.0.0").version == "1.0.0"


def test_an_index_of_another_format_is_one_sentence_and_stays(registry: FolderRegistry, tmp_path: Path) -> None:
    registry.register(submission(tmp_path / "m"))
    index = registry.root / "taxi/index.json"
    index.write_text('{"format": 2, "versions": {}, "aliases": {}}')
    with pytest.raises(SluiceError, match=r"index.json is damaged: \S+ its format is 2, not 1") as caught:
        registry.register(submission(tmp_path / "n", b"other"))
    assert "mv " in caught.value.next_command
    assert '"format": 2' in index.read_text()
