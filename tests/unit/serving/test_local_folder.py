"""A folder of versions on this machine bears whatever another program left in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.local_folder import LocalVersionFolder


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x80", b"", b"another fingerprint"])
def test_a_version_whose_marker_holds_something_else_is_marked_no_more(tmp_path: Path, garbage: bytes) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"graph")
    folder = LocalVersionFolder(str(tmp_path / "serving"))
    marker = Path(folder.push(str(model), keep=3).marker)
    folder.distrust_if_altered()
    assert marker.exists(), "what was pushed is there as it was"
    marker.write_bytes(garbage)
    folder.distrust_if_altered()
    assert not marker.exists()
