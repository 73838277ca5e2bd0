"""Damages to what an undisturbed run left, each followed by the same command again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interruptions.disks import may_mount
from benchmarks.interruptions.site import Site, State
from benchmarks.interruptions.tried import Tried, ended_in_order


def _nothing(_: Site) -> None:
    pass


@dataclass(frozen=True)
class Damage:
    """`inflict` does it, `mend` does what a person does after a refusal. `versions`: how many may be served afterwards,
    where the model has to be trained anew: TensorFlow writes the same weights into another graph file."""

    name: str
    inflict: Callable[[Site], None]
    mend: Callable[[Site], None] = _nothing
    versions: int = 1


def _cut(pattern: str, share: float) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        for path in _found(site, pattern):
            whole = path.read_bytes()
            path.write_bytes(whole[: int(len(whole) * share)])

    return inflict


def _filled(pattern: str, content: bytes) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        for path in _found(site, pattern):
            path.write_bytes(content)

    return inflict


def _gone(pattern: str) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        for path in _found(site, pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return inflict


def _emptied(pattern: str) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        for folder in _found(site, pattern):
            shutil.rmtree(folder)
            folder.mkdir()

    return inflict


def _found(site: Site, pattern: str) -> list[Path]:
    found = sorted(site.output.glob(pattern))
    assert found, f"nothing to damage: {pattern}"
    return found


def _linked(target: str) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        site.serving.rename(site.home / "serving-before")
        place = site.output / target
        if target.startswith("serving/"):
            (place / "1700000000").mkdir(parents=True)
        site.serving.symlink_to(place)

    return inflict


def _unlinked(site: Site) -> None:
    site.serving.unlink()
    (site.home / "serving-before").rename(site.serving)


def _read_only(is_read_only: bool) -> Callable[[Site], None]:
    """By a mount: a permission means nothing to root."""

    def inflict(site: Site) -> None:
        if is_read_only:
            subprocess.run(["mount", "--bind", site.output, site.output], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", site.output], check=True)
        else:
            subprocess.run(["umount", site.output], check=True)

    return inflict


def damages() -> Iterator[Damage]:
    """Every damage of the list; those that need mounts only where this process may mount."""
    store, report = "taxi/metadata.sqlite", "taxi/artifacts/{}/report/*/report.json"
    yield Damage("metadata.sqlite truncated to a half", _cut(store, 0.5), versions=2)
    yield Damage("the registry's index truncated", _cut("registry/taxi/index.json", 0.4))
    yield Damage("run.json truncated", _cut("taxi/2*/run.json", 0.3))
    yield Damage("latest is a link to nothing", _latest_to_nothing)
    yield Damage("the serving folder is a link to nothing", _linked("nowhere"), _unlinked)
    yield Damage("the serving folder is a link into another workload's", _linked("serving/other"), _unlinked)
    yield Damage("the served version lacks its graph", _gone("serving/taxi/[0-9]*/saved_model.pb"), versions=2)
    yield Damage("report.json of ModelGate truncated", _cut(report.format("ModelGate"), 0.5))
    yield Damage("report.json of Pusher gone", _gone(report.format("Pusher")))
    yield Damage("report.json of Evaluator gone", _gone(report.format("Evaluator")))
    yield Damage("report.json of DataGate truncated", _cut(report.format("DataGate"), 0.5), versions=2)
    yield Damage("the outputs of Trainer emptied", _emptied("taxi/artifacts/Trainer/[a-z]*/*"), versions=2)
    yield Damage("metadata.sqlite is garbage", _filled(store, b"no database at all" * 50), versions=2)
    yield Damage("metadata.sqlite missing", _gone(store), versions=2)
    if may_mount():
        yield Damage("the output folder can only be read", _read_only(True), _read_only(False))


def _latest_to_nothing(site: Site) -> None:
    latest = site.output / "taxi/latest"
    latest.unlink()
    latest.symlink_to("gone")


def damaged(site: Site, kept: Path, damage: Damage, expected: State) -> Tried:
    """Inflicts a damage on a copy of `kept`, the output folder of an undisturbed run, at its place."""
    shutil.rmtree(site.output, ignore_errors=True)
    shutil.copytree(kept, site.output, symlinks=True)
    damage.inflict(site)
    return ended_in_order(site, expected, damage.name, mend=lambda: damage.mend(site), versions=damage.versions)
