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


def _at(pattern: str, act: Callable[[Path], object]) -> Callable[[Site], None]:
    def inflict(site: Site) -> None:
        found = sorted(site.output.glob(pattern))
        assert found, f"nothing to damage: {pattern}"
        for path in found:
            act(path)

    return inflict


def _cut(pattern: str, share: float) -> Callable[[Site], None]:
    def cut(path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return _at(pattern, cut)


def _made_garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 50)


def _removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


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


def _read_only(site: Site) -> None:
    """By a mount: a permission means nothing to root."""
    subprocess.run(["mount", "--bind", site.output, site.output], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", site.output], check=True)


def _writable(site: Site) -> None:
    subprocess.run(["umount", site.output], check=True)


def damages() -> Iterator[Damage]:
    """Every damage of the list; those that need mounts only where this process may mount."""
    store, report = "taxi/metadata.sqlite", "taxi/artifacts/{}/report/*/report.json"
    yield Damage("metadata.sqlite truncated to a half", _cut(store, 0.5), versions=2)
    yield Damage("the registry's index truncated", _cut("registry/taxi/index.json", 0.4))
    yield Damage("run.json truncated", _cut("taxi/2*/run.json", 0.3))
    yield Damage("latest is a link to nothing", _latest_to_nothing)
    yield Damage("the serving folder is a link to nothing", _linked("nowhere"), _unlinked)
    yield Damage("the serving folder is a link into another workload's", _linked("serving/other"), _unlinked)
    yield Damage("the served version lacks its graph", _at("serving/taxi/[0-9]*/saved_model.pb", _removed), versions=2)
    yield Damage("report.json of ModelGate truncated", _cut(report.format("ModelGate"), 0.5))
    yield Damage("report.json of Pusher gone", _at(report.format("Pusher"), _removed))
    yield Damage("report.json of Evaluator gone", _at(report.format("Evaluator"), _removed))
    yield Damage("report.json of DataGate truncated", _cut(report.format("DataGate"), 0.5), versions=2)
    yield Damage("the outputs of Trainer emptied", _at("taxi/artifacts/Trainer/[a-z]*/*", _emptied), versions=2)
    yield Damage("metadata.sqlite is garbage", _at(store, _made_garbage), versions=2)
    yield Damage("metadata.sqlite missing", _at(store, _removed), versions=2)
    if may_mount():
        yield Damage("the output folder can only be read", _read_only, _writable)


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
