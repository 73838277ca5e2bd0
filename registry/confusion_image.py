"""Draws the confusion matrix as an image that a registry, a wiki or a chat can show."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gates.evaluation.metrics import ConfusionMatrix

_WITH_NUMBERS = 20  # classes beyond which the numbers would cover each other
_LONGEST_NAME = 24


def write_image(path: Path, matrix: ConfusionMatrix) -> None:
    """Writes a PNG: a row for each true class, shaded by the share of its rows; the numbers are rows."""
    classes = len(matrix.labels)
    side = min(4.0 + 0.45 * classes, 16.0)
    figure = Figure(figsize=(side, side * 0.9), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen
    axes = figure.add_subplot()
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix.counts]
    shaded = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    names = [_short(label) for label in matrix.labels]
    axes.set_xticks(range(classes), names, rotation=45 if classes > 2 else 0, ha="right" if classes > 2 else "center")
    axes.set_yticks(range(classes), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"Confusion on {sum(map(sum, matrix.counts)):,} test rows")
    if classes <= _WITH_NUMBERS:
        for row in range(classes):
            for column in range(classes):
                colour = "white" if shares[row][column] > 0.5 else "black"
                text = f"{matrix.counts[row][column]:,}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(shaded, ax=axes, label="share of the true class", shrink=0.8)
    figure.savefig(path, metadata={"Software": None})


def _short(name: str) -> str:
    plain = name.replace("$", r"\$")  # matplotlib would set it as a formula
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[: _LONGEST_NAME - 1]}…"
