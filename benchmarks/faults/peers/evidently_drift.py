"""Evidently 0.7.23 in its defaults: DataDriftPreset of train against eval and against serving."""

import contextlib
import io
import json
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import pandas as pd  # noqa: E402
from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402


def alarms(folder: Path, label: str) -> list[str]:
    """Names of the columns that it reports as drifted, by the side that was compared."""
    train, found = pd.read_parquet(folder / "train.parquet"), []
    for side in ("eval", "serving", "test"):
        path = folder / f"{side}.parquet"
        if not path.exists():
            continue
        other = pd.read_parquet(path)
        if missing := [name for name in train.columns if name not in other and name != label]:
            found += [f"{side}: {name}: missing" for name in missing]
        shared = [name for name in train.columns if name in other]
        empty = [name for name in shared if train[name].isna().all() or other[name].isna().all()]
        shared = [name for name in shared if name not in empty and train[name].nunique() > 0]
        # Its tests of pandas strings and numbers fail where the two sides differ in type: that is an alarm too.
        mixed = [name for name in shared if train[name].dtype.kind in "if" and other[name].dtype.kind == "O"]
        found += [f"{side}: {name}: type" for name in mixed]
        shared = [name for name in shared if name not in mixed]
        snapshot = Report([DataDriftPreset()]).run(other[shared], train[shared])
        for metric in snapshot.dict()["metrics"]:
            if column := drifted(metric):
                found.append(f"{side}: {column}: drift")
    return sorted(set(found))


def drifted(metric: dict) -> str:
    """The column of a drift metric that is beyond its threshold; p-values alarm below, distances above it."""
    config = metric.get("config", {})
    column, method, threshold = config.get("column"), str(config.get("method", "")), config.get("threshold")
    if not column or threshold is None or not isinstance(metric.get("value"), int | float):
        return ""
    beyond = metric["value"] < threshold if "p_value" in method else metric["value"] >= threshold
    return column if beyond else ""


def main() -> None:
    """Reads the label and then the folders from the command line."""
    label, *folders = sys.argv[1:]
    for folder in map(Path, folders):
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                what, error = alarms(folder, label), ""
            except Exception as why:
                what, error = [], f"{type(why).__name__}: {why}"[:200]
        answer = {"folder": folder.name, "seconds": time.monotonic() - began, "what": what, "error": error}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
