"""What the Evaluator is given, out of the section `evaluator` as tests write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.component_inputs import EvaluatorInputs
from pipeline.config.evaluation import EvaluatorConfig


def evaluator_inputs(section: Mapping[str, Any], label: str) -> EvaluatorInputs:
    """`section` may hold `class_names` and `entity`, too."""
    plain = dict(section)
    names, entity = plain.pop("class_names", []), plain.pop("entity", None)
    config = EvaluatorConfig.model_validate(plain)
    return EvaluatorInputs(evaluator=config, outside=None, label=label, class_names=names, entity=entity)
