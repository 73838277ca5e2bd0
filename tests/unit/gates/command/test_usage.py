"""Output goes to a file whole or not at all, and a place that cannot be written is refused in one sentence."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from core.errors import SluiceError
from gates.command.app import main
from gates.command.usage import OneSentenceCommand, check_writable, show_or_write
from pipeline.config.explain import main as reference
from pipeline.config.explain import reference_markdown
from tests.samples.folders import ROOT


@pytest.mark.parametrize("name", ["docs/gates.md", "docs/configuration.md"])
def test_the_command_in_a_page_made_by_one_makes_that_page(name: str, tmp_path: Path) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    [words] = re.findall(rf"`python -m (\S.*) --output {re.escape(name)}`", page)
    module, *arguments = words.split()
    made = tmp_path / "page.md"
    command = [sys.executable, "-m", module, *arguments, "--output", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert made.read_text(encoding="utf-8") == page
    assert list(tmp_path.iterdir()) == [made]


def test_a_command_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("as it was\n")
    for wrong in (["list", "--output", str(page)], ["list", "--markdwn", "--output", str(page)]):
        refused = CliRunner().invoke(main, wrong)
        assert refused.exit_code == 3
        assert len(refused.output.splitlines()) == 2
    refused = CliRunner().invoke(reference, ["docs", "--output", str(page)], prog_name="explain")
    assert refused.exit_code == 3
    assert page.read_text() == "as it was\n"


def test_without_output_the_page_is_printed() -> None:
    assert CliRunner().invoke(reference, []).output == reference_markdown()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match=f"--output {tmp_path} is a folder"):
        show_or_write("text", tmp_path)
    with pytest.raises(SluiceError, match="none is not a folder"):
        show_or_write("text", tmp_path / "none" / "page.md")
    (tmp_path / "page.md").write_text("")
    with pytest.raises(SluiceError, match=r"page\.md is not a folder"):
        check_writable(tmp_path / "page.md" / "inner", "--json")


def test_a_file_that_cannot_be_used_is_a_sentence_and_a_defect_is_not() -> None:
    @click.command(cls=OneSentenceCommand)
    @click.argument("code", type=int)
    def opens(code: int) -> None:
        raise OSError(code, "what the system says", "out/notes")

    refused = CliRunner().invoke(opens, [str(errno.EISDIR)])
    assert refused.exit_code == 3
    assert refused.output.splitlines()[0] == "sluice: out/notes cannot be used: it is a folder, not a file."
    assert isinstance(CliRunner().invoke(opens, [str(errno.EBADF)]).exception, OSError)
