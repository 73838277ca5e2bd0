"""What the Evaluator is given, out of the section `evaluator` as tests write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.component_inputs import EvaluatorInputs
from pipeline.config.evaluation import EvaluatorConfig


def evaluator_inputs(section: Mapping[str, Any], label: str) -> EvaluatorInputs:
    """`section` may hold `class_names`, too."""
    plain = dict(section)
    names = plain.pop("class_names", [])
    return EvaluatorInputs(
        evaluator=EvaluatorConfig.model_validate(plain), outside=None, label=label, class_names=names
    )
