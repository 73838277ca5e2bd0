"""benchmarks/interruptions.md, made from how the runs ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.interruptions.tried import Tried

_INTRO = """# Disturbed runs

A small run of the taxi workload (5,000 rows, one epoch) by the real command is disturbed from outside, and the same
command is given again. It must end as an undisturbed run does: exit code 0, the same verdicts and figures, one pushed
version, a whole registry. Or it ends with exit code 3, one sentence and a command; that command is typed, a person's
part is done where there is one (a link removed, room made), and then it must end as an undisturbed run. No output may
hold a traceback, and no version may stand in the serving folder at any moment that is not whole. After a damage that
makes it train anew two versions may be served: TensorFlow writes the same weights into another graph file.

Kills come in rows of up to four, so that what is killed goes on after a kill itself. Kills and full disks at the end
of a run begin on the outputs of one that went as far as the ModelGate.

Made by `make bench-interruptions`, which ends with exit code 2 when one does not end in order. Disks that fill and a
folder that can only be read need mounts, and so a user who may mount.
"""


def page(results: Mapping[str, Sequence[Tried]], seed: int) -> str:
    """The page as Markdown."""
    lines = [
        _INTRO,
        f"Moments drawn by the seed {seed}.",
        "",
        "| kind | disturbances | ends | in order |",
        "| --- | ---: | ---: | ---: |",
    ]
    for kind, group in results.items():
        disturbances, in_order = sum(each.times for each in group), sum(not each.problems for each in group)
        lines.append(f"| {kind} | {disturbances} | {len(group)} | {in_order} |")
    for kind, group in results.items():
        lines += ["", f"## {kind.capitalize()}", "", "| what | how the same command ended |", "| --- | --- |"]
        lines += [f"| {_cell(each.name)} | {_cell(_ending(each))} |" for each in group]
    return "\n".join(lines) + "\n"


def _ending(tried: Tried) -> str:
    return f"{tried.ending}. **{'; '.join(tried.problems)}**" if tried.problems else tried.ending


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
