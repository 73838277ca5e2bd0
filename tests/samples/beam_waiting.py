"""`python -m tests.samples.beam_waiting BEAM_OPTION…`: submits a pipeline that never ends by itself, and prints the id
of its Dataflow job."""

from __future__ import annotations

import sys
import threading

import apache_beam as beam


def waits(element: int) -> int:
    """Until its process is ended."""
    threading.Event().wait()
    return element


if __name__ == "__main__":
    pipeline = beam.Pipeline(argv=sys.argv[1:])
    pipeline | beam.Create([1]) | beam.Map(waits)
    print(pipeline.run().job_id())
