"""`python -m tests.samples.beam_waiting LABEL,LABEL… BEAM_OPTION…`: submits for each label a pipeline that never ends
by itself, and prints the ids of the Dataflow jobs."""

from __future__ import annotations

import sys
import threading

import apache_beam as beam


def waits(element: int) -> int:
    """Until its process is ended."""
    threading.Event().wait()
    return element


if __name__ == "__main__":
    for label in sys.argv[1].split(","):
        pipeline = beam.Pipeline(argv=[*sys.argv[2:], f"--labels={label}"])
        pipeline | beam.Create([1]) | beam.Map(waits)
        print(pipeline.run().job_id())
