"""Cases that need mounts are left out where this process may not mount, as in most containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.interruptions.damages import damages
from benchmarks.interruptions.disks import may_mount


def test_root_that_may_not_mount_gets_no_case_that_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "mount"
    refusing.write_text("#!/bin/sh\nexit 32\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    may_mount.cache_clear()
    assert not may_mount()
    assert "the output folder can only be read" not in [damage.name for damage in damages()]
    may_mount.cache_clear()
