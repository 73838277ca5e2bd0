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
    """Does what a block says to do with a file: `file=` writes it, `append=` adds to it, `change=` puts lines in; what
    is there already is left. False for a block that says nothing of the kind."""
    if name := block.instructions.get("file"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(block.body, encoding="utf-8")
    elif name := block.instructions.get("append"):
        append(block, clone / name)
    elif name := block.instructions.get("change"):
        apply_diff(block.body, clone / name)
    else:
        return False
    return True


def append(block: Block, file: Path) -> None:
    """Puts a block at the end of a file. Where its first line stands in the file, that part is there: of a key of YAML
    what the block has below it goes below it, and nothing else is written."""
    text = file.read_text(encoding="utf-8")
    head, _, rest = block.body.partition("\n")
    if head not in text.splitlines():
        text += ("\n\n" if block.language == "python" else "") + block.body
    elif block.language == "yaml" and rest not in text:
        text = text.replace(f"{head}\n", f"{head}\n{rest}", 1)
    file.write_text(text, encoding="utf-8")


def apply_diff(diff: str, file: Path) -> None:
    """Puts in the lines that begin with `+`, before or after the one other line of their place, which is in the file
    once; a line `@@` stands between two places. Lines that are there already are left."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    for place in diff.split("@@\n"):
        shown = place.splitlines(keepends=True)
        added = [line[1:] for line in shown if line.startswith("+")]
        [anchor] = [line[1:] for line in shown if not line.startswith("+")]
        assert lines.count(anchor) == 1, f"{file.name} has {lines.count(anchor)} times\n{anchor}"
        if "".join(added) in "".join(lines):
            continue
        at = lines.index(anchor) + (not shown[0].startswith("+"))
        lines[at:at] = added
    file.write_text("".join(lines), encoding="utf-8")
