"""How long single requests to the exported model took: measured by the ModelGate, kept beside its report."""

from __future__ import annotations

import dataclasses
import json

from numpy.typing import ArrayLike

from pipeline.artifacts.text_files import optional_text, write_text
from registry.version_record import RequestTimes

REQUEST_TIMES_FILE = "request_times.json"


def write_request_times(uri: str, milliseconds: ArrayLike | None) -> None:
    """Stores the percentiles beside the report at `uri`; writes nothing for None."""
    times = None if milliseconds is None else RequestTimes.of(milliseconds)
    if times is not None:
        write_text(uri, REQUEST_TIMES_FILE, json.dumps(dataclasses.asdict(times)))


def read_request_times(uri: str) -> RequestTimes | None:
    """The percentiles beside the report at `uri`; None when there are none."""
    text = optional_text(uri, REQUEST_TIMES_FILE)
    return RequestTimes(**json.loads(text)) if text else None
