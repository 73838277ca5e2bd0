"""Every command shows the version of the package, which stands in one place."""

from __future__ import annotations

import re

import pytest
from click import Command
from click.testing import CliRunner

import cloud.request_log.__main__
import cloud.testing.__main__
import gates.command.app
import pipeline.config.explain
import registry.command
import runners.doctor
import runners.local_runner
import runners.show_trainings
import runners.vertex_runner
import serving.__main__
import serving.rollout.command
from core.packages import PACKAGES
from core.version import VERSION
from tests.samples.folders import ROOT

COMMANDS = {
    "cloud.request_log": cloud.request_log.__main__.main,
    "cloud.testing": cloud.testing.__main__.main,
    "gates": gates.command.app.main,
    "pipeline.config.explain": pipeline.config.explain.main,
    "registry": registry.command.main,
    "runners.doctor": runners.doctor.main,
    "runners.local_runner": runners.local_runner.main,
    "runners.show_trainings": runners.show_trainings.main,
    "runners.vertex_runner": runners.vertex_runner.main,
    "serving": serving.__main__.main,
    "serving.rollout": serving.rollout.command.main,
}
# Started by our own processes, and by Vertex AI through its variables; they have no options.
NOT_TYPED = {"serving.worker"}


def test_every_package_that_can_be_run_is_among_the_commands() -> None:
    found = {
        ".".join(path.relative_to(ROOT).parts[:-1]) for name in PACKAGES for path in ROOT.glob(f"{name}/**/__main__.py")
    }
    assert found <= COMMANDS.keys() | NOT_TYPED
    scripts = re.findall(r'"sluice[a-z-]*=([\w.]+):', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert {name.removesuffix(".__main__") for name in scripts} <= COMMANDS.keys()
    assert len(scripts) == 3


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_the_version(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[name]
    if isinstance(command, Command):
        done = CliRunner().invoke(command, ["--version"])
        shown, code = done.output, done.exit_code
    else:
        monkeypatch.setattr("sys.argv", [name, "--version"])
        with pytest.raises(SystemExit) as ended:
            command()
        shown, code = capsys.readouterr().out, ended.value.code
    assert (shown, code) == (f"sluice, version {VERSION}\n", 0)


def test_the_changelog_begins_with_the_version() -> None:
    headings = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == VERSION
