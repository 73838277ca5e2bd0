"""What the Evaluator is given, out of the section `evaluator` as tests write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.component_inputs import EvaluatorInputs
from pipeline.config.evaluation import EvaluatorConfig


def evaluator_inputs(section: Mapping[str, Any], label: str) -> EvaluatorInputs:
    """`section` may hold `class_names`, `entity` and `by_content`, too."""
    plain = dict(section)
    names = plain.pop("class_names", [])
    drawn = {key: plain.pop(key) for key in ("entity", "by_content") if key in plain}
    config = EvaluatorConfig.model_validate(plain)
    return EvaluatorInputs(evaluator=config, outside=None, label=label, class_names=names, **drawn)
