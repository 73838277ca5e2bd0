"""The files of a version: written whole, read back typed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from registry.contract import Numbered
from registry.version_record import CARD_FILE, PICTURE_FILE, Dossier


def write_files(folder: Path, dossier: Dossier, numbered: Numbered) -> None:
    """Writes every file that lies beside the model of a version."""
    from registry.confusion_image import write_picture
    from registry.model_card import card_of

    (folder / CARD_FILE).write_text(card_of(dossier, numbered), encoding="utf-8")
    files = {
        "metrics": dossier.metrics,
        "params": {
            "hyperparameters": dict(dossier.recipe.hyperparameters),
            "architecture": dict(dossier.recipe.architecture),
            "training": dict(dossier.training),
        },
        "class_performance": [dataclasses.asdict(line) for line in dossier.classes],
        "gates": [report.to_json() for report in dossier.gates],
        "environment": dict(dossier.environment),
    }
    for name, plain in files.items():
        text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if dossier.evaluation.confusion is not None:
        write_picture(folder / PICTURE_FILE, dossier.evaluation.confusion)
