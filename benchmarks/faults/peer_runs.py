"""Runs the other tools on the same cases: each in its own environment, made here, and its own process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks.faults.case import Case, assign
from benchmarks.faults.model_case import model_case
from benchmarks.faults.plants import Plant, plants
from benchmarks.faults.tables import CACHE, TAXI
from benchmarks.other_tools import interpreter_for

SCRIPTS = Path(__file__).parent / "peers"
ALARMS = CACHE / "peer_alarms.json"
# Separate clean splits, to see what a tool reports on clean data.
CLEAN_SEEDS = tuple(range(200, 210))
SLOW_CLEAN_SEEDS = CLEAN_SEEDS[:5]


@dataclass(frozen=True)
class Peer:
    """Another tool: its script, the arguments before the label, what to install (nothing: it is in our environment)."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    clean_seeds: tuple[int, ...] = CLEAN_SEEDS


PEERS = (
    Peer("TFDV as TFX runs it", "tfdv_anomalies.py", ("defaults",)),
    Peer("TFDV with comparators", "tfdv_anomalies.py", ("comparators",)),
    Peer(
        "Deepchecks",
        "deepchecks_suites.py",
        requirements=(
            "deepchecks==0.19.1",
            "numpy<2",
            "pandas<2.3",
            "scikit-learn<1.6",
            "setuptools<81",
            "pyarrow",
        ),
        clean_seeds=SLOW_CLEAN_SEEDS,
    ),
    Peer(
        "Evidently",
        "evidently_drift.py",
        requirements=("evidently==0.7.23", "pyarrow"),
        clean_seeds=SLOW_CLEAN_SEEDS,
    ),
)


@dataclass(frozen=True)
class Answer:
    """The reports of one tool on each taxi case. When it did not run, `alarms` is empty and `skipped` has the
    reason."""

    peer: str
    alarms: dict[str, list[str]]
    seconds: float
    skipped: str = ""

    def caught(self, plant: Plant) -> bool | None:
        """Whether it reported anything about the poisoned case that it did not report about the clean split."""
        if plant.name not in self.alarms:
            return None
        before = {_without_figures(each) for each in self.alarms.get(_clean_name(plant), [])}
        return any(_without_figures(each) not in before for each in self.alarms[plant.name])

    @property
    def clean(self) -> list[list[str]]:
        """Its reports on each clean split."""
        return [of_case for name, of_case in self.alarms.items() if name.startswith("clean-")]


def _without_figures(alarm: str) -> str:
    return re.sub(r"[\d.]+(e-?\d+)?", "#", alarm)


def _clean_name(plant: Plant) -> str:
    return f"base-{plant.clean.__name__}"


def plants_for_peers() -> list[Plant]:
    """Faults in rows of the taxi table; these tools do not check images and models."""
    return [plant for plant in plants() if "taxi" in plant.on and plant.clean is not model_case]


def peer_answers(refresh: bool) -> list[Answer]:
    """The answers of every tool; the stored ones without `again`."""
    if not refresh:
        return [Answer(**each) for each in json.loads(ALARMS.read_text())] if ALARMS.exists() else []
    with tempfile.TemporaryDirectory(prefix="sluice-peers-") as folder:
        _write_cases(Path(folder))
        answers = [_ask(peer, Path(folder)) for peer in PEERS]
    ALARMS.parent.mkdir(parents=True, exist_ok=True)
    ALARMS.write_text(json.dumps([asdict(answer) for answer in answers], indent=1))
    return answers


def _write_cases(folder: Path) -> None:
    for plant in plants_for_peers():
        base = folder / _clean_name(plant)
        clean = plant.clean(TAXI, 0, plant.rows)
        assert isinstance(clean, Case)
        if not base.exists():
            clean.write(base)
        poisoned = plant.case(TAXI, 0)
        assert isinstance(poisoned, Case)
        poisoned.write(folder / plant.name)
    for seed in CLEAN_SEEDS:
        assign(TAXI, seed, rows=15_002).write(folder / f"clean-{seed}")


def _ask(peer: Peer, folder: Path) -> Answer:
    interpreter = _environment(peer)
    if isinstance(interpreter, str):
        click.echo(f"{peer.name}: skipped; {interpreter}")
        return Answer(peer.name, {}, 0.0, interpreter)
    left_out = {f"clean-{seed}" for seed in CLEAN_SEEDS if seed not in peer.clean_seeds}
    cases = sorted(each.name for each in folder.iterdir() if each.name not in left_out)
    command = [str(interpreter), str(SCRIPTS / peer.script), *peer.arguments, TAXI.label, *cases]
    alarms, seconds = {}, 0.0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            answer = json.loads(line)
            # A tool that stops on a table with its own error message has refused it.
            alarms[answer["folder"]] = answer["what"] + ([f"stopped: {answer['error']}"] if answer["error"] else [])
            seconds += answer["seconds"]
            click.echo(f"{peer.name}: {len(alarms)} of {len(cases)} cases")
    if len(alarms) < len(cases):
        return Answer(peer.name, alarms, seconds, f"it ended after {len(alarms)} of {len(cases)} cases")
    return Answer(peer.name, alarms, seconds)


def _environment(peer: Peer) -> Path | str:
    """The interpreter for the tool, or the reason why there is none."""
    if not peer.requirements:
        return Path(sys.executable)
    return interpreter_for(Path(peer.script).stem.split("_")[0], peer.requirements)


def cases_of(answers: Sequence[Answer]) -> int:
    """The number of cases that the tools were run on."""
    return max((len(each.alarms) for each in answers), default=0)
