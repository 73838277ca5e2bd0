"""Deepchecks 0.19.1 in its defaults: the integrity suite on train, the train-test suite on eval and on serving.

Deepchecks is under the AGPL: it runs here as a separate program and is neither imported nor shipped by Sluice.
"""

import contextlib
import io
import json
import os
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ["DEEPCHECKS_DISABLE_LATEST"] = "true"
os.environ["DISABLE_LATEST_VERSION_CHECK"] = "True"

import pandas as pd  # noqa: E402
from deepchecks.tabular import Dataset  # noqa: E402
from deepchecks.tabular.suites import data_integrity, train_test_validation  # noqa: E402


def alarms(folder: Path, label: str) -> list[str]:
    """Names of the checks whose condition failed (a warning or worse), by the side that was compared."""
    train = dataset(pd.read_parquet(folder / "train.parquet"), label)
    found = failures("train", data_integrity().run(train))
    for side in ("eval", "serving", "test"):
        path = folder / f"{side}.parquet"
        if path.exists():
            other = dataset(pd.read_parquet(path), label)
            found += failures(side, train_test_validation().run(train, other))
            found += failures(f"{side} alone", data_integrity().run(other))
    return sorted(set(found))


def dataset(frame, label):
    """With the label where the frame has it; text columns are categories, as its documentation requires."""
    texts = [name for name in frame.select_dtypes(["object", "string", "category"]).columns if name != label]
    return Dataset(frame, label=label if label in frame else None, cat_features=texts)


def failures(side, result) -> list[str]:
    """The conditions that did not hold."""
    found = []
    for check in result.get_not_passed_checks():
        for condition in check.conditions_results:
            if not condition.is_pass():
                found.append(f"{side}: {check.get_header()}: {condition.details[:120]}")
    return [each if len(each) < 200 else each[:200] for each in found]


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
