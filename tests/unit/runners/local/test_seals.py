"""What a component made is reused only while it is what it was: files, properties, and what depends on them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import Examples, Model

from runners.local.dag import run_pipeline
from runners.results.node_result import NodeResult

ROWS, WEIGHTS = "Split-test/rows.gz", "Format-Serving/weights"


class MakeExecutor(BaseExecutor):
    """Writes two files and a property."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        [made] = output_dict["made"]
        for name in (exec_properties["file"], "more"):
            path = Path(made.uri, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"as it was made")
        made.set_int_custom_property("blessed", 0)


def _spec(inputs: dict[str, type], output: type) -> type[ComponentSpec]:
    fields = {
        "PARAMETERS": {"file": ExecutionParameter(type=str)},
        "INPUTS": {name: ChannelParameter(type=kind) for name, kind in inputs.items()},
        "OUTPUTS": {"made": ChannelParameter(type=output)},
    }
    return type("MakeSpec", (ComponentSpec,), fields)


class Ingest(BaseComponent):
    SPEC_CLASS = _spec({}, Examples)
    EXECUTOR_SPEC: ClassVar[Any] = ExecutorClassSpec(MakeExecutor)

    def __init__(self) -> None:
        super().__init__(self.SPEC_CLASS(file=ROWS, made=Channel(type=Examples)))


class Train(BaseComponent):
    SPEC_CLASS = _spec({"examples": Examples}, Model)
    EXECUTOR_SPEC: ClassVar[Any] = ExecutorClassSpec(MakeExecutor)

    def __init__(self, examples: BaseChannel) -> None:
        super().__init__(self.SPEC_CLASS(examples=examples, file=WEIGHTS, made=Channel(type=Model)))


class Nobody:
    """An observer that looks away."""

    def started(self, node_id: str) -> None: ...

    def finished(self, result: NodeResult) -> None: ...


class Runs:
    """The same two components again and again on one metadata store."""

    def __init__(self, home: Path, earlier: int = 0) -> None:
        self.home = home
        self.root = "root"
        self._count = earlier

    def run(self) -> dict[str, NodeResult]:
        ingest = Ingest()
        pipeline = Pipeline(
            "sealed",
            str(self.home / self.root),
            components=[ingest, Train(ingest.outputs["made"])],
            enable_cache=True,
            metadata_connection_config=sqlite_metadata_connection_config(str(self.home / "m.sqlite")),
        )
        self._count += 1
        return run_pipeline(pipeline, f"run-{self._count}", Nobody())

    def states(self) -> list[str]:
        return [result.state for result in self.run().values()]

    def file(self, node: str, name: str) -> Path:
        """That of the newest execution."""
        return max((self.home / "root" / node / "made").iterdir(), key=lambda path: int(path.name)) / name


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    made = Runs(tmp_path)
    assert made.states() == ["ran", "ran"]
    assert made.states() == ["reused", "reused"]
    return made


def _exchanged(runs: Runs, node: str, name: str) -> None:
    """By as many bytes, with the times of before."""
    path = runs.file(node, name)
    before = path.stat()
    path.write_bytes(b"as it was MADE")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _deleted(runs: Runs, node: str, name: str) -> None:
    runs.file(node, name).unlink()


def _added(runs: Runs, node: str, name: str) -> None:
    runs.file(node, name).with_name("another").touch()


def _renamed(runs: Runs, node: str, name: str) -> None:
    runs.file(node, name).rename(runs.file(node, "renamed"))


def _property(runs: Runs, node: str, name: str) -> None:
    with sqlite3.connect(runs.home / "m.sqlite") as connection:
        like = f"%/{node}/%"
        changed = connection.execute(
            "UPDATE ArtifactProperty SET int_value = 1 WHERE name = 'blessed' AND artifact_id IN "
            "(SELECT id FROM Artifact WHERE uri LIKE ?)",
            (like,),
        )
        assert changed.rowcount == 1
    connection.close()


@pytest.mark.parametrize("alter", [_exchanged, _deleted, _added, _renamed, _property])
def test_what_was_altered_is_made_anew_with_all_that_depends_on_it(
    runs: Runs, alter: Callable[[Runs, str, str], None]
) -> None:
    alter(runs, "Train", WEIGHTS)
    results = runs.run()
    assert [each.state for each in results.values()] == ["reused", "ran"]
    assert results["Train"].made_anew == "Train/made/2 is not what it was when it was made"
    assert runs.file("Train", WEIGHTS).read_bytes() == b"as it was made"
    assert runs.states() == ["reused", "reused"]

    alter(runs, "Ingest", ROWS)
    results = runs.run()
    assert [each.state for each in results.values()] == ["ran", "ran"]
    assert results["Ingest"].made_anew == "Ingest/made/1 is not what it was when it was made"
    assert runs.states() == ["reused", "reused"]


@pytest.mark.parametrize("folder", ["root", "other"], ids=["here", "of the output folder of which this is a copy"])
def test_what_was_altered_is_found_wherever_it_lies(runs: Runs, folder: str) -> None:
    runs.root = folder
    assert runs.states() == ["reused", "reused"]
    _exchanged(runs, "Train", WEIGHTS)
    assert runs.states() == ["reused", "ran"]


def test_the_newest_that_is_still_what_it_was_is_reused(runs: Runs) -> None:
    _exchanged(runs, "Train", WEIGHTS)
    runs.run()
    first = runs.home / "root/Train/made/2"
    shutil.rmtree(first)
    assert runs.states() == ["reused", "reused"]


def test_an_execution_that_was_killed_before_it_was_sealed_runs_again(runs: Runs) -> None:
    with sqlite3.connect(runs.home / "m.sqlite") as connection:
        connection.execute("DELETE FROM ArtifactProperty WHERE name = 'sealed'")
    connection.close()
    results = runs.run()
    assert [each.state for each in results.values()] == ["ran", "ran"]
    assert results["Ingest"].made_anew == "it is not known what Ingest/made/1 was when it was made"
