"""What a pipeline job is submitted with, beside its compiled specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class JobSettings:
    """Everything that Vertex AI takes as a field of the job and not of its specification."""

    display_name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str | None = None  # None: the project's default account
    network: str | None = None  # projects/NUMBER/global/networks/NAME; None: public
    encryption_key: str | None = None  # a Cloud KMS key; None: Google's
    fail_fast: bool = True  # whether tasks that have not started are given up when one fails
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)  # the pipeline's own
