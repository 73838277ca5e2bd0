"""The files of a version: written whole, read as typed values."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from registry.contract import Numbered
from registry.version_record import CARD_FILE, IMAGE_FILE, VersionRecord


def write_files(folder: Path, record: VersionRecord, numbered: Numbered) -> None:
    """Writes every file beside the model of a version."""
    from registry.confusion_image import write_image
    from registry.model_card import card_of

    (folder / CARD_FILE).write_text(card_of(record, numbered), encoding="utf-8")
    files = {
        "metrics": record.metrics,
        "params": {
            "hyperparameters": dict(record.recipe.hyperparameters),
            "architecture": dict(record.recipe.architecture),
            "training": record.training.as_json() if record.training else {},
        },
        "class_performance": [dataclasses.asdict(line) for line in record.classes],
        "gates": [report.to_json() for report in record.gates],
        "environment": record.environment.as_json(),
    }
    for name, plain in files.items():
        text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if record.evaluation.confusion is not None:
        write_image(folder / IMAGE_FILE, record.evaluation.confusion)
