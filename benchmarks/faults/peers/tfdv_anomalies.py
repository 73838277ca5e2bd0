"""TensorFlow Data Validation 1.16.1: as TFX runs it (an inferred schema alone), or with skew comparators as well.

With comparators: L-infinity 0.3 of each category and Jensen-Shannon 0.3 of each number, on TFDV's own histograms.
"""

import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
logging.disable(logging.CRITICAL)

import pandas as pd  # noqa: E402
import tensorflow_data_validation as tfdv  # noqa: E402
from tensorflow_metadata.proto.v0 import schema_pb2  # noqa: E402

LIMIT = 0.3


def alarms(folder: Path, label: str, comparators: bool) -> list[str]:
    """`side: feature: anomaly` of each side against train's schema."""
    train = statistics(folder / "train.parquet")
    schema = tfdv.infer_schema(train)
    if comparators:
        add_comparators(schema)
    found = []
    for side in ("eval", "serving", "test"):
        path = folder / f"{side}.parquet"
        if not path.exists():
            continue
        other = statistics(path)
        judged = schema_pb2.Schema()
        judged.CopyFrom(schema)
        if side == "serving":
            without_label(judged, label)
        # `other` takes the place of what is validated; train that of the serving side of a skew comparison.
        options = {"serving_statistics": train} if comparators else {}
        anomalies = tfdv.validate_statistics(other, judged, **options)
        for name, anomaly in anomalies.anomaly_info.items():
            for reason in anomaly.reason:
                found.append(f"{side}: {name}: {reason.short_description}"[:160])
        found += [f"{side}: {each.short_description}"[:160] for each in anomalies.dataset_anomaly_info.reason]
    return sorted(set(found))


def statistics(path: Path):
    """Statistics of a file, as StatisticsGen makes them."""
    frame = pd.read_parquet(path)
    times = frame.select_dtypes("datetime").columns
    return tfdv.generate_statistics_from_dataframe(frame.assign(**{n: frame[n].astype("int64") for n in times}))


def without_label(schema, label: str) -> None:
    """Declares that the SERVING environment has no label."""
    schema.default_environment.extend(["TRAINING", "SERVING"])
    for feature in schema.feature:
        if feature.name == label:
            feature.lifecycle_stage = schema_pb2.LifecycleStage.DEPRECATED


def add_comparators(schema) -> None:
    """Adds the comparator that each type allows."""
    for feature in schema.feature:
        if feature.type == schema_pb2.BYTES:
            feature.skew_comparator.infinity_norm.threshold = LIMIT
        else:
            feature.skew_comparator.jensen_shannon_divergence.threshold = LIMIT


def main() -> None:
    """Reads `defaults` or `comparators`, the label and then the folders from the command line."""
    mode, label, *folders = sys.argv[1:]
    for folder in map(Path, folders):
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                what, error = alarms(folder, label, mode == "comparators"), ""
            except Exception as why:
                what, error = [], f"{type(why).__name__}: {why}"[:200]
        answer = {"folder": folder.name, "seconds": time.monotonic() - began, "what": what, "error": error}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
