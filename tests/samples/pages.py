"""Pages of the documentation whose blocks a test follows, and copies of the repository to follow them in."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.samples.folders import ROOT

FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_NOT_IN_A_CLONE = frozenset({"out", "data", "build", "dist"})  # at the top only: gates/data is ours


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what its info string says to do with it, its text, and the paragraph above it."""

    language: str
    instructions: dict[str, str]
    body: str
    above: str

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.body.splitlines() if line.startswith("$ ")]

    @property
    def shown(self) -> str:
        return "\n".join(line for line in self.body.splitlines() if not line.startswith("$ "))


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page or of a part of it, from top to bottom."""
    found = []
    for match in FENCE.finditer(text):
        language, *words = shlex.split(match["info"]) or [""]
        above = text[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(language, dict(word.split("=", 1) for word in words), match["body"], above))
    return found


def section_of(page: str, title: str) -> str:
    """The part of a page under the heading `## title`."""
    [section] = [part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(f"{title}\n")]
    return section


def copy_of_repository(folder: Path) -> Path:
    """What a fresh clone holds, in a folder that is made for it, with this environment as its `.venv`."""

    def left_out(parent: str, names: list[str]) -> set[str]:
        at_top = _NOT_IN_A_CLONE if Path(parent) == ROOT else frozenset()
        return {
            name
            for name in names
            if name in at_top or name == "__pycache__" or name.startswith(".") or name.endswith(".egg-info")
        }

    shutil.copytree(ROOT, folder, ignore=left_out)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return folder


def write_block(block: Block, clone: Path) -> bool:
    """Does what a block says to do with a file: `file=` writes it, `append=` adds to it, `change=` applies a diff.
    False for a block that says nothing of the kind."""
    if name := block.instructions.get("file"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(block.body, encoding="utf-8")
    elif name := block.instructions.get("append"):
        with (clone / name).open("a", encoding="utf-8") as file:
            file.write("\n\n" + block.body if block.language == "python" else block.body)
    elif name := block.instructions.get("change"):
        apply_diff(block.body, clone / name)
    else:
        return False
    return True


def apply_diff(diff: str, file: Path) -> None:
    """Puts the lines of a diff that begin with a blank or `+` where those that begin with a blank or `-` stand; a line
    `@@` stands between two places."""
    text = file.read_text(encoding="utf-8")
    for hunk in diff.split("@@\n"):
        lines = [(line[:1], line[1:] + "\n") for line in hunk.splitlines()]
        old = "".join(line for sign, line in lines if sign != "+")
        new = "".join(line for sign, line in lines if sign != "-")
        assert text.count(old) == 1, f"{file.name} has {text.count(old)} places for\n{old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
