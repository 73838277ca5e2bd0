"""Rows that are put aside are written down, whatever their cells hold."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.data import SplitConfig
from pipeline.ingest.assignment import Assigner
from pipeline.ingest.batches import make_batch
from pipeline.ingest.plan import Plan
from sources.kinds import Kind
from sources.rows import Rows


def test_a_row_with_a_time_that_python_cannot_hold_is_put_aside_like_any_other(tmp_path: Path) -> None:
    columns = {
        "far": pa.array([10**12, 1], pa.timestamp("s")),
        "fine": pa.array([1_600_000_000_123_456_789, 1], pa.timestamp("ns")),
        "label": pa.array([None, 1]),
    }
    kinds = {"far": Kind.INT, "fine": Kind.INT, "label": Kind.INT}
    assigner = Assigner(SplitConfig(), None, None, "label", only=None, given={}, share=1.0)
    plan = Plan("parquet", kinds, (), (), "label", None, assigner)
    rows = Rows(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)), np.array([1, 2]), True)
    batch = make_batch(rows, plan, str(tmp_path / "rows.parquet"))
    assert [(reject.line, reject.reason) for reject in batch.rejects] == [(1, "no label: `label` is missing")]
    assert batch.rejects[0].text.startswith("1000000000000,")
    assert batch.examples.num_rows == 1
