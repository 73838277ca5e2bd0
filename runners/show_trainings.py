"""TensorBoard over the newest trainings and searches of every workload: `make tensorboard`."""

from __future__ import annotations

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()

import argparse
import importlib.util
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path

import packaging.version

from core.printable import show_error, show_text
from core.version import VERSION

NEWEST = 5  # of each component of a workload


def newest_event_folders(output: Path) -> Iterator[tuple[str, Path]]:
    """Names like `taxi/Trainer-12` and the folders of event files that components left under an output folder."""
    for kind in sorted(output.glob("*/artifacts/*/*/")):
        workload, component = kind.parts[-4], kind.parts[-2]
        executions = [each for each in kind.iterdir() if each.name.isdigit() and (each / "tensorboard").is_dir()]
        for execution in sorted(executions, key=lambda each: int(each.name))[-NEWEST:]:
            yield f"{workload}/{component}-{execution.name}", execution / "tensorboard"
    # A running search keeps its trials in a durable folder, where a restarted one finds them.
    for folder in sorted(output.glob("*/artifacts/durable/*/*/tensorboard")):
        yield f"{folder.parts[-6]}/search-under-way-{folder.parts[-2]}", folder


def link_folders(folders: Iterator[tuple[str, Path]], directory: Path) -> int:
    """Links the folders into `directory`, so that TensorBoard need not search every artifact; returns how many."""
    linked = 0
    for name, folder in folders:
        link = directory / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)
        linked += 1
    return linked


def provide_pkg_resources() -> None:
    """Provides the one function that TensorBoard 2.16 needs of pkg_resources, which setuptools 82 removed."""
    if importlib.util.find_spec("pkg_resources") is None and "pkg_resources" not in sys.modules:
        module = types.ModuleType("pkg_resources")
        module.parse_version = packaging.version.parse  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = module


def serve(directory: str, host: str, port: int) -> str:
    """Starts TensorBoard in a thread; returns its address."""
    provide_pkg_resources()
    from tensorboard import program
    from tensorboard.plugins.core import core_plugin
    from tensorboard.plugins.graph import graphs_plugin
    from tensorboard.plugins.hparams import hparams_plugin
    from tensorboard.plugins.metrics import metrics_plugin
    from tensorboard.plugins.scalar import scalars_plugin

    # Named one by one, because the default plugins are found through pkg_resources.
    plugins = [
        core_plugin.CorePluginLoader(include_debug_info=True),
        metrics_plugin.MetricsPlugin,
        scalars_plugin.ScalarsPlugin,
        graphs_plugin.GraphsPlugin,
        hparams_plugin.HParamsPlugin,
    ]
    shown = program.TensorBoard(plugins=plugins)
    shown.configure(logdir=directory, host=host, port=port, load_fast="false")
    return str(shown.launch())


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="show_trainings", description="TensorBoard over the newest trainings.")
    parser.add_argument("--version", action="version", version=f"sluice, version {VERSION}")
    parser.add_argument("--output-dir", type=Path, default=Path("out"), help="where runs write (default: %(default)s)")
    parser.add_argument("--host", default="localhost", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=6006, help="where to listen (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tensorboard-") as directory:
        if not link_folders(newest_event_folders(arguments.output_dir), Path(directory)):
            show_error(f"no training yet under {arguments.output_dir}.\n        Make one:  make run")
            return 3
        show_text(f"TensorBoard: {serve(directory, arguments.host, arguments.port)}   (Ctrl-C ends it)")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
