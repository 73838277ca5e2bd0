"""What is another workload's is not served under this one's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExitCode, SluiceError
from serving.local.server import ServerSettings, serve


@pytest.mark.parametrize(("target", "reason"), [("digits", "which is digits's"), ("gone", "is a link to gone")])
def test_refuses_a_link_into_another_workloads_folder_or_to_nothing(tmp_path: Path, target: str, reason: str) -> None:
    (tmp_path / "serving/digits/1").mkdir(parents=True)
    taxi = tmp_path / "serving/taxi"
    taxi.symlink_to(target)
    with pytest.raises(SluiceError, match=reason) as refused:
        serve(ServerSettings(taxi, "taxi"))
    assert refused.value.exit_code is ExitCode.UNUSABLE
    assert refused.value.next_command == f"Look:  ls -ld {taxi}"
    assert [path.name for path in (tmp_path / "serving/digits").iterdir()] == ["1"]
