"""What is read is what was hashed: a file that is exchanged meanwhile is noticed, even when it was put back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import SluiceError
from pipeline.ingest.fingerprint import content_of
from pipeline.ingest.source import Source


def exchanged_and_put_back(path: Path) -> None:
    aside, times = path.with_suffix(".aside"), path.stat()
    path.rename(aside)
    path.write_text("a\n9\n")
    aside.replace(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def written_and_written_back(path: Path) -> None:
    text, times = path.read_text(), path.stat()
    path.write_text(text.replace("1", "2"))
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def write(path: Path, text: str) -> None:
    """Writes a file that is older than the next step of the file system's clock."""
    path.write_text(text)
    probe = path.with_suffix(".probe")
    while not probe.exists() or probe.stat().st_ctime_ns <= path.stat().st_ctime_ns:
        probe.write_text("")


def source_of(path: Path) -> Source:
    return Source((str(path),), "csv", None, None, str(path))


@pytest.mark.parametrize("change", [exchanged_and_put_back, written_and_written_back])
@pytest.mark.parametrize("may_grow", [True, False])
def test_a_file_that_was_touched_since_it_was_hashed_is_refused(
    change: Callable[[Path], None], may_grow: bool, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    write(path, "a\n1\n")
    content = content_of(source_of(path))
    content.check_unchanged(may_grow)
    change(path)
    with pytest.raises(SluiceError, match=r"rows\.csv was written or exchanged while it was read"):
        content.check_unchanged(may_grow)


def test_a_file_that_is_gone_is_refused_unless_it_is_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write(path, "a\n1\n")
    content = content_of(source_of(path))
    path.unlink()
    content.check_unchanged(may_grow=True)
    with pytest.raises(SluiceError, match=r"rows\.csv was written or exchanged while it was read"):
        content.check_unchanged(may_grow=False)


@pytest.mark.parametrize("change", [lambda path: path.chmod(0o600), lambda path: path.with_name("b").hardlink_to(path)])
def test_other_rights_or_a_hard_link_are_no_change_of_the_rows_and_hide_none(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.ingest.fingerprint._SETTLED", -1.0)  # as if the file were old
    path = tmp_path / "rows.csv"
    write(path, "a\n1\n")
    path.chmod(0o644)
    content = content_of(source_of(path))
    times = path.stat()
    change(path)
    content.check_unchanged(may_grow=False)
    path.write_text("a\n2\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(SluiceError, match=r"rows\.csv was written or exchanged while it was read"):
        content.check_unchanged(may_grow=False)


def test_a_link_that_led_elsewhere_meanwhile_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / f"{name}.csv").write_text(f"a\n{name}\n")
    link = tmp_path / "rows.csv"
    link.symlink_to("one.csv")
    write(tmp_path / "later.csv", "a")
    content = content_of(source_of(link))
    for target in ("other.csv", "one.csv"):
        link.unlink()
        link.symlink_to(target)
    assert content_of(source_of(link)).digest == content.digest
    with pytest.raises(SluiceError, match="written or exchanged"):
        content.check_unchanged(may_grow=False)


def test_a_log_may_grow_while_it_is_read_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write(path, "a\n1\n")
    content = content_of(source_of(path))
    with path.open("a") as log:
        log.write("2\n")
    content.check_unchanged(may_grow=True)
    with pytest.raises(SluiceError, match="written or exchanged"):
        content.check_unchanged(may_grow=False)


def test_the_hash_of_an_old_file_is_kept_only_as_long_as_the_file_is_untouched(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    first = content_of(source_of(path)).digest
    path.write_text("a\n2\n")
    assert content_of(source_of(path)).digest != first
    path.write_text("a\n1\n")
    assert content_of(source_of(path)).digest == first
