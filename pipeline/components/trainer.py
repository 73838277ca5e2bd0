"""TFX's Trainer, whose work the platform may do elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx import components
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

if TYPE_CHECKING:
    # Not when it runs: the platform's code is none of that which learns, by which results are taken from the cache.
    from pipeline.platform import Elsewhere


class Trainer(components.Trainer):
    """Inputs and outputs are those of `tfx.components.Trainer`."""

    def __init__(self, custom_config: Mapping[str, Any], elsewhere: Elsewhere | None = None, **inputs: Any) -> None:
        added = elsewhere.custom_config if elsewhere else {}
        super().__init__(custom_config={**custom_config, **added}, **inputs)
        if elsewhere:
            self.executor_spec = ExecutorClassSpec(elsewhere.executor)
