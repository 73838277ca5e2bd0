"""docs/your-own-data.md is true: its blocks, followed from top to bottom in a copy of the repository, do as it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tests.samples.folders import ROOT
from tests.samples.pages import Block, blocks_of, copy_of_repository, write_block

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs/your-own-data.md"
BLOCKS = blocks_of(PAGE.read_text(encoding="utf-8"))


@dataclass
class Walk:
    """A clone in which the page was followed; for each command what it printed and what was pushed after it."""

    clone: Path
    printed: dict[str, str] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)

    def run(self, command: str) -> None:
        """The command as a shell runs it in the clone, where `python` is this environment's."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.clone,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "PATH": path},
        )
        self.printed[command], self.complaints[command] = done.stdout, done.stderr
        self.ended[command] = done.returncode
        serving = self.clone / "out/serving/breast_cancer"
        self.versions[command] = sorted(folder.name for folder in serving.glob("[0-9]*"))


def command_with(words: str) -> str:
    [command] = [command for block in BLOCKS for command in block.commands if words in command]
    return command


RUN = "--workload breast_cancer"
PROPOSE, WRONG_UNIT, TOO_HIGH, PREDICT = (
    command_with(words) for words in ("--until SchemaGen", "--data data/", "--set evaluator", "predict.py")
)
PUSH = next(command for block in BLOCKS for command in block.commands if command.endswith(RUN))


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walk = Walk(copy_of_repository(tmp_path_factory.mktemp("clone") / "sluice"))
    for block in BLOCKS:
        follow(block, walk)
    return walk


def follow(block: Block, walk: Walk) -> None:
    if write_block(block, walk.clone):
        return
    if name := block.instructions.get("entry"):
        replace_entries(walk.clone / name, block.body)
    elif block.language == "console":
        for command in block.commands:
            walk.run(command)
    else:
        pytest.fail(f"the page does not say what to do with the block {block}")


def replace_entries(file: Path, entries: str) -> None:
    """Puts the features of `entries` in the place of those of the same name."""
    schema = text_format.Parse(file.read_text(), schema_pb2.Schema())
    for entry in text_format.Parse(entries, schema_pb2.Schema()).feature:
        [old] = [feature for feature in schema.feature if feature.name == entry.name]
        old.CopyFrom(entry)
    file.write_text(text_format.MessageToString(schema))


def test_every_command_ends_as_the_page_says(walk: Walk) -> None:
    for block in BLOCKS:
        for command in block.commands:
            wanted = int(block.instructions.get("exit", 0)) if command == block.commands[-1] else 0
            assert walk.ended[command] == wanted, walk.printed[command] + walk.complaints[command]


def test_prints_the_lines_that_the_page_shows(walk: Walk) -> None:
    shown = [block for block in BLOCKS if any(RUN in command for command in block.commands)]
    assert len(shown) == 4
    for block in shown:
        [command] = [command for command in block.commands if RUN in command]
        assert first_words(walk.printed[command]) == first_words(block.shown)


def first_words(console: str) -> list[str]:
    """The first word of every line that is not the continuation of another."""
    return [line.split()[0] for line in console.splitlines() if line.strip() and not line.startswith("   ")]


def test_proposes_a_schema_for_the_user_to_curate(walk: Walk) -> None:
    assert "curate it as schema/breast_cancer/schema.pbtxt" in walk.printed[PROPOSE]
    curated = (walk.clone / "schema/breast_cancer/schema.pbtxt").read_text()
    assert len(text_format.Parse(curated, schema_pb2.Schema()).feature) == 31
    assert "proposed" not in walk.printed[PUSH]


def test_pushes_one_model(walk: Walk) -> None:
    assert walk.versions[PROPOSE] == []
    [version] = walk.versions[PUSH]
    assert f"breast_cancer/{version}" in walk.printed[PUSH]


def test_refuses_another_unit_before_training_and_names_the_column(walk: Walk) -> None:
    assert "mean_radius" in walk.printed[WRONG_UNIT]
    assert "train" not in first_words(walk.printed[WRONG_UNIT])
    assert walk.versions[WRONG_UNIT] == walk.versions[PUSH]


def test_refuses_a_threshold_that_so_few_rows_cannot_certify(walk: Walk) -> None:
    [blocking] = [
        finding
        for gate in json.loads((walk.clone / "out/breast_cancer/latest/run.json").read_text())["gates"]
        for finding in gate["findings"]
        if finding["severity"] == "block" and finding["statistic"] != "blessed"
    ]
    assert (blocking["statistic"], blocking["threshold"], blocking["n"]) == ("auc", 0.97, 112)
    assert "0.97" in walk.printed[TOO_HIGH]
    assert walk.versions[TOO_HIGH] == walk.versions[PUSH]


def test_the_pushed_model_separates_the_two_classes(walk: Walk) -> None:
    """Of the three rows on the page the first two are malignant, the third is not."""
    first, second, third = (float(figure) for figure in re.findall(r"\d\.\d*", walk.printed[PREDICT]))
    assert 0.0 <= third < 0.5 < min(first, second) <= 1.0
