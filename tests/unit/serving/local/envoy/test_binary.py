"""Where Envoy is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SluiceError
from serving.local.envoy import binary


def _program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary, "INSTALLED", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_an_absent_envoy_is_one_sentence_with_what_to_type() -> None:
    with pytest.raises(SluiceError, match="Envoy, which is not installed") as refused:
        binary.find_envoy()
    assert refused.value.next_command == "sh scripts/install_envoy.sh"


def test_it_is_found_on_the_path_and_what_was_installed_comes_first(tmp_path: Path) -> None:
    on_path = _program(tmp_path / "bin/envoy")
    assert binary.find_envoy() == on_path
    installed = _program(tmp_path / "tools/envoy/_bin/envoy")
    assert binary.find_envoy() == installed


def test_the_installed_extra_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "tools/envoy/_bin/envoy")
    extra = _program(tmp_path / "packages/envoy/_bin/envoy")
    (tmp_path / "packages/envoy/__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    assert binary.find_envoy() == extra
